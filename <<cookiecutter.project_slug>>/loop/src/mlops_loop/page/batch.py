"""A CSV table in, the same with predictions out: the page's upload.

Comma, semicolon or tab, UTF-8, the columns of the contract in any order as header; an empty cell is
a missing value. What a spreadsheet would run as a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Request, Response

from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import predicted, read_body, ready_model
from mlops_loop.inference.rows import Row
from mlops_loop.inference.validation_errors import SHOWN, Problem, RowsRefused

PREVIEW = 10
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

router = APIRouter(include_in_schema=False)


@router.post("/batch")
async def _batch(request: Request) -> dict[str, Any]:
    model, settings = ready_model(request.app.state), request.app.state.settings
    body = await read_body(request.receive, settings.max_body_bytes)
    async with request.app.state.large:
        names, cells, rows = await to_thread.run_sync(read, body, model, settings.max_rows)
        predictions = (await predicted(request.scope, model, rows)).predictions
    told = [key for key in predictions[0] if key != "probabilities"]
    table = [
        [*line, *(each[key] for key in told), model.version]
        for line, each in zip(cells, predictions, strict=True)
    ]
    header = [*names, *told, "model_version"]
    return {
        "header": header,
        "preview": table[:PREVIEW],
        "rows": len(table),
        "csv": written([header, *table]),
    }


@router.get("/example.csv")
async def _example(request: Request) -> Response:
    model = ready_model(request.app.state)
    names = model.contract.names
    table = [names, *([row.get(name) for name in names] for row in model.golden)]
    return Response(written(table), media_type="text/csv")


def read(body: bytes, model: Model, max_rows: int) -> tuple[list[str], list[list[str]], list[Row]]:
    """The header, the cells as they are, and checked rows.

    Raises HTTPException 400 for what is no table, RowsRefused with row numbers as a spreadsheet
    shows them: the header is row 1.
    """
    try:
        text = body.decode("utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise HTTPException(400, f"The file is no CSV in UTF-8: {error}.") from None
    names = [name.strip() for name in lines[0]] if lines else []
    numbered = [(number, line) for number, line in enumerate(lines[1:], 2) if any(line)]
    if not numbered or len(set(names)) < len(names):
        raise HTTPException(400, "The file needs a header of different columns, and a row below.")
    if len(numbered) > max_rows:
        raise HTTPException(413, f"The file has {len(numbered)} rows, allowed are {max_rows}.")
    return names, [line for _, line in numbered], _checked(names, numbered, model)


def _checked(names: list[str], numbered: list[tuple[int, list[str]]], model: Model) -> list[Row]:
    rows: list[Row] = []
    problems: list[Problem] = []
    for number, line in numbered:
        try:
            if len(line) != len(names):
                allowed = f"{len(names)} cells, as the header has"
                problem = Problem(None, None, line, f"has {len(line)} cells", allowed)
                raise RowsRefused([problem], 1)
            rows.append(model.reader.read_form(dict(zip(names, line, strict=True))))
        except RowsRefused as refused:
            problems += [replace(problem, row=number) for problem in refused.problems]
            if len(problems) >= SHOWN:
                break
    if problems:
        raise RowsRefused(problems[:SHOWN], len(problems))
    return rows


def written(table: Iterable[Iterable[Any]]) -> str:
    """CSV that no spreadsheet runs: a text that begins like a formula is told to be a text."""
    out = io.StringIO()
    csv.writer(out).writerows([_safe(cell) for cell in line] for line in table)
    return out.getvalue()


def _safe(cell: Any) -> Any:
    if not isinstance(cell, str) or not cell.startswith(FORMULA):
        return cell
    try:
        return str(float(cell)) and cell
    except ValueError:
        return f"'{cell}"
