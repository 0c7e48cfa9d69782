"""What is watched: means of bounded quantities of rows, day by day, out of the counts of days.

missing:NAME   share of missing values
unknown:NAME   of a category: share of levels that training did not know
outside:NAME   of a number: share beyond training's range by more than a quarter of it
level:NAME     of a number: mean rank in training, 0 to 1
away:NAME      of a number that is mostly one value: share of other values
mix:NAME       of a category: share of each level, rare levels pooled
mix            share of each group that the task makes of rows, as of each cluster
score          mean rank of what the model predicts; score:CLASS of each of several scores
loss           mean loss of the rows whose outcome is known, as a share of the frame's bound
loss:COLUMN=LEVEL, score:COLUMN=LEVEL   the same of a slice, see slices.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_loop.daily import slices
from mlops_loop.daily.bins import MISSING, NAMED, OTHER, UNKNOWN, LevelBins, NumberBins
from mlops_loop.daily.day import MILLION, Counts, Day
from mlops_loop.daily.frame import Frame

POOLED = "(rare levels)"


@dataclass(frozen=True)
class Series:
    """A quantity by day: how many rows count, their mean and their variance; each (n_days,).

    kind: as in the table above. part: the level of a mix, else "". The mean is NaN without rows.
    """

    kind: str
    column: str
    part: str
    rows: np.ndarray
    means: np.ndarray
    variances: np.ndarray

    @property
    def name(self) -> str:
        """Of the check, as `level:temp`."""
        return f"{self.kind}:{self.column}" if self.column else self.kind


def series(frame: Frame, days: Sequence[Day]) -> Iterator[Series]:
    """All quantities of days; of columns that no day counts there are none."""
    for name, bins in frame.columns.items():
        counts = _stacked(days, f"column:{name}", bins.n_counts)
        if counts.any() or not days:
            yield _share("missing", name, counts[:, [MISSING]], counts)
            if isinstance(bins, LevelBins):
                yield from _category(name, bins, counts)
            else:
                yield from _number(name, bins, counts)
    if frame.groups:
        yield from _mix("", frame.groups, _stacked(days, "group", frame.groups.n_counts))
    for name, own in frame.scores.items():
        _, _, label = name.partition(":")
        yield _ranked("score", label, own, _stacked(days, name, own.n_counts)[:, 1:])
    if frame.loss:
        yield _sums("loss", "", _stacked(days, "loss", 3))
    for kind, part in slices.names(frame):
        yield _sums(kind, part, _stacked(days, f"slice:{kind}:{part}", 3))


def _stacked(days: Sequence[Day], name: str, n_counts: int) -> np.ndarray:
    none: Counts = (0,) * n_counts
    rows = [day.counts.get(name, none) for day in days]
    return np.array(rows, dtype=float).reshape(len(days), n_counts)


def _share(kind: str, column: str, of: np.ndarray, among: np.ndarray, part: str = "") -> Series:
    rows = among.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = of.sum(axis=1) / rows
    return Series(kind, column, part, rows, means, means * (1 - means))


def _category(name: str, bins: LevelBins, counts: np.ndarray) -> Iterator[Series]:
    yield _share("unknown", name, counts[:, [UNKNOWN]], counts[:, UNKNOWN:])
    yield from _mix(name, bins, counts)


def _mix(name: str, bins: LevelBins, counts: np.ndarray) -> Iterator[Series]:
    known = counts[:, UNKNOWN:]
    if len(bins.named) < len(bins.levels):
        yield _share("mix", name, counts[:, [OTHER]], known, POOLED)
    for i, level in enumerate(bins.named):
        yield _share("mix", name, counts[:, [NAMED + i]], known, level)


def _number(name: str, bins: NumberBins, counts: np.ndarray) -> Iterator[Series]:
    known = counts[:, 1:]
    if bins.edges:
        yield _share("outside", name, known[:, [0, -1]], known)
    if (usual := bins.usual_bin) is not None:
        rest = np.delete(np.arange(known.shape[1]), usual)
        yield _share("away", name, known[:, rest], known)
    yield _ranked("level", name, bins, known)


def _ranked(kind: str, column: str, bins: NumberBins, known: np.ndarray) -> Series:
    """Mean rank of the values that are not the usual one."""
    counts = known.copy()
    if (usual := bins.usual_bin) is not None:
        counts[:, usual] = 0
    rows = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = counts @ bins.ranks / rows
        variances = counts @ bins.ranks**2 / rows - means**2
    return Series(kind, column, "", rows, means, np.maximum(variances, 0))


def _sums(kind: str, column: str, counts: np.ndarray) -> Series:
    rows, total, squares = counts.T
    with np.errstate(invalid="ignore", divide="ignore"):
        means = total / MILLION / rows
        variances = squares / MILLION / rows - means**2
    return Series(kind, column, "", rows, means, np.maximum(variances, 0))
