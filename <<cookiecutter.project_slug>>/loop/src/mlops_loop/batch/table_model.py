"""A loaded model that predicts tables: a data frame as a whole, or a file part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from mlops_loop import tasks
from mlops_loop.batch.checks import Refused, TableReader
from mlops_loop.batch.raw_rows import RawReader, hint
from mlops_loop.columns import one_type_per_column
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.model.bundle import Bundle
from mlops_loop.text import listed

REASON = "reason"
Kind = Literal["raw", "model"]
KINDS = {"raw": "raw rows, made into model input by features.py", "model": "model input"}


@dataclass(frozen=True)
class Layout:
    """What a table holds: raw rows or model input; columns that it lacks, and that nothing uses."""

    kind: Kind
    lacking: list[str]
    unused: list[str]

    def notes(self) -> list[str]:
        """Sentences for people about what is lacking."""
        return [
            f"There is no column {name!r}: missing in every row." + hint(name, self.unused)
            for name in self.lacking
        ]


@dataclass(frozen=True)
class Prepared:
    """Of `n_rows` rows those to predict, and the errors of all others.

    positions: (n,); matrix: float32 (n, n_columns).
    """

    n_rows: int
    positions: np.ndarray
    matrix: np.ndarray
    refused: Refused


@dataclass(frozen=True)
class Answer:
    """Predictions by column, missing where a row is refused; and the errors of each such row."""

    predictions: pd.DataFrame
    refused: Refused

    def reasons(self) -> pd.Series:
        """Why a row got no prediction, in one line; missing where it got one."""
        texts = {row: " ".join(map(str, errors)) for row, errors in self.refused.items()}
        found = np.full(len(self.predictions), None, dtype=object)
        found[list(texts)] = list(texts.values())
        return pd.Series(found, self.predictions.index, dtype="str", name=REASON)


class TableModel:
    """A model that predicts tables, with the checks and the answers of the endpoint.

    `version` is that of the registry, or `unregistered`.
    """

    def __init__(self, bundle: Bundle, version: str) -> None:
        self.bundle, self.version = bundle, version
        self.contract, self.task = bundle.contract, tasks.of(bundle.contract)
        self._reader = TableReader(bundle.contract)

    def __repr__(self) -> str:
        return (
            f"<model {self.version} (bundle {self.bundle.id}): "
            f"{self.task.title(self.contract)} by {', '.join(self.contract.names)}>"
        )

    @cached_property
    def _raw(self) -> RawReader | None:
        """None where no project says how raw rows become model input."""
        try:
            return RawReader(self.contract)
        except UsageError:
            return None

    def layout(self, names: Sequence[str], kind: Kind | None = None) -> Layout:
        """What a table of these columns holds, or how it is read as `kind`.

        It is model input where all columns are there that the model needs and, if `features.py`
        makes columns, one of those; raw rows otherwise. Raises DataRefused where columns lack.
        """
        required = [c.name for c in self.contract.columns if not c.nullable]
        missing = [name for name in required if name not in names]
        raw = self._raw if kind != "model" else None
        if kind == "raw" and raw is None:
            raise UsageError("Raw rows need the project's code: run this in its folder.")
        is_input = raw is None or bool(set(self.contract.names) & set(names) - raw.named(names))
        if kind is None and raw and missing and raw.is_whole(names):
            is_input = False
        if raw and (kind == "raw" or not is_input):
            return self._raw_layout(raw, names, missing)
        if missing:
            raise _no_columns(names, missing)
        lacking = [name for name in self.contract.names if name not in names]
        return Layout("model", lacking, [n for n in names if n not in self.contract.names])

    def _raw_layout(self, raw: RawReader, names: Sequence[str], missing: list[str]) -> Layout:
        if not (named := raw.named(names)):
            raise _no_columns(names, missing)
        return Layout("raw", raw.lacking(names), [name for name in names if name not in named])

    def prepare(self, table: pd.DataFrame, kind: Kind, written: bool = False) -> Prepared:
        """Check and encode rows; `written`: the values are texts of a CSV, and not typed.

        Raises DataRefused where `features.model_rows` fails.
        """
        rows, refused = table.reset_index(drop=True), {}
        if kind == "raw" and self._raw is not None:
            made = self._raw.read(rows)
            rows, refused, written = made.rows, made.refused, False
        checked = self._reader.read(rows, written)
        positions, keep = rows.index.to_numpy(), checked.accepted()
        refused |= {int(positions[row]): errors for row, errors in checked.refused.items()}
        return Prepared(len(table), positions[keep], checked.matrix[keep], refused)

    def answer(self, rows: Prepared) -> Answer:
        """Predictions of all rows that are not refused."""
        scores = self.bundle.predictor.scores(rows.matrix)
        made = self.task.columns(scores, self.contract)
        kinds = {name: "str" for name, values in made.items() if values.dtype == object}
        found = pd.DataFrame(made, rows.positions).astype(kinds)
        return Answer(found.reindex(range(rows.n_rows)), dict(sorted(rows.refused.items())))

    def predict(
        self,
        rows: pd.DataFrame,
        refused: Literal["raise", "reason"] = "raise",
        kind: Kind | None = None,
    ) -> pd.DataFrame:
        """Predictions with the index of `rows`, by column as the endpoint names them.

        rows: raw rows or model input, see `layout`; `kind` says which, where names cannot tell.
        refused: "raise" raises RowsRefused, with row (counted from 0), column, value and what is
        allowed; "reason" predicts all other rows, and adds the column `reason`.
        """
        if not isinstance(rows, pd.DataFrame):
            kind_of = type(rows).__name__
            raise UsageError(
                f"predict takes a DataFrame, not {kind_of}: pd.DataFrame([row]) is one."
            )
        names = [str(name) for name in rows.columns]
        table = one_type_per_column(rows.set_axis(names, axis=1))
        answer = self.answer(self.prepare(table, self.layout(names, kind).kind))
        if answer.refused and refused == "raise":
            raise _refusal(answer.refused)
        found = answer.predictions
        if refused == "reason":
            found = found.assign(**{REASON: answer.reasons()})
        return found.set_axis(rows.index)


def _refusal(refused: Refused) -> RowsRefused:
    errors = [replace(error, row=row) for row, found in refused.items() for error in found]
    return RowsRefused(errors[:20], len(errors))


def _no_columns(names: Sequence[str], missing: Sequence[str]) -> DataRefused:
    hints = "".join(hint(name, names) for name in missing[:3])
    return DataRefused(
        f"These rows have no {listed(missing)}, which the model needs; they have "
        f"{listed(names)}.{hints} Next: give raw rows as in the source, or all columns of the "
        "model input (loop/docs/predict.md)"
    )
