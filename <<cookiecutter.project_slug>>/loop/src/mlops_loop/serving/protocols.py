"""The same predictions for clients of TF Serving and of the Open Inference Protocol (KServe).

    GET  /v1/models/{name}            POST /v1/models/{name}:predict    {"instances": [row, ...]}
    GET  /v2, /v2/health/live|ready   GET  /v2/models/{name}[/ready]
    POST /v2/models/{name}/infer      each column a tensor [n] or [n, 1] of JSON values

In a tensor a missing value is null or NaN; in one of texts also "", unless that is a category.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NotRequired

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import (
    LARGE_BYTES,
    Predicted,
    count_refused,
    predicted,
    read_body,
    ready_model,
)
from mlops_loop.inference.rows import Row
from mlops_loop.inference.validation_errors import RowsRefused, told
from mlops_loop.model.contract import Column, Contract

SERVER = __name__.split(".")[0]
DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


class Output(TypedDict):
    name: str


class Tensor(TypedDict):
    """One column. The values decide, so a datatype may be wider than the column's own."""

    name: str
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=2)]
    datatype: Annotated[str, Field(pattern="^(BOOL|BYTES|U?INT(8|16|32|64)|FP(16|32|64))$")]
    data: list[Any]


class Infer(TypedDict):
    inputs: Annotated[list[Tensor], Field(min_length=1)]
    outputs: NotRequired[list[Output]]
    id: NotRequired[str]


class Instances(TypedDict):
    instances: list[dict[str, Any]]


_INFER, _INSTANCES = TypeAdapter(Infer), TypeAdapter(Instances)


class _Route(APIRoute):
    """Refuses in the words of these protocols: a sentence under `error`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as refused:
                if isinstance(refused, RowsRefused):
                    count_refused(request.app.state, refused)
                return told(refused)

        return answer


router = APIRouter(tags=["Other protocols"], route_class=_Route)


@router.get("/v1/models/{name}", summary="TF Serving: state of the model")
async def _v1_model(name: str, request: Request) -> dict[str, Any]:
    version = _model(request, name).version
    state = {"version": version, "state": "AVAILABLE"}
    status = {"status": {"error_code": "OK", "error_message": ""}}
    return {"name": name, "ready": True, "model_version_status": [state | status]}


@router.post(
    "/v1/models/{name}:predict",
    summary="TF Serving: predict instances",
    response_model=dict[str, Any],
)
async def _v1_predict(name: str, request: Request) -> Response:
    model = _model(request, name)
    return await _answer(request, model, _INSTANCES, _v1_rows, _v1_told)


def _v1_rows(asked: Instances, _model: Model) -> list[Row]:
    return asked["instances"]


def _v1_told(_asked: Instances, _model: Model, found: Predicted) -> dict[str, Any]:
    return {"predictions": found.predictions, **_id(found)}


@router.get("/v2", summary="Open Inference Protocol: the server")
async def _v2(request: Request) -> dict[str, Any]:
    return {"name": SERVER, "version": request.app.state.settings.model_version, "extensions": []}


@router.get("/v2/health/live", summary="Open Inference Protocol: alive?")
async def _v2_live() -> dict[str, bool]:
    return {"live": True}


@router.get("/v2/health/ready", summary="Open Inference Protocol: can it predict?")
async def _v2_ready(request: Request) -> dict[str, bool]:
    _model(request)
    return {"ready": True}


@router.get("/v2/models/{name}", summary="Open Inference Protocol: inputs and outputs")
async def _v2_model(name: str, request: Request) -> dict[str, Any]:
    model = _model(request, name)
    inputs = [_about(column.name, DATATYPES[column.kind], -1) for column in model.contract.columns]
    outputs = [_about(key, kind, -1, *more) for key, kind, *more in _outputs(model.contract)]
    platform = {"platform": "onnxruntime", "classes": model.contract.classes}
    return {"name": name, "versions": [model.version], **platform} | {
        "inputs": inputs,
        "outputs": outputs,
    }


@router.get("/v2/models/{name}/ready", summary="Open Inference Protocol: is the model ready?")
async def _v2_model_ready(name: str, request: Request) -> dict[str, Any]:
    _model(request, name)
    return {"name": name, "ready": True}


@router.post(
    "/v2/models/{name}/infer",
    summary="Open Inference Protocol: predict tensors",
    response_model=dict[str, Any],
)
async def _v2_infer(name: str, request: Request) -> Response:
    model = _model(request, name)
    if "inference-header-content-length" in request.headers:
        raise HTTPException(400, "Binary tensors are not read: send values as JSON.")
    return await _answer(request, model, _INFER, _v2_rows, _v2_told)


def _v2_rows(asked: Infer, model: Model) -> list[Row]:
    offered = [key for key, *_ in _outputs(model.contract)]
    if unknown := sorted({each["name"] for each in asked.get("outputs", [])} - set(offered)):
        known = ", ".join(offered)
        raise HTTPException(400, f"There is no output {unknown[0]!r}. Allowed: {known}.")
    return _rows(asked["inputs"], model.contract)


def _v2_told(asked: Infer, model: Model, found: Predicted) -> dict[str, Any]:
    offered = {key: (kind, *more) for key, kind, *more in _outputs(model.contract)}
    wanted = [each["name"] for each in asked.get("outputs", [])] or list(offered)
    outputs = [_values(key, found.predictions, *offered[key]) for key in wanted]
    given = {"id": asked["id"]} if "id" in asked else {}
    given |= {"parameters": _id(found)} if _id(found) else {}
    return {"model_name": SERVER, "model_version": model.version, **given, "outputs": outputs}


def bodies(model: Model) -> dict[str, tuple[Any, Any]]:
    """By path, what a request is and an example of it: two golden rows."""
    rows, tensors = model.golden[:2], []
    for column in model.contract.columns:
        about = _about(column.name, DATATYPES[column.kind], len(rows))
        tensors.append(about | {"data": [row.get(column.name) for row in rows]})
    return {
        "/v1/models/{name}:predict": (Instances, {"instances": rows}),
        "/v2/models/{name}/infer": (Infer, {"inputs": tensors}),
    }


def _model(request: Request, name: str = SERVER) -> Model:
    """The model that serves; 503 without one, 404 for any other name."""
    if name != SERVER:
        raise HTTPException(404, f"There is no model {name!r}. Allowed: {SERVER}.")
    return ready_model(request.app.state)


async def _answer(
    request: Request,
    model: Model,
    adapter: TypeAdapter[Any],
    rows_of: Callable[[Any, Model], list[Row]],
    told_of: Callable[[Any, Model, Predicted], dict[str, Any]],
) -> Response:
    """As `/predict` does, with the same checks."""
    state = request.app.state
    body = await read_body(request.receive, state.settings.max_body_bytes)

    def checked() -> tuple[Any, list[Row]]:
        asked = _read(adapter, body)
        return asked, model.reader.check(rows_of(asked, model))

    async def answered(asked: Any, rows: list[Row]) -> Response:
        made = told_of(asked, model, await predicted(request.scope, model, rows))
        return Response(to_json(made), media_type="application/json")

    if len(body) < LARGE_BYTES:
        return await answered(*checked())
    async with state.large:
        return await answered(*await to_thread.run_sync(checked))


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise HTTPException(400, f"In {place}: {first['msg']}.") from None


def _id(found: Predicted) -> dict[str, str]:
    """Of the request, where a log is kept."""
    return {key: found.about[key] for key in ("prediction_id",) if key in found.about}


def _rows(tensors: Iterable[Tensor], contract: Contract) -> list[Row]:
    columns = {column.name: column for column in contract.columns}
    table: dict[str, list[Any]] = {}
    for tensor in tensors:
        name, values = tensor["name"], _flat(tensor)
        if name in table or len(values) != len(next(iter(table.values()), values)):
            raise HTTPException(400, f"Input {name!r} comes twice, or has another length.")
        table[name] = _given(columns.get(name), values)
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def _flat(tensor: Tensor) -> list[Any]:
    """The values of [n] or [n, 1]; the latter may be nested."""
    (n, *width), data = tensor["shape"], tensor["data"]
    if width and data and all(isinstance(each, list) and len(each) == 1 for each in data):
        data = [each[0] for each in data]
    if len(data) != n or width not in ([], [1]):
        sentence = f"Input {tensor['name']!r} has {len(data)} values, and the shape {[n, *width]}."
        raise HTTPException(400, f"{sentence} Allowed: [n] or [n, 1].")
    return data


def _given(column: Column | None, values: list[Any]) -> list[Any]:
    if column and column.nullable and "" not in column.levels:
        values = [None if value == "" else value for value in values]
    return [None if value != value else value for value in values]


def _outputs(contract: Contract) -> list[tuple[Any, ...]]:
    """Name and datatype of each output, and how many values a row has where that is not one."""
    if contract.task == "regression":
        return [("prediction", "FP64")]
    shares = ("probabilities", "FP64", len(contract.classes))
    return [("prediction", "BYTES"), ("probability", "FP64"), shares]


def _about(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def _values(key: str, predictions: list[dict[str, Any]], kind: str, *width: int) -> dict[str, Any]:
    """One output of all rows; its values one after the other."""
    data = [each[key] for each in predictions]
    if width:
        data = [share for each in data for share in each.values()]
    return _about(key, kind, len(predictions), *width) | {"data": data}
