"""A trained model as event files of TensorBoard, in a folder of its bundle's id.

Metrics of the holdout are scalars, candidates of the search are hyperparameters, and the model card
is a text. A curve, as ROC, is a scalar whose step is its x in thousandths: TensorBoard's x axis is
a whole number.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mlops_loop import paths
from mlops_loop.errors import UsageError
from mlops_loop.trackers.facts import Facts

STEPS = 1000  # of a curve, from x = 0 to x = 1
CARD = "model_card.md"


@dataclass(frozen=True)
class Written:
    """The folder of the model's events, and whether they were written now."""

    folder: Path
    is_new: bool


def write(folder: Path, facts: Facts) -> Written:
    """Write the events, unless they are there; other runs in `folder` stay.

    Raises UsageError where the folder cannot be written.
    """
    final = folder / facts.bundle_id
    if final.exists():
        return Written(final, False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
            _write(Path(part) / "run", facts)
            (Path(part) / "run").rename(final)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from error
    return Written(final, True)


def _write(folder: Path, facts: Facts) -> None:
    from tensorboardX import SummaryWriter

    with closing(SummaryWriter(str(folder))) as events:
        for tag, value, step in _scalars(facts):
            events.add_scalar(tag, value, step)
        card = next(path for path in facts.files["bundle"] if path.name == CARD)
        events.add_text("model_card", card.read_text(encoding="utf-8"), 0)
        hparams = _hparams(facts.candidates)
        for i, (values, tried) in enumerate(zip(hparams, facts.candidates, strict=True), 1):
            scores = {_tag(f"search.{facts.scoring}"): tried["score"]}
            scores |= {"search.spread": tried["spread"]}
            known = {name: value for name, value in scores.items() if value is not None}
            events.add_hparams(values, known, f"candidate-{i:02}", tried.get("rung", 1))


def _scalars(facts: Facts) -> Iterator[tuple[str, float, int]]:
    """Tag, value and step of every scalar of the model."""
    for name, value in facts.metrics.items():
        room, _, rest = name.partition(".")
        tag = f"{room}/{rest}" if room == "search" else f"holdout/{name}"
        yield _tag(tag), value, 0
    for name, values in facts.curves.items():
        for step, value in enumerate(values):
            yield _tag(name.replace(".", "/", 1)), value, step
    for tag, points in curves(facts.files["plots"]):
        for x, y in points:
            yield tag, y, round(x * STEPS)


def curves(tables: Sequence[Path]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Tag and points of each table that is a curve over [0, 1], as ROC and calibration.

    A curve has two columns of numbers, the first of which ascends or descends.
    """
    for path in tables:
        if path.suffix == ".csv" and path.parent.name == paths.PLOTS.name:
            table = pd.read_csv(path).iloc[:, :2].dropna()
            if _is_curve(table):
                y_name = _tag(str(table.columns[1]))
                points = table.sort_values(table.columns[0], kind="stable").to_numpy(dtype=float)
                yield f"{path.stem}/{y_name}", [(float(x), float(y)) for x, y in points]


def _is_curve(table: pd.DataFrame) -> bool:
    kinds = table.dtypes
    if len(table) < 3 or len(kinds) < 2 or not all(kind.kind == "f" for kind in kinds):
        return False
    x = table.iloc[:, 0]
    in_order = x.is_monotonic_increasing or x.is_monotonic_decreasing
    return in_order and bool(x.between(0, 1).all())


def _hparams(candidates: Sequence[Mapping[str, Any]]) -> list[dict[str, float | str]]:
    """The values of each candidate; of one name all are numbers, or all are texts."""
    tried = [candidate["values"] for candidate in candidates]
    names = sorted({name for values in tried for name in values})
    numbers = {name for name in names if all(_is_number(values.get(name)) for values in tried)}
    return [{_tag(k): v[k] if k in numbers else str(v.get(k)) for k in names} for v in tried]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _tag(name: str) -> str:
    """A name that is written as it is; of a hyperparameter's metric another one is not found."""
    return re.sub(r"[^-\w./]", "_", name)
