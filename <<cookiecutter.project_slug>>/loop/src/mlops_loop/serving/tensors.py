"""Columns as the Open Inference Protocol sends them, to rows and back.

A column is a tensor of shape [n] or [n, 1] with JSON values. A missing value is null or NaN; in a
text column also "", unless that is a category.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from mlops_loop.inference.errors import BodyUnreadable
from mlops_loop.inference.rows import Row
from mlops_loop.model.contract import Column, Contract
from mlops_loop.tasks.task import Output

DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}


class Tensor(TypedDict):
    """One column. The values decide, so a datatype may be wider than the column's own."""

    name: str
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=2)]
    datatype: Annotated[str, Field(pattern="^(BOOL|BYTES|U?INT(8|16|32|64)|FP(16|32|64))$")]
    data: list[Any]


def to_rows(tensors: Iterable[Tensor], contract: Contract) -> list[Row]:
    """One row for each position; raises BodyUnreadable where the tensors do not fit together."""
    columns = {column.name: column for column in contract.columns}
    table: dict[str, list[Any]] = {}
    for tensor in tensors:
        name, values = tensor["name"], _flat(tensor)
        if name in table or len(values) != len(next(iter(table.values()), values)):
            raise BodyUnreadable(f"Input {name!r} comes twice, or has another length.")
        table[name] = _with_nulls(columns.get(name), values)
    return [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]


def _flat(tensor: Tensor) -> list[Any]:
    """The values of [n] or [n, 1]; the latter may be nested."""
    (n, *width), data = tensor["shape"], tensor["data"]
    if width and data and all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value[0] for value in data]
    if len(data) != n or width not in ([], [1]):
        sentence = f"Input {tensor['name']!r} has {len(data)} values, and the shape {[n, *width]}."
        raise BodyUnreadable(f"{sentence} Allowed: [n] or [n, 1].")
    return data


def _with_nulls(column: Column | None, values: list[Any]) -> list[Any]:
    if column and column.nullable and "" not in column.levels:
        values = [None if value == "" else value for value in values]
    return [None if value != value else value for value in values]


def from_rows(rows: list[Row], column: Column) -> dict[str, Any]:
    """One column of rows as a tensor."""
    data = [row.get(column.name) for row in rows]
    return description(column.name, DATATYPES[column.kind], len(rows)) | {"data": data}


def from_predictions(output: Output, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    """One output of all rows as a tensor; its values one after the other."""
    key, datatype, shape = output
    data = [prediction[key] for prediction in predictions]
    if shape:
        data = [value for row in data for value in row.values()]
    return description(key, datatype, len(predictions), *shape) | {"data": data}


def description(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    """A tensor without its data; -1 in a shape is any length."""
    return {"name": name, "datatype": datatype, "shape": list(shape)}
