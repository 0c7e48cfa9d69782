"""What the protocols share: how a request is read, predicted, answered and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import to_thread
from fastapi import Depends, HTTPException, Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from mlops_loop.access.body import read_body
from mlops_loop.access.responses import error_response
from mlops_loop.errors import LogUnavailable
from mlops_loop.inference.by_column import Table
from mlops_loop.inference.errors import BodyUnreadable, RequestRefused, RowsRefused
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import (
    LARGE_BYTES,
    Predictions,
    count_refused,
    predict_and_log,
    ready_model,
)
from mlops_loop.inference.rows import Row
from mlops_loop.serving.refusals import STATUS


class Route(APIRoute):
    """Refuses as these protocols do: with a sentence under `error`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                return error_response(error.status_code, error.detail, error.headers)
            except LogUnavailable as error:
                return error_response(503, str(error), {"Retry-After": "1"})
            except RequestRefused as error:
                if isinstance(error, RowsRefused):
                    count_refused(request.app.state, error)
                return error_response(STATUS[type(error)], str(error))

        return answer


def model_of(request: Request, name: str) -> Model:
    """The model that serves; raises NoModel without one, HTTPException 404 for another name."""
    allowed = request.app.state.model_name
    if name != allowed:
        raise HTTPException(404, f"There is no model {name!r}. Allowed: {allowed}.")
    return ready_model(request.app.state)


def _serves(version: str, request: Request) -> None:
    allowed = ready_model(request.app.state).version
    if version != allowed:
        raise HTTPException(404, f"There is no version {version!r}. Allowed: {allowed}.")


VERSION = [Depends(_serves)]  # of a route with a version in its path


async def predict(
    request: Request,
    model: Model,
    read: Callable[[bytes, Model], tuple[Any, list[Row] | Table]],
    write: Callable[[Any, Model, Predictions], Response],
) -> Response:
    """Check and predict as `/predict` does; large bodies in a thread.

    `read` gives what was asked and its checked rows, `write` the answer.
    """
    state = request.app.state
    body = await read_body(request.receive, state.settings.max_body_bytes)
    if len(body) < LARGE_BYTES:
        asked, rows = read(body, model)
        return write(asked, model, await predict_and_log(request.scope, model, rows))
    async with state.large:
        asked, rows = await to_thread.run_sync(read, body, model)
        result = await predict_and_log(request.scope, model, rows)
        return await to_thread.run_sync(write, asked, model, result)


def parse(adapter: TypeAdapter[Any], body: bytes) -> Any:
    """A body of JSON by its type; raises BodyUnreadable with the place of the first error."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise BodyUnreadable(f"In {place}: {first['msg']}.") from None


def by_column(table: dict[str, list[Any]], model: Model) -> Table:
    """Columns that somebody sent, checked; raises BodyUnreadable where one is longer."""
    lengths = {len(values) for values in table.values()}
    if len(lengths) > 1:
        name = next(n for n, values in table.items() if len(values) != min(lengths))
        raise BodyUnreadable(f"Column {name!r} has another length than the first.")
    return model.columns.read(table)


def json_response(content: Any) -> Response:
    """An answer of JSON."""
    return Response(to_json(content), media_type="application/json")


def id_of(result: Predictions) -> dict[str, str]:
    """The id of the request, where a log is kept."""
    return {key: result.metadata[key] for key in ("prediction_id",) if key in result.metadata}


def columns_of(model: Model, result: Predictions) -> dict[str, list[Any]]:
    """The model's outputs by name, each a list with a value or a list of values for each row."""
    return {
        key: [list(row[key].values()) if shape else row[key] for row in result.predictions]
        for key, _, shape in model.task.outputs(model.contract)
    }
