"""TF Serving's routes, which are KServe's first protocol as well.

GET  /v1/models/NAME[/versions/VERSION][/metadata]
POST /v1/models/NAME[/versions/VERSION]:predict

    {"instances": [row, ...]}          -> {"predictions": [prediction, ...]}
    {"inputs": {column: [value, ...]}} -> {"outputs": {output: [value, ...]}}

A model of one output gives its list alone under `outputs`.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from mlops_loop.inference.by_column import Table
from mlops_loop.inference.errors import BodyUnreadable
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import Predictions
from mlops_loop.inference.rows import Row
from mlops_loop.serving.protocols import answering, tensors

SIGNATURE = "serving_default"
VERSION = "/v1/models/{name}/versions/{version}"
_DTYPES = {"FP64": "DT_DOUBLE", "INT64": "DT_INT64", "BOOL": "DT_BOOL", "BYTES": "DT_STRING"}


class Asked(TypedDict):
    """One of the two; rows or columns."""

    instances: NotRequired[list[dict[str, Any]]]
    inputs: NotRequired[dict[str, list[Any]]]
    signature_name: NotRequired[Literal["serving_default"]]


_ASKED = TypeAdapter(Asked)
router = APIRouter(tags=["TF Serving"], route_class=answering.Route)


@router.get("/v1/models/{name}", summary="State of the model")
@router.get(VERSION, dependencies=answering.VERSION, summary="State of a version")
async def v1_model(name: str, request: Request) -> dict[str, Any]:
    """Whether it can predict."""
    state = {"version": answering.model_of(request, name).version, "state": "AVAILABLE"}
    status = {"status": {"error_code": "OK", "error_message": ""}}
    return {"name": name, "ready": True, "model_version_status": [state | status]}


@router.get("/v1/models/{name}/metadata", summary="Inputs and outputs")
@router.get(f"{VERSION}/metadata", dependencies=answering.VERSION, summary="The same of a version")
async def v1_metadata(name: str, request: Request) -> dict[str, Any]:
    """Types and shapes of columns and outputs."""
    model = answering.model_of(request, name)
    signature = {
        "inputs": {each["name"]: _tensor_info(each) for each in tensors.inputs_of(model)},
        "outputs": {each["name"]: _tensor_info(each) for each in tensors.outputs_of(model)},
        "method_name": "tensorflow/serving/predict",
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": model.version},
        "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
    }


@router.post("/v1/models/{name}:predict", summary="Predict", response_model=dict[str, Any])
@router.post(
    f"{VERSION}:predict",
    dependencies=answering.VERSION,
    summary="Predict by a version",
    response_model=dict[str, Any],
)
async def v1_predict(name: str, request: Request) -> Response:
    """Predict rows or columns."""
    model = answering.model_of(request, name)
    return await answering.predict(request, model, _read, _write)


def bodies(model: Model) -> dict[str, tuple[Any, Any]]:
    """By path, the type of a request and an example of it: two rows."""
    example = {"instances": model.examples[:2]}
    paths = ("/v1/models/{name}:predict", f"{VERSION}:predict")
    return dict.fromkeys(paths, (Asked, example))


def _read(body: bytes, model: Model) -> tuple[Asked, list[Row] | Table]:
    asked: Asked = answering.parse(_ASKED, body)
    if ("instances" in asked) == ("inputs" in asked):
        raise BodyUnreadable(
            "In the body: either `instances` (rows) or `inputs` (columns) is needed."
        )
    if "instances" in asked:
        return asked, model.reader.check(asked["instances"])
    return asked, answering.by_column(asked["inputs"], model)


def _write(asked: Asked, model: Model, result: Predictions) -> Response:
    if "instances" in asked:
        answer: dict[str, Any] = {"predictions": result.predictions}
    else:
        outputs = answering.columns_of(model, result)
        answer = {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}
    return answering.json_response(answer | answering.id_of(result))


def _tensor_info(tensor: dict[str, Any]) -> dict[str, Any]:
    sizes = [{"size": str(size), "name": ""} for size in tensor["shape"]]
    shape = {"dim": sizes, "unknown_rank": False}
    return {"dtype": _DTYPES[tensor["datatype"]], "tensor_shape": shape, "name": tensor["name"]}
