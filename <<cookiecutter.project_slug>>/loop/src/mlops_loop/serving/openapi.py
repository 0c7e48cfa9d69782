"""The OpenAPI document: FastAPI's own, with bodies and examples made from the contract.

FastAPI cannot describe routes that take bytes; this module does.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import Field, TypeAdapter

from mlops_loop import tasks
from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import typed_dict
from mlops_loop.model.contract import Contract
from mlops_loop.serving import log_routes
from mlops_loop.serving.protocols import PROTOCOLS

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def document(app: FastAPI) -> dict[str, Any]:
    """The document of the model that serves; without one, of the routes alone.

    It is made once for each model, since that takes as long as a hundred predictions.
    """
    model, known = app.state.document
    if known is None or model is not app.state.model:
        app.state.document = _, known = app.state.model, _made(app)
    return known


def _made(app: FastAPI) -> dict[str, Any]:
    # Beside the document: a proxy may put a prefix before it that nobody here knows.
    here = [{"url": "."}]
    spec = get_openapi(title=app.title, version=app.version, routes=app.routes, servers=here)
    feedback = {"One row": {"prediction_id": ID, "outcome": "what came true"}}
    content = _content(
        spec["components"]["schemas"], log_routes.Feedback | log_routes.Many, feedback
    )
    spec["paths"]["/feedback"]["post"]["requestBody"] = {"required": True, "content": content}
    if app.state.model is not None:
        _describe_predict(spec, app.state.model, app.state.log is not None)
    return spec


def _describe_predict(spec: dict[str, Any], model: Model, logged: bool) -> None:
    operation, schemas = spec["paths"]["/predict"]["post"], spec["components"]["schemas"]
    row = model.examples[0]
    examples = {"One row": row, "Several rows": model.examples[:3]}
    content = _content(schemas, model.reader.body_type, examples)
    operation["requestBody"] = {"required": True, "content": content}
    example = _rounded(model.predict([row])[0]) | model.metadata()
    example |= {"prediction_id": ID} if logged else {}
    content = _content(schemas, _answer_type(model.contract, logged), {"One row": example})
    operation["responses"]["200"]["content"] = content
    for protocol in PROTOCOLS:
        for path, (body, example) in protocol.bodies(model).items():
            content = _content(schemas, body, {"Two rows": example})
            spec["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}


def operation_id(route: APIRoute) -> str:
    """The name of a route's function, which a generated client gives its method."""
    return route.name.lstrip("_") + ("_of_version" if "{version}" in route.path else "")


def _rounded(value: Any) -> Any:
    """A prediction whose numbers have four significant digits, to be read."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _content(schemas: dict[str, Any], of: Any, examples: dict[str, Any]) -> dict[str, Any]:
    """A body of the type `of`; the schemas that it refers to are added to `schemas`."""
    schema = TypeAdapter(of).json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schema.pop("$defs", {})
    values = {name: {"value": value} for name, value in examples.items()}
    return {"application/json": {"schema": schema, "examples": values}}


def _answer_type(contract: Contract, logged: bool) -> Any:
    """What `/predict` sends, for one row or for many."""
    task = tasks.of(contract)
    prediction = task.prediction_fields(contract)
    metadata: dict[str, Any] = {"model_version": str}
    if logged:
        metadata |= {"prediction_id": Annotated[str, Field(description="For `/feedback`.")]}
    metadata |= dict.fromkeys(task.about(contract), str)
    one = typed_dict("Answer", prediction | metadata)
    row: Any = typed_dict("Prediction", prediction)
    return one | typed_dict("Answers", {"predictions": list[row]} | metadata)
