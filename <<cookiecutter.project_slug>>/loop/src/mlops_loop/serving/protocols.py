"""The same predictions for clients of TF Serving and of the Open Inference Protocol (KServe).

    GET  /v1/models/{name}            POST /v1/models/{name}:predict    {"instances": [row, ...]}
    GET  /v2, /v2/health/live|ready   GET  /v2/models/{name}[/ready]
    POST /v2/models/{name}/infer      each column a tensor (`tensors.py`)

The model's name is `app.state.model_name`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, NotRequired

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from typing_extensions import TypedDict

from mlops_loop.access.body import read_body
from mlops_loop.access.responses import error_response
from mlops_loop.inference.errors import BodyUnreadable, RequestRefused, RowsRefused
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import (
    LARGE_BYTES,
    Predictions,
    count_refused,
    predict_and_log,
    ready_model,
)
from mlops_loop.inference.rows import Row
from mlops_loop.serving import tensors
from mlops_loop.serving.refusals import STATUS
from mlops_loop.serving.tensors import DATATYPES, Tensor


class Output(TypedDict):
    name: str


class Infer(TypedDict):
    inputs: Annotated[list[Tensor], Field(min_length=1)]
    outputs: NotRequired[list[Output]]
    id: NotRequired[str]


class Instances(TypedDict):
    instances: list[dict[str, Any]]


_INFER, _INSTANCES = TypeAdapter(Infer), TypeAdapter(Instances)


class _Route(APIRoute):
    """Refuses as these protocols do: with a sentence under `error`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                return error_response(error.status_code, error.detail, error.headers)
            except RequestRefused as error:
                if isinstance(error, RowsRefused):
                    count_refused(request.app.state, error)
                return error_response(STATUS[type(error)], str(error))

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
    return await _predict(request, model, _INSTANCES, _v1_rows, _v1_answer)


def _v1_rows(instances: Instances, _model: Model) -> list[Row]:
    return instances["instances"]


def _v1_answer(_instances: Instances, _model: Model, result: Predictions) -> dict[str, Any]:
    return {"predictions": result.predictions, **_id(result)}


@router.get("/v2", summary="Open Inference Protocol: the server")
async def _v2(request: Request) -> dict[str, Any]:
    state = request.app.state
    return {"name": state.model_name, "version": state.settings.model_version, "extensions": []}


@router.get("/v2/health/live", summary="Open Inference Protocol: alive?")
async def _v2_live() -> dict[str, bool]:
    return {"live": True}


@router.get("/v2/health/ready", summary="Open Inference Protocol: can it predict?")
async def _v2_ready(request: Request) -> dict[str, bool]:
    ready_model(request.app.state)
    return {"ready": True}


@router.get("/v2/models/{name}", summary="Open Inference Protocol: inputs and outputs")
async def _v2_model(name: str, request: Request) -> dict[str, Any]:
    model = _model(request, name)
    return {
        "name": name,
        "versions": [model.version],
        "platform": "onnxruntime",
        "classes": model.contract.classes,
        "inputs": [
            tensors.description(column.name, DATATYPES[column.kind], -1)
            for column in model.contract.columns
        ],
        "outputs": [
            tensors.description(key, datatype, -1, *shape)
            for key, datatype, shape in model.task.outputs(model.contract)
        ],
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
        raise BodyUnreadable("Binary tensors are not read: send values as JSON.")
    return await _predict(request, model, _INFER, _v2_rows, partial(_v2_answer, name))


def _v2_rows(infer: Infer, model: Model) -> list[Row]:
    offered = [output.key for output in model.task.outputs(model.contract)]
    if unknown := sorted({output["name"] for output in infer.get("outputs", [])} - set(offered)):
        allowed = ", ".join(offered)
        raise BodyUnreadable(f"There is no output {unknown[0]!r}. Allowed: {allowed}.")
    return tensors.to_rows(infer["inputs"], model.contract)


def _v2_answer(name: str, infer: Infer, model: Model, result: Predictions) -> dict[str, Any]:
    offered = {output.key: output for output in model.task.outputs(model.contract)}
    wanted = [output["name"] for output in infer.get("outputs", [])] or list(offered)
    outputs = [tensors.from_predictions(offered[key], result.predictions) for key in wanted]
    ids: dict[str, Any] = {"id": infer["id"]} if "id" in infer else {}
    ids |= {"parameters": _id(result)} if _id(result) else {}
    return {"model_name": name, "model_version": model.version, **ids, "outputs": outputs}


def bodies(model: Model) -> dict[str, tuple[Any, Any]]:
    """By path, the type of a request and an example of it: two rows."""
    rows = model.examples[:2]
    inputs = [tensors.from_rows(rows, column) for column in model.contract.columns]
    return {
        "/v1/models/{name}:predict": (Instances, {"instances": rows}),
        "/v2/models/{name}/infer": (Infer, {"inputs": inputs}),
    }


def _model(request: Request, name: str) -> Model:
    """The model that serves; raises NoModel without one, HTTPException 404 for another name."""
    allowed = request.app.state.model_name
    if name != allowed:
        raise HTTPException(404, f"There is no model {name!r}. Allowed: {allowed}.")
    return ready_model(request.app.state)


async def _predict(
    request: Request,
    model: Model,
    adapter: TypeAdapter[Any],
    rows_of: Callable[[Any, Model], list[Row]],
    answer_of: Callable[[Any, Model, Predictions], dict[str, Any]],
) -> Response:
    """Checks and predicts as `/predict` does; large bodies in a thread."""
    state = request.app.state
    body = await read_body(request.receive, state.settings.max_body_bytes)

    def check() -> tuple[Any, list[Row]]:
        content = _parse(adapter, body)
        return content, model.reader.check(rows_of(content, model))

    async def answer(content: Any, rows: list[Row]) -> Response:
        result = await predict_and_log(request.scope, model, rows)
        answered = answer_of(content, model, result)
        return Response(to_json(answered), media_type="application/json")

    if len(body) < LARGE_BYTES:
        return await answer(*check())
    async with state.large:
        return await answer(*await to_thread.run_sync(check))


def _parse(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise BodyUnreadable(f"In {place}: {first['msg']}.") from None


def _id(result: Predictions) -> dict[str, str]:
    """The id of the request, where a log is kept."""
    return {key: result.metadata[key] for key in ("prediction_id",) if key in result.metadata}
