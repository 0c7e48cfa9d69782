"""Predict a file of any size, part by part: `predict_file`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from mlops_loop.batch import output
from mlops_loop.batch.table_model import REASON, Answer, Kind, Layout, Prepared, TableModel
from mlops_loop.columns import texts
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.file_format import FileFormat
from mlops_loop.sources import chunks
from mlops_loop.sources.files import NotSoWritten
from mlops_loop.text import listed

ROW, SHOW_AFTER_S = "row", 2.0


@dataclass
class Result:
    """What was predicted: rows, how the table was read, and how often each problem came."""

    layout: Layout
    kept: list[str]
    n_rows: int = 0
    n_refused: int = 0
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: str = ""  # the first refused row, with its reason

    def add(self, answer: Answer) -> None:
        """Count a part."""
        for row, errors in answer.refused.items():
            self.first = self.first or f"row {self.n_rows + row}: {errors[0]}"
            self.problems.update({(str(error.column), error.problem) for error in errors})
        self.n_rows += len(answer.predictions)
        self.n_refused += len(answer.refused)


@dataclass(frozen=True)
class Call:
    """What to predict and how: `keep` are columns to copy, `optional` those that may be absent."""

    file: str
    style: FileFormat
    out: Path
    keep: Sequence[str] = ()
    optional: Sequence[str] = ()
    kind: Kind | None = None
    overwrite: bool = False


def predict_file(model: TableModel, call: Call) -> Result:
    """Predict all rows of a file, and write a row for each of them, in their order.

    Nothing is left under the name of the output unless all was written. Raises UsageError,
    DataRefused where the file cannot be read, has no rows, or lacks columns.
    """
    if Path(call.file).exists() and call.out.exists() and call.out.samefile(call.file):
        raise UsageError(f"{call.out} is the file to predict. Next: --out with another name")
    output.check(call.out, call.overwrite)
    parts = _read(call)
    first = next(parts, None)
    if first is None or first.empty:
        raise DataRefused(f"{call.file} has no rows.")
    result = _begin(model, call, [str(name) for name in first.columns])
    total = chunks.total_rows(call.file, call.style)
    with (
        output.replacing(call.out, call.style, call.overwrite) as writer,
        tqdm(desc="predict", unit=" rows", total=total, delay=SHOW_AFTER_S) as bar,
    ):
        for part, answer in _answers(model, call, result.layout.kind, chain([first], parts)):
            writer.write(_written(part, answer, result))
            result.add(answer)
            bar.update(len(part))
    return result


def _begin(model: TableModel, call: Call, names: list[str]) -> Result:
    if absent := [name for name in call.keep if name not in names]:
        raise UsageError(f"--keep {absent[0]}: {call.file} has {listed(names)}.")
    wanted = dict.fromkeys([*call.optional, *call.keep])
    kept = [name for name in wanted if name in names]
    return Result(model.layout(names, call.kind), kept)


def _read(call: Call) -> Iterator[pd.DataFrame]:
    try:
        yield from chunks.read(call.file, call.style)
    except NotSoWritten as error:
        keys = [key.partition(": ") for key in error.keys]
        options = " ".join(f"--set '{name}={value.strip(chr(34))}'" for name, _, value in keys)
        raise DataRefused(f"{error.reason}. Next: {options}") from error


def _answers(
    model: TableModel, call: Call, kind: Kind, parts: Iterator[pd.DataFrame]
) -> Iterator[tuple[pd.DataFrame, Answer]]:
    """Each part with its answer; while one is predicted, a thread reads and checks the next."""
    is_text = call.style.form_of(call.file) == "csv"

    def prepared() -> tuple[pd.DataFrame, Prepared] | None:
        part = next(parts, None)
        return None if part is None else (part, model.prepare(part, kind, is_text))

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(prepared)
        while (found := coming.result()) is not None:
            coming = reader.submit(prepared)
            yield found[0], model.answer(found[1])


def _written(part: pd.DataFrame, answer: Answer, result: Result) -> pd.DataFrame:
    """The output's rows: what identifies them, as it was given, the predictions, the reasons."""
    numbers = pd.Series(np.arange(result.n_rows, result.n_rows + len(part)))
    own = {ROW: numbers, **answer.predictions, REASON: answer.reasons()}
    kept = {
        f"given_{name}" if name in own else name: texts(part[name]).reset_index(drop=True)
        for name in result.kept
    }
    return pd.DataFrame({ROW: own.pop(ROW), **kept, **own})
