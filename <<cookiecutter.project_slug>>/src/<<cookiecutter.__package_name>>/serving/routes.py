"""The routes that programs ask: `/predict`, `/health`, `/ready`, `/version`, `/contract`.

Every refusal is JSON with a sentence in `detail`.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from .body import read_body
from .model import Model
from .problems import BodyRefused, Problem, RowsRefused
from .settings import Settings


class Refusal(BaseModel):
    """An answer that is not a prediction: what is wrong, in one sentence."""

    detail: str


class RefusedRows(Refusal):
    """The first problems of `total`."""

    errors: list[Problem]
    total: int


_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The body is not JSON."},
    413: {"model": Refusal, "description": "The body is too large."},
    422: {"model": RefusedRows, "description": "A value is not allowed, and here is what is."},
    503: {"model": Refusal, "description": "No model is loaded, and here is why."},
}


class NotReady(Exception):
    """There is no model; the message is the reason."""


def add_to(app: FastAPI) -> None:
    """Add routes and refusals; they look at `app.state` for model, reason and settings."""
    app.add_exception_handler(NotReady, _refuse_for_now)
    app.add_exception_handler(BodyRefused, _refuse_body)
    _add_predict(app)
    _add_probes(app)


def ready_model(request: Request) -> Model:
    """The model that serves; raises NotReady with the reason where there is none."""
    state = request.app.state
    if state.model is None:
        raise NotReady(state.reason)
    return state.model


def _add_predict(app: FastAPI) -> None:
    max_body_bytes = app.state.settings.max_body_bytes

    @app.post(
        "/predict",
        responses=_ERRORS,
        summary="Predict one row or many",
        response_description="One prediction for each row, in the order of the rows.",
        tags=["Prediction"],
    )
    async def predict(request: Request) -> Response:
        model = ready_model(request)
        body = await read_body(request, max_body_bytes)
        return Response(model.answer(body), media_type="application/json")


def _add_probes(app: FastAPI) -> None:
    probes = APIRouter(tags=["What runs here"])

    @probes.get("/health", summary="Is the process alive?")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @probes.get("/ready", responses={503: _ERRORS[503]}, summary="Can it predict?")
    async def ready(request: Request) -> dict[str, str]:
        return {"status": "ready", "bundle": ready_model(request).bundle.id}

    @probes.get("/version", summary="What runs here?")
    async def version(request: Request) -> dict[str, str | None]:
        return _version(request.app.state.settings, request.app.state.model)

    @probes.get("/contract", responses={503: _ERRORS[503]}, summary="What does the model take?")
    async def contract(request: Request) -> dict[str, Any]:
        return ready_model(request).bundle.read_json("contract.json")

    app.include_router(probes)


def _version(settings: Settings, model: Model | None) -> dict[str, str | None]:
    """Unknown facts are null."""
    return {
        "model_version": settings.model_version,
        "bundle": model and model.bundle.id,
        "task": model and model.contract.task,
        "git_commit": settings.git_commit or None,
        "image_digest": settings.image_digest or None,
    }


async def _refuse_for_now(_request: Request, error: Exception) -> Response:
    return _json(503, {"detail": str(error)})


async def _refuse_body(_request: Request, error: Exception) -> Response:
    content: dict[str, Any] = {"detail": str(error)}
    if isinstance(error, RowsRefused):
        content |= {"errors": error.problems, "total": error.total}
    return _json(getattr(error, "status", BodyRefused.status), content)


def _json(status: int, content: Any) -> Response:
    return Response(to_json(content), status, media_type="application/json")
