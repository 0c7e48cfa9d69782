"""The routes that programs ask: `/predict`, `/health`, `/ready`, `/version`, `/contract`.

Every refusal is JSON with a sentence in `detail`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ..errors import LogUnavailable
from ..inference.model import Model
from ..inference.problems import Problem, RowsRefused
from ..inference.rows import Row
from ..prediction_log.log import PredictionLog

# What takes milliseconds is done in a thread, so that other requests go on.
LARGE_BYTES = 32 * 1024
SUBJECT = b"x-subject-id"

router = APIRouter(tags=["Endpoint"])


class Refusal(BaseModel):
    """An answer that is not a prediction: what is wrong, in one sentence."""

    detail: str


class RefusedRows(Refusal):
    """The first problems of `total`."""

    errors: list[Problem]
    total: int


_NOT_READY = {"model": Refusal, "description": "No model is loaded, and here is why."}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The body is not JSON."},
    413: {"model": Refusal, "description": "The body is too large."},
    422: {"model": RefusedRows, "description": "A value is not allowed, and here is what is."},
    503: _NOT_READY | {"description": "No model is loaded, or the log cannot keep more."},
}


def add_to(app: FastAPI) -> None:
    """Add the routes; they look at `app.state` for model, reason and settings."""
    predict = _Direct(
        "/predict",
        _predict,
        methods=["POST"],
        tags=router.tags,
        responses=_REFUSALS,
        summary="Predict one row or many",
        response_description="One prediction for each row, in the order of the rows.",
    )
    app.router.routes.insert(0, predict)  # the first one that is looked at
    app.include_router(router)
    app.add_exception_handler(RowsRefused, _refuse_rows)
    app.add_exception_handler(LogUnavailable, _ask_later)


class _Direct(APIRoute):
    """Described like any other route, but asked without FastAPI's machinery.

    The endpoint takes the request and gives the response: what would stand between, for
    parameters, dependencies and a response model, costs more than the model does.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in self.methods:
            return await super().handle(scope, receive, send)
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


async def _predict(request: Request) -> Response:
    model = ready_model(request)
    body = await read_body(request, request.app.state.settings.max_body_bytes)
    if len(body) < LARGE_BYTES:
        return await _answer(request, model, model.reader.read(body))
    return await _answer(request, model, await to_thread.run_sync(model.reader.read, body))


async def _answer(request: Request, model: Model, rows: Row | list[Row]) -> Response:
    if isinstance(rows, dict):
        predictions, about = await predicted(request, model, [rows])
        answer = predictions[0] | about
    else:
        predictions, about = await predicted(request, model, rows)
        answer = {"predictions": predictions, **about}
    return Response(to_json(answer), media_type="application/json")


async def predicted(
    request: Request, model: Model, rows: Sequence[Row]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Checked rows -> a prediction for each, kept in the log; and what is said beside them.

    Raises LogUnavailable where there is a log that cannot keep them.
    """
    state = request.app.state
    log: PredictionLog | None = state.log
    if log and log.blocked():
        await log.admit()
    start = time.perf_counter()
    predictions = await model.predict_soon(rows)
    state.metrics.predictions.inc(len(rows))
    about = model.about()
    if log:
        took = time.perf_counter() - start
        subject = next((v for name, v in request.scope["headers"] if name == SUBJECT), None)
        about["prediction_id"] = log.put(model.version, took, subject, rows, predictions)
    return predictions, about


@router.get("/health", summary="Is the process alive?")
async def _health() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/ready", responses={503: _NOT_READY}, summary="Can it predict?")
async def _ready(request: Request) -> dict[str, str]:
    model, log = ready_model(request), request.app.state.log
    if log and log.reason:
        raise LogUnavailable(log.reason)
    return {"status": "ready", "bundle": model.bundle.id}


@router.get("/version", summary="What runs here? Unknown facts are null.")
async def _version(request: Request) -> dict[str, str | None]:
    settings, model = request.app.state.settings, request.app.state.model
    return {
        "model_version": model.version if model else settings.model_version,
        "bundle": model and model.bundle.id,
        "task": model and model.contract.task,
        "git_commit": settings.git_commit or None,
        "image_digest": settings.image_digest or None,
        "deploy_note": _note(settings.note_file),
    }


def _note(file: Path | None) -> str | None:
    """What the host says of its last try to run another image."""
    return file.read_text("utf-8").strip() if file and file.is_file() else None


@router.get("/contract", responses={503: _NOT_READY}, summary="What does the model take and give?")
async def _contract(request: Request) -> dict[str, Any]:
    return asdict(ready_model(request).contract)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body; refused with 413 as soon as more than `max_bytes` have come."""
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > max_bytes:
            raise HTTPException(413, f"The body is larger than {max_bytes} bytes. Send less.")
    return bytes(body)


def ready_model(request: Request) -> Model:
    """The model that serves; 503 with the reason where there is none."""
    if request.app.state.model is None:
        raise HTTPException(503, request.app.state.reason)
    return request.app.state.model


async def _refuse_rows(request: Request, refused: RowsRefused) -> Response:
    state = request.app.state
    state.metrics.refused(refused.problems, state.model.contract.names)
    content = {"detail": refused.detail, "errors": refused.problems, "total": refused.total}
    body = to_json(content, inf_nan_mode="strings")
    return Response(body, refused.status_code, media_type="application/json")


async def _ask_later(_request: Request, error: LogUnavailable) -> Response:
    return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})
