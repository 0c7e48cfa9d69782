"""The page's upload: a CSV table in, the same table with predictions out.

Comma, semicolon or tab; UTF-8; the header has the columns of the contract in any order; an empty
cell is a missing value. A text that a spreadsheet would run as a formula gets an apostrophe before.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from mlops_loop.access.body import read_body
from mlops_loop.inference.errors import BodyTooLarge, BodyUnreadable, FieldError, RowsRefused
from mlops_loop.inference.model import Model
from mlops_loop.inference.predict import predict_and_log, ready_model
from mlops_loop.inference.rows import Row
from mlops_loop.inference.validation_errors import SHOWN

PREVIEW = 10
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

router = APIRouter(include_in_schema=False)


@router.post("/batch")
async def _batch(request: Request) -> dict[str, Any]:
    model, settings = ready_model(request.app.state), request.app.state.settings
    body = await read_body(request.receive, settings.max_body_bytes)
    async with request.app.state.large:
        names, cells, rows = await to_thread.run_sync(read, body, model, settings.max_rows)
        predictions = (await predict_and_log(request.scope, model, rows)).predictions
    outputs = [key for key, value in predictions[0].items() if not isinstance(value, dict)]
    header = [*names, *outputs, "model_version"]
    table = [
        [*line, *(prediction[key] for key in outputs), model.version]
        for line, prediction in zip(cells, predictions, strict=True)
    ]
    return {
        "header": header,
        "preview": table[:PREVIEW],
        "rows": len(table),
        "csv": to_csv([header, *table]),
    }


@router.get("/example.csv")
async def _example(request: Request) -> Response:
    model = ready_model(request.app.state)
    names = model.contract.names
    table: list[list[Any]] = [names, *([row.get(name) for name in names] for row in model.examples)]
    return Response(to_csv(table), media_type="text/csv")


def read(body: bytes, model: Model, max_rows: int) -> tuple[list[str], list[list[str]], list[Row]]:
    """The header, the cells as they are, and checked rows.

    Raises BodyUnreadable for what is not a table, BodyTooLarge for too many rows, RowsRefused with
    row numbers as a spreadsheet shows them: the header is row 1.
    """
    lines = _lines(body)
    names = [name.strip() for name in lines[0]] if lines else []
    numbered = [(number, line) for number, line in enumerate(lines[1:], 2) if any(line)]
    if not numbered or len(set(names)) < len(names):
        raise BodyUnreadable("The file needs a header of different columns, and a row below.")
    if len(numbered) > max_rows:
        raise BodyTooLarge(f"The file has {len(numbered)} rows, allowed are {max_rows}.")
    return names, [line for _, line in numbered], _checked(names, numbered, model)


def _lines(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
        delimiter = max(",;\t", key=text.partition("\n")[0].count)
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BodyUnreadable(f"The file is no CSV in UTF-8: {error}.") from None


def _checked(names: list[str], numbered: list[tuple[int, list[str]]], model: Model) -> list[Row]:
    rows: list[Row] = []
    errors: list[FieldError] = []
    for number, line in numbered:
        try:
            rows.append(model.reader.read_form(_cells(names, line)))
        except RowsRefused as refused:
            errors += [replace(error, row=number) for error in refused.errors]
            if len(errors) >= SHOWN:
                break
    if errors:
        raise RowsRefused(errors[:SHOWN], len(errors))
    return rows


def _cells(names: list[str], line: list[str]) -> dict[str, str]:
    if len(line) != len(names):
        allowed = f"{len(names)} cells, as the header has"
        raise RowsRefused([FieldError(None, None, line, f"has {len(line)} cells", allowed)], 1)
    return dict(zip(names, line, strict=True))


def to_csv(table: Iterable[Iterable[Any]]) -> str:
    """CSV without formulas: an apostrophe before a text keeps a spreadsheet from running it."""
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
