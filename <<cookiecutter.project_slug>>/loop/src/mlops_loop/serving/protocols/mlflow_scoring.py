"""The routes of MLflow's scoring server.

GET  /ping         can it predict?
POST /invocations  {"dataframe_split": {"columns": [...], "data": [[...], ...]}},
                   {"dataframe_records": [row, ...]}, {"instances": [row, ...]} or
                   {"inputs": {column: [value, ...]}}  ->  {"predictions": [prediction, ...]}
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NotRequired

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from mlops_loop.inference.by_column import Table
from mlops_loop.inference.errors import BodyUnreadable
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import Predictions, ready, ready_model
from mlops_loop.inference.rows import Row
from mlops_loop.serving.protocols import answering

KINDS = ("dataframe_split", "dataframe_records", "instances", "inputs")
JSON = ("", "application/json")


class Split(TypedDict):
    """A table as pandas writes it by `orient="split"`; the index means nothing."""

    columns: list[str]
    data: list[list[Any]]
    index: NotRequired[list[Any]]


class Asked(TypedDict):
    """One of `KINDS`."""

    dataframe_split: NotRequired[Split]
    dataframe_records: NotRequired[list[dict[str, Any]]]
    instances: NotRequired[list[dict[str, Any]]]
    inputs: NotRequired[dict[str, list[Any]] | list[dict[str, Any]]]
    params: NotRequired[dict[str, Any] | None]


_ASKED = TypeAdapter(Asked)
router = APIRouter(tags=["MLflow"], route_class=answering.Route)


@router.get("/ping", summary="Can it predict?", response_class=Response)
async def ping(request: Request) -> Response:
    """An empty line, as MLflow's server answers."""
    ready(request.app.state)
    return Response("\n", media_type="application/json")


@router.post("/invocations", summary="Predict a data frame", response_model=dict[str, Any])
async def invocations(request: Request) -> Response:
    """Predict rows or columns."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON:
        raise HTTPException(
            415, f"The content type {kind!r} is not read. Allowed: application/json."
        )
    return await answering.predict(request, ready_model(request.app.state), _read, _write)


def bodies(model: Model) -> dict[str, tuple[Any, Any]]:
    """By path, the type of a request and an example of it: two rows."""
    names, rows = model.contract.names, model.examples[:2]
    split = {"columns": names, "data": [[row.get(name) for name in names] for row in rows]}
    return {"/invocations": (Asked, {"dataframe_split": split})}


def _read(body: bytes, model: Model) -> tuple[Asked, list[Row] | Table]:
    asked: Asked = answering.parse(_ASKED, body)
    given = [kind for kind in KINDS if kind in asked]
    if len(given) != 1:
        raise BodyUnreadable(f"In the body: exactly one of {', '.join(KINDS)} is needed.")
    if asked.get("params"):
        raise BodyUnreadable("In params: this model takes none.")
    table: Any = asked[given[0]]  # type: ignore[literal-required]
    if given == ["dataframe_split"]:
        table = _columns(table)
    if isinstance(table, dict):
        return asked, answering.by_column(table, model)
    return asked, model.reader.check(table)


def _columns(split: Split) -> dict[str, list[Any]]:
    names, rows = split["columns"], split["data"]
    (name, times), *_ = Counter(names).most_common(1) or [("", 0)]
    if times > 1:
        raise BodyUnreadable(f"In dataframe_split.columns: {name!r} comes twice.")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            sentence = f"has {len(row)} values, and there are {len(names)} columns"
            raise BodyUnreadable(f"In dataframe_split.data.{number}: the row {sentence}.")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _write(_asked: Asked, _model: Model, result: Predictions) -> Response:
    return answering.json_response({"predictions": result.predictions, **answering.id_of(result)})
