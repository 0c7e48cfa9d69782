"""What operators ask: `/feedback` with true outcomes, `/logs/export` of the log, `/reload`.

AUTH says to whom they are open (`auth.py`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    StrictFloat,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import to_json

from mlops_loop.access.auth import required
from mlops_loop.errors import NoValidBundle
from mlops_loop.inference.predict import read_body, ready_model
from mlops_loop.model.contract import Contract
from mlops_loop.prediction_log import records as export
from mlops_loop.prediction_log.database import Outcome, Page, utc
from mlops_loop.prediction_log.log import PredictionLog
from mlops_loop.serving import reload
from mlops_loop.serving.routes import Refusal


class Feedback(BaseModel, extra="forbid"):
    """What came true for one predicted row: a class, or a number for regression."""

    prediction_id: str
    row: int = Field(0, ge=0, description="Which row of the request, from 0.")
    outcome: StrictStr | StrictFloat


Many = Annotated[list[Feedback], Field(min_length=1, max_length=1_000)]
ONE, MANY = TypeAdapter(Feedback), TypeAdapter(Many)
REFUSED: dict[int | str, Any] = {
    code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 422, 503)
}
router = APIRouter(tags=["Operation"], dependencies=[Depends(required)])


def add_to(app: FastAPI) -> None:
    app.include_router(router)


def _log(request: Request) -> PredictionLog:
    if request.app.state.log is None:
        raise HTTPException(404, "No prediction log is kept here: LOG_URL is not set.")
    return request.app.state.log


@router.post(
    "/feedback",
    summary="Tell what came true",
    responses={code: REFUSED[code] for code in (401, 403, 404, 413, 422, 503)},
)
async def _feedback(request: Request) -> dict[str, int]:
    """All of a request is stored, or nothing; a second outcome for a row replaces the first."""
    log, contract = _log(request), ready_model(request.app.state).contract
    body = await read_body(request.receive, request.app.state.settings.max_body_bytes)
    try:
        many = body.lstrip()[:1] == b"["
        told = MANY.validate_json(body) if many else [ONE.validate_json(body)]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise HTTPException(422, f"{place or 'The body'}: {first['msg']}.") from None
    for feedback in told:
        _check_outcome(contract, feedback.outcome)
    await to_thread.run_sync(_keep, log, told)
    return {"stored": len(told)}


def _check_outcome(contract: Contract, outcome: str | float) -> None:
    if contract.task == "classification":
        known, allowed = outcome in contract.classes, " or ".join(contract.classes)
    else:
        known, allowed = not isinstance(outcome, str) and math.isfinite(outcome), "a finite number"
    if not known:
        shown = f"outcome {str(outcome)[:80]!r} is refused"
        raise HTTPException(422, f"{shown}. Allowed for {contract.target}: {allowed}.")


def _keep(log: PredictionLog, told: list[Feedback]) -> None:
    n_rows = log.database.n_rows([feedback.prediction_id for feedback in told])
    for feedback in told:
        if feedback.row >= n_rows.get(feedback.prediction_id, 0):
            place = f"{feedback.prediction_id[:80]!r} with a row {feedback.row}"
            raise HTTPException(404, f"The log holds no prediction_id {place}.")
    now = utc(time.time_ns())
    latest = {(feedback.prediction_id, feedback.row): feedback.outcome for feedback in told}
    log.database.keep([Outcome(*key, now, json.dumps(value)) for key, value in latest.items()])


@router.get(
    "/logs/export",
    summary="What was predicted and came true, a line of JSON for each row",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}}
    | {code: REFUSED[code] for code in (401, 403, 404, 503)},
)
def _export(
    request: Request, since: AwareDatetime = export.FIRST, until: AwareDatetime | None = None
) -> Response:
    pages = _log(request).database.pages(since, until or datetime.now(UTC))
    first = next(pages, None)  # a database that is down is told before an answer begins
    lines = _lines(chain([first] if first else [], pages))
    return StreamingResponse(lines, media_type="application/x-ndjson")


def _lines(pages: Iterator[Page]) -> Iterator[bytes]:
    for page in pages:
        yield b"".join(to_json(record) + b"\n" for record in export.records(page))


@router.post(
    "/reload",
    summary="Take the bundle of BUNDLE_DIR in the place of the one that serves",
    responses={code: REFUSED[code] for code in (401, 403, 409, 503)},
)
async def _reload(request: Request) -> Response:
    try:
        model = await to_thread.run_sync(reload.reload, request.app)
    except NoValidBundle as error:
        return JSONResponse({"detail": f"{error} What served before goes on."}, 409)
    return JSONResponse({"bundle": model.bundle.id, "model_version": model.version})
