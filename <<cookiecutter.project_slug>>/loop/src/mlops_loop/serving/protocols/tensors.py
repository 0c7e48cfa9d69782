"""Columns as tensors of the Open Inference Protocol, to lists by column and back.

A column is a tensor of shape [n] or [n, 1], its values as JSON or as bytes (`binary_values.py`). A
missing value is null or NaN; in a text column also "", unless that is a category.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from mlops_loop.inference.errors import BodyUnreadable
from mlops_loop.inference.model import Model
from mlops_loop.inference.rows import Row
from mlops_loop.model.contract import Column
from mlops_loop.serving.protocols import binary_values

DATATYPES = {"number": "FP64", "integer": "INT64", "boolean": "BOOL", "category": "BYTES"}
SHARED_MEMORY = "shared_memory_region"


class Tensor(TypedDict):
    """One column. The values decide, so a datatype may be wider than the column's own."""

    name: str
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=2)]
    datatype: Annotated[str, Field(pattern="^(BOOL|BYTES|U?INT(8|16|32|64)|FP(16|32|64))$")]
    data: NotRequired[list[Any]]
    parameters: NotRequired[dict[str, Any]]


def to_columns(tensors: Sequence[Tensor], binary: bytes, model: Model) -> dict[str, list[Any]]:
    """Values by column; `binary` follows the JSON and holds, in order, what that does not.

    Raises BodyUnreadable where the tensors do not fit together.
    """
    columns = {column.name: column for column in model.contract.columns}
    left, table = memoryview(binary), dict[str, list[Any]]()
    for tensor in tensors:
        name = tensor["name"]
        values, left = _values(tensor, left)
        if name in table or len(values) != len(next(iter(table.values()), values)):
            raise BodyUnreadable(f"Input {name!r} comes twice, or has another length.")
        table[name] = _with_nulls(columns.get(name), values)
    if left:
        raise BodyUnreadable(f"{len(left)} bytes after the JSON belong to no input.")
    return table


def _values(tensor: Tensor, left: memoryview) -> tuple[list[Any], memoryview]:
    """The values of a tensor, and what is left of the bytes."""
    parameters = tensor.get("parameters", {})
    if SHARED_MEMORY in parameters:
        raise BodyUnreadable(
            f"Input {tensor['name']!r}: shared memory is not read. Send the values."
        )
    size = parameters.get("binary_data_size")
    if (size is None) == ("data" not in tensor):
        raise BodyUnreadable(
            f"Input {tensor['name']!r} needs either data or the parameter binary_data_size."
        )
    if size is None:
        return _flat(tensor, tensor["data"]), left
    if type(size) is not int or not 0 <= size <= len(left):
        raise BodyUnreadable(
            f"Input {tensor['name']!r}: binary_data_size is {size!r}, and {len(left)} bytes are "
            "left after the JSON."
        )
    return _flat(tensor, binary_values.read(tensor["datatype"], left[:size])), left[size:]


def _flat(tensor: Tensor, data: list[Any]) -> list[Any]:
    """The values of [n] or [n, 1]; the latter may be nested."""
    n, *width = tensor["shape"]
    if width and data and all(isinstance(value, list) and len(value) == 1 for value in data):
        data = [value[0] for value in data]
    if len(data) != n or width not in ([], [1]):
        sentence = f"Input {tensor['name']!r} has {len(data)} values, and the shape {[n, *width]}."
        raise BodyUnreadable(f"{sentence} Allowed: [n] or [n, 1].")
    return data


def _with_nulls(column: Column | None, values: list[Any]) -> list[Any]:
    if column and column.nullable and "" not in column.levels:
        return [None if value != value or value == "" else value for value in values]
    return [None if value != value else value for value in values]


def from_rows(rows: list[Row], column: Column) -> dict[str, Any]:
    """One column of rows as a tensor of JSON."""
    data = [row.get(column.name) for row in rows]
    return description(column.name, DATATYPES[column.kind], len(rows)) | {"data": data}


def inputs_of(model: Model) -> list[dict[str, Any]]:
    """A tensor for each column, without data and of any length."""
    kinds = ((column.name, DATATYPES[column.kind]) for column in model.contract.columns)
    return [description(name, datatype, -1) for name, datatype in kinds]


def outputs_of(model: Model) -> list[dict[str, Any]]:
    """A tensor for each output of the model, without data and of any length."""
    outputs = model.task.outputs(model.contract)
    return [description(key, datatype, -1, *shape) for key, datatype, shape in outputs]


def flat(values: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """Values of rows one after the other, where a row has a list of them."""
    return [value for row in values for value in row] if shape else values


def description(name: str, datatype: str, *shape: int) -> dict[str, Any]:
    """A tensor without its data; -1 in a shape is any length."""
    return {"name": name, "datatype": datatype, "shape": list(shape)}
