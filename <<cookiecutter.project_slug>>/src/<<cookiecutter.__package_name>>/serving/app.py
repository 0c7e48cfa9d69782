"""The endpoint, as an ASGI application: `create_app(settings)`.

    POST /predict    one row or many -> predictions
    GET  /           the page: a form made from the contract (`page.py`)
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers, 503 with the reason without
    GET  /version    what runs here
    GET  /contract   what the model takes and gives

The model is loaded once, at start. Without a valid bundle the app starts all the same, and
says why it cannot predict: an orchestrator can then tell "not ready" from "crashed".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic_core import to_json

from ..errors import NoValidBundle
from . import model as models
from . import openapi, page
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


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; `app.state.model` is None until a valid bundle is loaded."""
    app = FastAPI(
        title=page.project_name(),
        version=settings.model_version,
        lifespan=_load_model,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.model = None
    app.state.reason = "The model is not loaded yet."
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    app.add_exception_handler(NotReady, _refuse(503))
    app.add_exception_handler(BodyRefused, _refuse_body)
    _add_predict(app)
    _add_probes(app)
    page.add_to(app)
    return app


@asynccontextmanager
async def _load_model(app: FastAPI) -> AsyncIterator[None]:
    try:
        app.state.model = models.load(app.state.settings)
    except NoValidBundle as error:
        app.state.reason = str(error)
    yield


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


def _openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    return openapi.complete(document, app.state.model) if app.state.model else document


def _refuse(status: int) -> Any:
    async def refuse(_request: Request, error: Exception) -> Response:
        return _json(status, {"detail": str(error)})

    return refuse


async def _refuse_body(_request: Request, error: BodyRefused) -> Response:
    content: dict[str, Any] = {"detail": str(error)}
    if isinstance(error, RowsRefused):
        content |= {"errors": error.problems, "total": error.total}
    return _json(error.status, content)


def _json(status: int, content: Any) -> Response:
    return Response(to_json(content), status, media_type="application/json")
