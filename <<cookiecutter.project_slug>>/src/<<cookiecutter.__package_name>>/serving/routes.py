"""The routes that programs ask: `/predict`, `/health`, `/ready`, `/version`, `/contract`.

Every refusal is JSON with a sentence in `detail`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from .model import Model
from .problems import Problem, RowsRefused

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
    503: _NOT_READY,
}


def add_to(app: FastAPI) -> None:
    """Add the routes; they look at `app.state` for model, reason and settings."""
    app.include_router(router)
    app.add_exception_handler(RowsRefused, _refuse_rows)


@router.post(
    "/predict",
    responses=_REFUSALS,
    summary="Predict one row or many",
    response_description="One prediction for each row, in the order of the rows.",
)
async def _predict(request: Request) -> Response:
    model = ready_model(request)
    body = await read_body(request, request.app.state.settings.max_body_bytes)
    return Response(model.answer(body), media_type="application/json")


@router.get("/health", summary="Is the process alive?")
async def _health() -> dict[str, str]:
    return {"status": "alive"}


@router.get("/ready", responses={503: _NOT_READY}, summary="Can it predict?")
async def _ready(request: Request) -> dict[str, str]:
    return {"status": "ready", "bundle": ready_model(request).bundle.id}


@router.get("/version", summary="What runs here? Unknown facts are null.")
async def _version(request: Request) -> dict[str, str | None]:
    settings, model = request.app.state.settings, request.app.state.model
    return {
        "model_version": settings.model_version,
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
    return ready_model(request).bundle.read_json("contract.json")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body; refused with 413 as soon as more than `max_bytes` have come."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise HTTPException(413, f"The body is larger than {max_bytes} bytes. Send less.")
    return bytes(body)


def ready_model(request: Request) -> Model:
    """The model that serves; 503 with the reason where there is none."""
    if request.app.state.model is None:
        raise HTTPException(503, request.app.state.reason)
    return request.app.state.model


async def _refuse_rows(_request: Request, refused: RowsRefused) -> Response:
    content = {"detail": refused.detail, "errors": refused.problems, "total": refused.total}
    body = to_json(content, inf_nan_mode="strings")
    return Response(body, refused.status_code, media_type="application/json")
