"""Routes for operators: `/feedback` takes outcomes; `/logs/export`, `/logs/problems`, `/reload`.

Each asks for a key or a token (`access/auth.py`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import chain
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import to_json

from mlops_loop import tasks
from mlops_loop.access.auth import required
from mlops_loop.access.body import read_body
from mlops_loop.errors import LogUnavailable, NoValidBundle
from mlops_loop.inference.predict import ready_model
from mlops_loop.model.contract import Contract
from mlops_loop.prediction_log import records
from mlops_loop.prediction_log.database import Outcome, Page
from mlops_loop.prediction_log.ids import utc
from mlops_loop.prediction_log.log import PredictionLog
from mlops_loop.serving import reload
from mlops_loop.serving.refusals import Refusal


class Feedback(BaseModel, extra="forbid"):
    """The true outcome of one predicted row: a class (text, number or boolean), or a number."""

    prediction_id: str
    row: int = Field(0, ge=0, description="Which row of the request, counted from 0.")
    outcome: StrictStr | StrictBool | StrictInt | StrictFloat


class Counted(BaseModel):
    """How often something was wrong."""

    column: str
    problem: str
    n: int


Many = Annotated[list[Feedback], Field(min_length=1, max_length=1_000)]
ONE, MANY = TypeAdapter(Feedback), TypeAdapter(Many)
REFUSED: dict[int | str, Any] = {
    code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 422, 503)
}
EXPORTED: dict[int | str, Any] = {200: {"content": {"application/x-ndjson": {}}}}
router = APIRouter(tags=["Operation"], dependencies=[Depends(required)])


def add_to(app: FastAPI) -> None:
    app.include_router(router)


def _log(request: Request) -> PredictionLog:
    if request.app.state.log is None:
        raise HTTPException(404, "No prediction log is kept here: LOG_URL is not set.")
    return request.app.state.log


@router.post(
    "/feedback",
    summary="Report true outcomes",
    responses={code: REFUSED[code] for code in (401, 403, 404, 413, 422, 503)},
)
async def _feedback(request: Request) -> dict[str, int]:
    """All of a request is stored, or nothing; a second outcome for a row replaces the first."""
    log, contract = _log(request), ready_model(request.app.state).contract
    body = await read_body(request.receive, request.app.state.settings.max_body_bytes)
    outcomes = _read(body)
    for feedback in outcomes:
        feedback.outcome = _outcome(contract, feedback.outcome)
    await to_thread.run_sync(_store, log, outcomes)
    return {"stored": len(outcomes)}


def _read(body: bytes) -> list[Feedback]:
    try:
        many = body.lstrip()[:1] == b"["
        return MANY.validate_json(body) if many else [ONE.validate_json(body)]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise HTTPException(422, f"{place or 'The body'}: {first['msg']}.") from None


def _outcome(contract: Contract, given: str | float) -> str | float:
    task = tasks.of(contract)
    if (outcome := task.outcome(given, contract)) is None:
        shown, allowed = repr(str(given)[:80]), task.allowed_outcomes(contract)
        message = f"outcome {shown} is refused. Allowed for {contract.target}: {allowed}."
        raise HTTPException(422, message)
    return outcome


def _store(log: PredictionLog, outcomes: list[Feedback]) -> None:
    n_rows = log.database.n_rows([feedback.prediction_id for feedback in outcomes])
    for feedback in outcomes:
        if feedback.row >= n_rows.get(feedback.prediction_id, 0):
            place = f"{feedback.prediction_id[:80]!r} with a row {feedback.row}"
            raise HTTPException(404, f"The log holds no prediction_id {place}.")
    now = utc(time.time_ns())
    latest = {(feedback.prediction_id, feedback.row): feedback.outcome for feedback in outcomes}
    log.database.keep([Outcome(*key, now, json.dumps(value)) for key, value in latest.items()])


@router.get(
    "/logs/export",
    summary="Export predictions and true outcomes, one line of JSON for each row",
    response_class=StreamingResponse,
    responses=EXPORTED | {code: REFUSED[code] for code in (401, 403, 404, 503)},
)
def _export(
    request: Request, since: AwareDatetime = records.FIRST, until: AwareDatetime | None = None
) -> Response:
    """With `until`, the header X-Total-Rows says how many lines a whole answer has."""
    database = _log(request).database
    total = {"X-Total-Rows": str(database.count(since, until))} if until else {}
    pages = database.pages(since, until or datetime.now(UTC))
    first = next(pages, None)  # a database that is down must be seen before the answer begins
    rows = chain([first] if first else [], pages)
    lines = iter(()) if "head" in request.scope else _lines(rows)
    return StreamingResponse(lines, media_type="application/x-ndjson", headers=total)


def _lines(pages: Iterator[Page]) -> Iterator[bytes]:
    for page in pages:
        yield b"".join(to_json(record) + b"\n" for record in records.records(page))


@router.get(
    "/logs/problems",
    summary="Requests that were refused or failed on a day (UTC), and refused values by column",
    responses={code: REFUSED[code] for code in (401, 403, 404, 503)},
)
def _problems(request: Request, day: date) -> list[Counted]:
    """Numbers alone; `column` is empty for requests as a whole."""
    found = _log(request).database.problems(day)
    if found is None:
        raise LogUnavailable("The prediction log cannot be read.")
    return [Counted(**row) for row in records.as_json(found)]


@router.post(
    "/reload",
    summary="Replace the model by the bundle of BUNDLE_DIR",
    responses={code: REFUSED[code] for code in (401, 403, 409, 503)},
)
async def _reload(request: Request) -> Response:
    try:
        model = await to_thread.run_sync(reload.reload, request.app)
    except NoValidBundle as error:
        return JSONResponse({"detail": f"{error} The current model keeps serving."}, 409)
    return JSONResponse({"bundle": model.bundle.id, "model_version": model.version})
