"""The proof that an exported model gives the answers of the pipeline that was trained.

Both are asked for the scores of all held-out rows, and of made rows (see `probes`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlops_loop.errors import ExportDisagrees
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import Predictor, raw_scores
from mlops_loop.pipeline.causes import NOT_FINITE, SKOPS, Cause, likely_cause, unanswered
from mlops_loop.pipeline.probes import CUT, KINDS, beside_cuts, make_probes

HELD_OUT = "holdout"
WORDS = {HELD_OUT: "holdout rows", **KINDS}


@dataclass(frozen=True)
class Compared:
    """Rows of one kind, and the largest difference on any of them."""

    n_rows: int
    largest_difference: float


@dataclass(frozen=True)
class Parity:
    """How far the exported model is from the pipeline, on held-out rows and on made ones by kind.

    Differences are of probabilities, or relative ones of numbers: see `differences`.
    """

    n_rows: int
    largest_difference: float
    probes: dict[str, Compared] = field(default_factory=dict)

    @property
    def n_probes(self) -> int:
        return sum(compared.n_rows for compared in self.probes.values())

    @property
    def overall(self) -> float:
        """The largest difference on any row."""
        made = (compared.largest_difference for compared in self.probes.values())
        return max(self.largest_difference, *made)


@dataclass(frozen=True)
class Answers:
    """What both models say of rows of one kind; `gap` is their difference in each, (n_rows,)."""

    kind: str
    expected: np.ndarray
    exported: np.ndarray
    gap: np.ndarray

    def n_bad(self, tolerance: float) -> int:
        """Rows beyond the tolerance; a score that is not finite never agrees."""
        return int((~(self.gap <= tolerance)).sum())

    def worst(self) -> str:
        """The row with the largest difference, in words."""
        row = int(np.nan_to_num(self.gap, nan=np.inf).argmax())
        return f"row {row}: {_text(self.expected[row])} against {_text(self.exported[row])}"


def _text(scores: np.ndarray) -> str:
    return ", ".join(f"{score:.9g}" for score in np.atleast_1d(scores))


def differences(
    expected: np.ndarray, exported: np.ndarray, scale: np.ndarray | float
) -> np.ndarray:
    """The largest difference in each row, (n_rows,), relative to `scale`.

    float32 holds seven digits whatever the unit of a number is; a scale under 1, as that of a
    probability, counts as 1.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        gap = np.abs(expected - exported).reshape(len(expected), -1).max(axis=1)
        return gap / np.maximum(1.0, scale)


def check_parity(
    pipeline: Any, predictor: Predictor, x: np.ndarray, contract: Contract, tolerance: float
) -> Parity:
    """Compare the models on held-out rows `x`, encoded (n_rows, n_columns), and on made rows.

    For numbers the tolerance is relative to the largest score of the held-out rows, and on a made
    row to its own score where that is larger. Raises ExportDisagrees where there is no row, where
    a model cannot answer one, and beyond the tolerance: with the likely cause first.
    """
    if not len(x):
        raise ExportDisagrees("There is no holdout row to prove the exported model on.")
    answers = list(_answers(pipeline, predictor, x, contract))
    if failed := {a.kind: a for a in answers if a.n_bad(tolerance)}:
        raise ExportDisagrees(_message(pipeline, failed, tolerance))
    held, *made = (Compared(len(a.gap), float(a.gap.max())) for a in answers)
    kinds = (answer.kind for answer in answers[1:])
    return Parity(held.n_rows, held.largest_difference, dict(zip(kinds, made, strict=True)))


def _answers(
    pipeline: Any, predictor: Predictor, x: np.ndarray, contract: Contract
) -> Iterator[Answers]:
    """Held-out rows, then made ones, kind by kind."""
    expected, exported = _asked(pipeline, predictor, HELD_OUT, x)
    scale = np.abs(expected).max()
    yield Answers(HELD_OUT, expected, exported, differences(expected, exported, scale))
    probes = make_probes(x, contract)
    probes[CUT] = beside_cuts(predictor.scores, x, contract)
    for kind, rows in probes.items():
        if len(rows):
            expected, exported = _asked(pipeline, predictor, kind, rows)
            own = np.maximum(scale, np.abs(expected).reshape(len(expected), -1).max(axis=1))
            yield Answers(kind, expected, exported, differences(expected, exported, own))


def _asked(
    pipeline: Any, predictor: Predictor, kind: str, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the pipeline and of the exported model."""
    try:
        expected = raw_scores(pipeline, rows)
    except ValueError as error:
        raise ExportDisagrees(unanswered(kind, WORDS[kind], _reason(error))) from error
    try:
        exported = predictor.scores(rows)
    except Exception as error:  # ONNX Runtime has an error of its own for every step
        reason = f"The exported model cannot answer {WORDS[kind]}: {_reason(error)}"
        raise ExportDisagrees(f"{reason} Next: {SKOPS}.") from error
    if expected.shape != exported.shape:
        raise ExportDisagrees(
            f"The exported model gives scores of another shape: {exported.shape} for "
            f"{WORDS[kind]}, and the pipeline {expected.shape}. Next: {SKOPS}."
        )
    return expected, exported


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(". ") + "."


def _message(pipeline: Any, failed: dict[str, Answers], tolerance: float) -> str:
    """The likely cause, then on which rows the models differ, then what to do."""
    cause, first = _cause(pipeline, failed), next(iter(failed.values()))
    counts = [f"{a.n_bad(tolerance):,} of {len(a.gap):,} {WORDS[a.kind]}" for a in failed.values()]
    return (
        f"{cause.reason} The exported model differs from the pipeline on {', '.join(counts)} "
        f"({first.worst()}, allowed {tolerance:g}). Next: {cause.next_step()}."
    )


def _cause(pipeline: Any, failed: dict[str, Answers]) -> Cause:
    if all(np.isfinite(answers.expected).all() for answers in failed.values()):
        return likely_cause(pipeline, failed)
    return NOT_FINITE
