"""The Open Inference Protocol, as KServe, Triton and their clients speak it.

    GET  /v2, /v2/health/live, /v2/health/ready
    GET  /v2/models/NAME[/versions/VERSION], and of it /ready, /config, /stats
    POST /v2/models/NAME[/versions/VERSION]/infer    each column a tensor (`tensors.py`)
    POST /v2/repository/index

Of Triton's extensions it has binary tensors, model configuration and statistics.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, NotRequired

from fastapi import APIRouter, Request, Response
from pydantic import Field, TypeAdapter
from pydantic_core import to_json
from typing_extensions import TypedDict

from mlops_loop.inference.by_column import Table
from mlops_loop.inference.errors import BodyUnreadable
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import Predictions, ready, ready_model
from mlops_loop.serving.protocols import answering, binary_values, tensors
from mlops_loop.serving.protocols.tensors import Tensor

EXTENSIONS = ["binary_tensor_data", "model_configuration", "statistics"]
LENGTH = "inference-header-content-length"


class Output(TypedDict):
    """An output that somebody wants; `binary_data` is the only parameter that is taken."""

    name: str
    parameters: NotRequired[dict[str, Any]]


class Infer(TypedDict):
    """A request."""

    inputs: Annotated[list[Tensor], Field(min_length=1)]
    outputs: NotRequired[list[Output]]
    id: NotRequired[str]
    parameters: NotRequired[dict[str, Any]]


class Asked(NamedTuple):
    """A request, the model's name in it, and which outputs are wanted as bytes."""

    name: str
    infer: Infer
    wanted: dict[str, bool]


_INFER = TypeAdapter(Infer)
VERSION = "/v2/models/{name}/versions/{version}"
router = APIRouter(tags=["Open Inference Protocol"], route_class=answering.Route)


@router.get("/v2", summary="The server")
async def v2_server(request: Request) -> dict[str, Any]:
    """Name, version and extensions."""
    state = request.app.state
    version = state.settings.model_version
    return {"name": state.model_name, "version": version, "extensions": EXTENSIONS}


@router.get("/v2/health/live", summary="Is it alive?")
async def v2_live() -> dict[str, bool]:
    """Always, where somebody answers."""
    return {"live": True}


@router.get("/v2/health/ready", summary="Can it predict?")
async def v2_ready(request: Request) -> dict[str, bool]:
    """As `/ready`."""
    ready(request.app.state)
    return {"ready": True}


@router.post("/v2/repository/index", summary="The models that there are")
async def v2_index(request: Request) -> list[dict[str, Any]]:
    """One, or none with the reason."""
    state = request.app.state
    if model := state.model:
        return [{"name": state.model_name, "version": model.version, "state": "READY"}]
    return [{"name": state.model_name, "state": "UNAVAILABLE", "reason": state.reason}]


@router.get("/v2/models/stats", summary="Statistics of all models")
async def v2_all_statistics(request: Request) -> dict[str, Any]:
    """Those of the one that serves, since it was loaded."""
    return _statistics(request.app.state.model_name, ready_model(request.app.state))


@router.get("/v2/models/{name}", summary="Inputs and outputs")
@router.get(VERSION, dependencies=answering.VERSION, summary="Inputs and outputs")
async def v2_model(name: str, request: Request) -> dict[str, Any]:
    """Types and shapes of columns and outputs, and the classes in their order."""
    model = answering.model_of(request, name)
    return {
        "name": name,
        "versions": [model.version],
        "platform": "onnxruntime",
        "classes": model.contract.classes,
        "inputs": tensors.inputs_of(model),
        "outputs": tensors.outputs_of(model),
    }


@router.get("/v2/models/{name}/ready", summary="Can the model predict?")
@router.get(f"{VERSION}/ready", dependencies=answering.VERSION, summary="Can the version predict?")
async def v2_model_ready(name: str, request: Request) -> dict[str, Any]:
    """As `/ready`."""
    answering.model_of(request, name)
    ready(request.app.state)
    return {"name": name, "ready": True}


@router.get("/v2/models/{name}/config", summary="Triton's model configuration")
@router.get(f"{VERSION}/config", dependencies=answering.VERSION, summary="The same of a version")
async def v2_config(name: str, request: Request) -> dict[str, Any]:
    """Types and shapes; of a batch, every size is taken, so none is a maximum here."""
    model = answering.model_of(request, name)
    return {
        "name": name,
        "platform": "onnxruntime_onnx",
        "backend": "onnxruntime",
        "max_batch_size": 0,
        "input": [_configured(each) for each in tensors.inputs_of(model)],
        "output": [_configured(each) for each in tensors.outputs_of(model)],
    }


@router.get("/v2/models/{name}/stats", summary="Statistics")
@router.get(f"{VERSION}/stats", dependencies=answering.VERSION, summary="Statistics of a version")
async def v2_statistics(name: str, request: Request) -> dict[str, Any]:
    """Since the model was loaded; durations in nanoseconds, all of them under `compute_infer`."""
    return _statistics(name, answering.model_of(request, name))


@router.post("/v2/models/{name}/infer", summary="Predict tensors", response_model=dict[str, Any])
@router.post(
    f"{VERSION}/infer",
    dependencies=answering.VERSION,
    summary="Predict tensors by a version",
    response_model=dict[str, Any],
)
async def v2_infer(name: str, request: Request) -> Response:
    """Predict; values as JSON or as bytes, both ways."""
    model = answering.model_of(request, name)
    length = request.headers.get(LENGTH)

    def read(body: bytes, model: Model) -> tuple[Asked, Table]:
        header, binary = _parts(body, length)
        infer: Infer = answering.parse(_INFER, header)
        asked = Asked(name, infer, _wanted(infer, model))
        return asked, model.columns.read(tensors.to_columns(infer["inputs"], binary, model))

    return await answering.predict(request, model, read, _write)


def bodies(model: Model) -> dict[str, tuple[Any, Any]]:
    """By path, the type of a request and an example of it: two rows."""
    rows = model.examples[:2]
    inputs = [tensors.from_rows(rows, column) for column in model.contract.columns]
    paths = ("/v2/models/{name}/infer", f"{VERSION}/infer")
    return dict.fromkeys(paths, (Infer, {"inputs": inputs}))


def _parts(body: bytes, length: str | None) -> tuple[bytes, bytes]:
    """The JSON of a body, and the bytes behind it; `length` is that of the JSON, if both come."""
    if length is None:
        return body, b""
    if not (length.isascii() and length.isdigit() and int(length) <= len(body)):
        raise BodyUnreadable(
            f"{LENGTH}: {length!r} is not the length of the JSON in a body of {len(body)} bytes."
        )
    return body[: int(length)], body[int(length) :]


def _wanted(infer: Infer, model: Model) -> dict[str, bool]:
    """The outputs to send, each with whether as bytes."""
    offered = [output.key for output in model.task.outputs(model.contract)]
    asked = infer.get("outputs", [])
    if unknown := sorted({output["name"] for output in asked} - set(offered)):
        allowed = ", ".join(offered)
        raise BodyUnreadable(f"There is no output {unknown[0]!r}. Allowed: {allowed}.")
    as_bytes = bool(infer.get("parameters", {}).get("binary_data_output", False))
    wanted = dict.fromkeys([output["name"] for output in asked] or offered, as_bytes)
    return wanted | {output["name"]: _as_bytes(output, as_bytes) for output in asked}


def _as_bytes(output: Output, default: bool) -> bool:
    parameters = output.get("parameters", {})
    if refused := sorted(parameters.keys() - {"binary_data"}):
        raise BodyUnreadable(
            f"Output {output['name']!r}: {refused[0]} is not offered. Next: leave it out, and read "
            "the values of the outputs"
        )
    return bool(parameters.get("binary_data", default))


def _write(asked: Asked, model: Model, result: Predictions) -> Response:
    columns = answering.columns_of(model, result)
    outputs, binary = [], []
    for key, datatype, shape in model.task.outputs(model.contract):
        if key not in asked.wanted:
            continue
        output = tensors.description(key, datatype, len(result.predictions), *shape)
        if asked.wanted[key]:
            binary.append(binary_values.write(datatype, columns[key]))
            output["parameters"] = {"binary_data_size": len(binary[-1])}
        else:
            output["data"] = tensors.flat(columns[key], shape)
        outputs.append(output)
    header = to_json(_about(asked, model, result) | {"outputs": outputs})
    if not binary:
        return Response(header, media_type="application/json")
    return Response(
        b"".join([header, *binary]),
        headers={LENGTH: str(len(header))},
        media_type="application/octet-stream",
    )


def _about(asked: Asked, model: Model, result: Predictions) -> dict[str, Any]:
    ids: dict[str, Any] = {"id": asked.infer["id"]} if "id" in asked.infer else {}
    logged = answering.id_of(result)
    ids |= {"parameters": logged} if logged else {}
    return {"model_name": asked.name, "model_version": model.version} | ids


def _configured(tensor: dict[str, Any]) -> dict[str, Any]:
    kind = "STRING" if tensor["datatype"] == "BYTES" else tensor["datatype"]
    return {"name": tensor["name"], "data_type": f"TYPE_{kind}", "dims": tensor["shape"]}


def _statistics(name: str, model: Model) -> dict[str, Any]:
    usage, none = model.usage, {"count": 0, "ns": 0}
    done = {"count": usage.requests, "ns": round(usage.seconds * 1e9)}
    names = ("queue", "compute_input", "compute_output", "cache_hit", "cache_miss")
    spent = {"success": done, "compute_infer": done, "fail": none | {"count": usage.refused}}
    return {
        "model_stats": [
            {
                "name": name,
                "version": model.version,
                "last_inference": round(usage.last_at * 1000),
                "inference_count": usage.rows,
                "execution_count": usage.requests,
                "inference_stats": spent | dict.fromkeys(names, none),
                "batch_stats": [],
            }
        ]
    }
