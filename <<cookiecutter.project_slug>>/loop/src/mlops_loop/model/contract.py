"""What a model takes and gives, as data: one contract for training, serving and clients.

`pipeline/train.py` derives it from `schema.ModelInput` and writes `contract.json`; the request
model, the web form, the drift columns and the test data are derived from that file. Training and
serving turn rows into numbers with the same `Contract.encode_*`, so they cannot disagree.

Needs numpy only: the container has neither pandas nor scikit-learn.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

UNSEEN = -1.0
DIGITS = 4  # significant ones, of an example
MANY_ROWS = 32  # from here on numpy is faster, column by column
Kind = Literal["number", "integer", "boolean", "category"]


@dataclass(frozen=True)
class Column:
    """One column of the model input.

    `levels` are the categories in the order of their codes. A `closed` column takes no other
    category; an open one encodes others as `UNSEEN`. `minimum` and `maximum` are inclusive;
    a number beyond `clip` is encoded as the nearer of the two (`prepare.outliers`).
    `example` is a typical value from training, for forms and documentation.
    """

    name: str
    kind: Kind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    clip: tuple[float, float] | None = None
    levels: tuple[str, ...] = ()
    closed: bool = False
    pattern: str | None = None
    title: str = ""
    description: str = ""
    unit: str = ""
    example: float | int | bool | str | None = None

    @cached_property
    def _codes(self) -> dict[Any, float]:
        """Also of what is missing; an empty text is, unless an older model has it as a level."""
        codes: dict[Any, float] = dict.fromkeys((None, ""), float(len(self.levels)))
        return codes | {level: float(code) for code, level in enumerate(self.levels)}

    def encode(self, value: Any) -> float:
        """Code of one value: NaN for a missing number, `len(levels)` for a missing category."""
        if value is None or value != value:
            return self._codes[None] if self.kind == "category" else math.nan
        if self.kind == "category":
            return self._codes.get(value, UNSEEN)
        return float(value) if self.clip is None else min(max(value, self.clip[0]), self.clip[1])

    def rounded(self, value: Any) -> Any:
        """An example value as people write it; categories and integers as they are.

        Four significant digits, all digits before the point, and more of them where the rounded
        value would lie outside of what is allowed.
        """
        if self.kind != "number" or value is None or not math.isfinite(value):
            return value
        if value == 0:
            return 0
        low, high = self.minimum, self.maximum
        for digits in range(DIGITS, 18):
            short = round(value, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
            if (low is None or short >= low) and (high is None or short <= high):
                return int(short) if short == int(short) else short
        return value

    @property
    def n_codes(self) -> int:
        """How many codes the column can have beside `UNSEEN`; 0 for a number."""
        return len(self.levels) + self.nullable if self.kind == "category" else 0


@dataclass(frozen=True)
class Contract:
    """Columns in the order of the model's input matrix, and what the model predicts.

    `task` is the name of a module in `tasks/`, which reads the other facts: `classes` are labels in
    the order of the scores, `threshold` the score from which the second of two is predicted, and
    `target_unit` the unit of a number. What a task has no use for keeps its default.
    """

    task: str
    target: str
    columns: tuple[Column, ...]
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    target_unit: str = ""

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def example(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row to show in forms and documentation, see `Column.rounded`."""
        known = [column for column in self.columns if column.name in row]
        return {column.name: column.rounded(row[column.name]) for column in known}

    @property
    def numbers(self) -> list[int]:
        """Positions of the numeric columns in the input matrix."""
        return [i for i, column in enumerate(self.columns) if column.kind != "category"]

    @property
    def categories(self) -> list[int]:
        """Positions of the categorical columns in the input matrix."""
        return [i for i, column in enumerate(self.columns) if column.kind == "category"]

    @cached_property
    def _encoders(self) -> list[tuple[str, Callable[[Any], float]]]:
        return [(column.name, column.encode) for column in self.columns]

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Rows as a client sends them -> float32 (n_rows, n_columns).

        A key that is absent counts as missing. Values are not checked here.
        """
        if len(rows) >= MANY_ROWS:
            return self.encode_table({name: [row.get(name) for row in rows] for name in self.names})
        coded = [encode(row.get(name)) for row in rows for name, encode in self._encoders]
        # Half as long for a row as numpy alone, and infinite where float32 cannot hold a number.
        return np.asarray(array("f", coded)).reshape(-1, len(self.columns))

    def encode_table(self, table: Mapping[str, Sequence[Any]]) -> np.ndarray:
        """Columns of a data frame -> float32 (n_rows, n_columns); same codes as `encode_rows`.

        Raises KeyError with the name of a column that the table does not have.
        """
        coded = [self._encode_values(column, table[column.name]) for column in self.columns]
        return _float32(np.column_stack(coded))

    @staticmethod
    def _encode_values(column: Column, values: Any) -> np.ndarray:
        dtype = getattr(values, "dtype", None)
        if column.kind != "category" and isinstance(dtype, np.dtype) and dtype.kind in "biuf":
            return _clipped(column, np.asarray(values, dtype=float))
        if column.kind == "category":
            if hasattr(values, "notna"):  # a column of pandas, of any type; rows hold texts
                from mlops_loop.columns import texts

                values = texts(values).astype(object)
            codes, missing = column._codes, column._codes[None]
            coded = [codes.get(v, UNSEEN) if v == v else missing for v in values]
            return np.array(coded, dtype=float)
        if hasattr(values, "notna"):  # pandas writes missing as None, NaN, NaT or NA
            values = values.astype(object).where(values.notna(), None)
        return _clipped(column, np.array(values, dtype=float))

    def save(self, path: Path) -> None:
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Contract:
        """Read `contract.json`; raises ValueError or TypeError where it is not one."""
        data = json.loads(path.read_text(encoding="utf-8"))
        columns = tuple(Column(**_with_tuples(column)) for column in data.pop("columns"))
        return cls(columns=columns, classes=tuple(data.pop("classes")), **data)


def _clipped(column: Column, numbers: np.ndarray) -> np.ndarray:
    return numbers if column.clip is None else np.clip(numbers, *column.clip)


def _with_tuples(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}


def _float32(numbers: np.ndarray) -> np.ndarray:
    """A number that float32 cannot hold becomes infinite: the schema's ranges refuse it."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32)
