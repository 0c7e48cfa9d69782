"""Errors raised inside become answers of HTTP here: JSON with a sentence in `detail`."""

from __future__ import annotations

from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.exceptions import HTTPException as StarletteHTTPException

from mlops_loop.access.responses import error_response
from mlops_loop.errors import LogUnavailable
from mlops_loop.inference.errors import (
    BodyTooLarge,
    BodyUnreadable,
    FieldError,
    NoModel,
    RequestRefused,
    RowsRefused,
)
from mlops_loop.inference.predict import count_refused

STATUS: dict[type[RequestRefused], int] = {
    BodyUnreadable: 400,
    BodyTooLarge: 413,
    RowsRefused: 422,
    NoModel: 503,
}
# What a route may raise for a request that it does not answer.
ERRORS = (HTTPException, RequestRefused, LogUnavailable)


class Refusal(BaseModel):
    """An answer that is not a prediction: what is wrong, in one sentence."""

    detail: str


class RefusedRows(Refusal):
    """The first errors of `total`."""

    errors: list[FieldError]
    total: int


def add_to(app: FastAPI) -> None:
    """Add the handlers of `ERRORS`, and of paths and methods that there are not."""
    app.exception_handler(StarletteHTTPException)(_refuse_http)
    app.exception_handler(RequestRefused)(_refuse_request)
    app.exception_handler(RowsRefused)(_refuse_rows)
    app.exception_handler(LogUnavailable)(_log_unavailable)


async def handled(request: Request, error: Exception) -> Response:
    """The answer of the app's own handlers to one of `ERRORS`, as on any route."""
    handlers = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    answer: Any = handler(request, error)
    return await answer if isawaitable(answer) else answer


async def _refuse_http(_request: Request, error: StarletteHTTPException) -> Response:
    return error_response(error.status_code, error.detail, error.headers)


async def _refuse_request(_request: Request, error: RequestRefused) -> Response:
    return JSONResponse({"detail": str(error)}, STATUS[type(error)])


async def _refuse_rows(request: Request, error: RowsRefused) -> Response:
    count_refused(request.app.state, error)
    content = {"detail": str(error), "errors": error.errors, "total": error.total}
    body = to_json(content, inf_nan_mode="strings")
    return Response(body, STATUS[RowsRefused], media_type="application/json")


async def _log_unavailable(_request: Request, error: LogUnavailable) -> Response:
    return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "1"})
