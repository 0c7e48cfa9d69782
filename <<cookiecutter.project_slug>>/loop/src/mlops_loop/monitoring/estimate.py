"""The loss of days whose labels have not come, as the probabilities themselves imply it.

Were the probabilities right, a row with the probability p of the second class would have the mean
loss p loss(1) + (1 - p) loss(0), as NannyML's CBPE estimates metrics. They are not right where the
world has changed, and then this says least: so it is shown with its past errors, and never alarms.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mlops_loop import tasks
from mlops_loop.daily.bins import NumberBins
from mlops_loop.daily.day import MILLION, Day
from mlops_loop.daily.frame import Frame


@dataclass(frozen=True)
class Estimate:
    """means: by day, NaN where there is none. error: mean absolute error over the `days` days with
    labels; None where no label has come."""

    means: np.ndarray
    error: float | None
    days: int


def estimate(frame: Frame, days: Sequence[Day], mature: Collection[str]) -> Estimate | None:
    """Of days in order; None where the model gives no probabilities of two classes.

    mature: the dates whose labels have come. The probability of a row is known to its bin only,
    which shifts the estimate a little; its error tells by how much.
    """
    gives_chances = tasks.of(frame.contract).gives_chances(frame.contract)
    if not gives_chances or not frame.loss or "score" not in frame.scores:
        return None
    implied = _implied(frame, frame.scores["score"])
    means = np.array([_mean(day, implied) for day in days])
    known = (day.date in mature and "loss" in day.counts for day in days)
    pairs = zip(means, days, known, strict=True)
    errors = [abs(mean - _realised(day)) for mean, day, is_known in pairs if is_known]
    return Estimate(means, float(np.mean(errors)) if errors else None, len(errors))


def _implied(frame: Frame, bins: NumberBins) -> np.ndarray:
    """The mean loss of each bin of probabilities, (n_bins,)."""
    edges = np.clip(bins.edges, 0, 1)
    inner = (edges[1:] + edges[:-1]) / 2
    p = np.concatenate([edges[:1] / 2, inner, (1 + edges[-1:]) / 2]) if len(edges) else inner
    scores = np.column_stack([1 - p, p])
    no, yes = (frame.losses(np.full(len(p), y), scores) for y in (0, 1))
    return p * yes + (1 - p) * no


def _mean(day: Day, implied: np.ndarray) -> float:
    counts = np.array(day.counts.get("score", (0,) * (len(implied) + 1))[1:], dtype=float)
    return float(counts @ implied / counts.sum()) if counts.any() else np.nan


def _realised(day: Day) -> float:
    rows, total, _ = day.counts["loss"]
    return total / MILLION / rows
