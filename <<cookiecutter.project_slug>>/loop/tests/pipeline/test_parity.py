"""An exported model that gives another score on any row, held out or made, is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mlops_loop.errors import ExportDisagrees
from mlops_loop.model.contract import UNSEEN, Column, Contract
from mlops_loop.pipeline import parity, probes

COLUMNS = (
    Column("size", "number", nullable=True, minimum=-10, maximum=10),
    Column("town", "category", levels=("here", "there")),
)
CONTRACT = Contract("regression", "y", COLUMNS)
HELD = np.array([[1.5, 0], [2.5, 1], [4.25, 1]], np.float32)


@dataclass
class Model:
    """A model in both forms: scores by a function of the rows."""

    function: Any

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.function(x)

    scores = predict


def base(x: np.ndarray) -> np.ndarray:
    """Answers every row, with a jump at 3."""
    size = np.nan_to_num(x[:, 0].astype(float), nan=7)
    return size + 10 * (size > 3) + x[:, 1]


def where(rows: Any) -> Model:
    """A model that is 1 off where `rows` is true."""
    return Model(lambda x: base(x) + rows(x[:, 0], x[:, 1]))


def check(exported: Model, pipeline: Model | None = None) -> parity.Parity:
    return parity.check_parity(pipeline or Model(base), exported, HELD, CONTRACT, 1e-5)


def test_models_that_agree_are_counted_by_kind():
    """Made rows of every kind, and the largest difference on each."""
    found = check(Model(lambda x: base(x) + 1e-7))
    assert found.n_rows == 3
    assert list(found.probes) == list(probes.KINDS)
    assert found.n_probes == sum(made.n_rows for made in found.probes.values()) > 1000
    assert 0 < found.largest_difference <= found.overall < 1e-6


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (probes.MISSING, lambda size, town: np.isnan(size)),
        (probes.UNSEEN_LEVEL, lambda size, town: town == UNSEEN),
        (probes.SEVERAL, lambda size, town: np.isnan(size) & (town == UNSEEN)),
        (probes.LEVEL, lambda size, town: (town == 1) & (size == 1.5)),
        (probes.END, lambda size, town: size == 10),
        (probes.ZERO, lambda size, town: size == 0),
        (probes.CUT, lambda size, town: size == np.float32(3)),
    ],
)
def test_a_row_that_no_holdout_has_is_seen(kind, rows):
    """One kind of row is enough."""
    held = rows(HELD[:, 0], HELD[:, 1])
    assert not held.any()
    with pytest.raises(ExportDisagrees, match=rf"of [\d,]+ {probes.KINDS[kind]}"):
        check(where(rows))


def test_a_number_beside_the_jump_alone_is_seen():
    """The next float32 number above it."""
    above = np.nextafter(np.float32(3), np.float32(4))
    with pytest.raises(ExportDisagrees, match=probes.KINDS[probes.CUT]):
        check(where(lambda size, town: -10 * (size == above)))


def test_the_message_counts_rows_and_shows_the_worst():
    """All kinds that differ, the first with its values, and what to do."""
    with pytest.raises(ExportDisagrees) as caught:
        check(where(lambda size, town: size == 2.5))
    assert re.search(
        r"on 1 of 3 holdout rows, \d+ of \d+ rows with an unseen .*", str(caught.value)
    )
    assert "(row 1: 3.5 against 4.5, allowed 1e-05). Next: " in str(caught.value)


def test_a_made_row_is_compared_at_its_own_scale():
    """A huge score at the end of a range holds seven digits as well, and hides no other row."""
    huge = Model(lambda x: np.where(x[:, 0] == 10, 1e12, base(x)))
    rounded = Model(lambda x: np.where(x[:, 0] == 10, 1e12 + 1e6, base(x)))
    assert check(rounded, huge).probes[probes.END].largest_difference == pytest.approx(1e-6)
    both = Model(lambda x: rounded.scores(x) + 0.01 * (x[:, 0] == -10))
    with pytest.raises(ExportDisagrees, match="end of a range"):
        check(both, huge)


def test_a_pipeline_without_a_finite_score_is_refused():
    """As an exponential function is at the end of a range that is too wide."""
    broken = Model(lambda x: np.where(x[:, 0] == 10, np.inf, base(x)))
    with pytest.raises(ExportDisagrees, match=r"^The pipeline itself .* Next: .*ge, le"):
        check(broken, broken)


def failing(error: Exception, only: float) -> Model:
    def scores(x: np.ndarray) -> np.ndarray:
        if (x[:, 0] == only).any():
            raise error
        return base(x)

    return Model(scores)


@pytest.mark.parametrize(
    ("exported", "pipeline", "sentence"),
    [
        (base, failing(ValueError("no. "), 10).scores, r"^The model cannot .* range, .*: no\."),
        (failing(RuntimeError("odd"), 0).scores, base, r"exported model cannot .* zero: odd\."),
        (lambda x: base(x)[:, None], base, r"another shape: \(3, 1\) .* pipeline \(3,\)"),
    ],
    ids=["pipeline", "exported model", "shape"],
)  # fmt: skip
def test_a_model_that_cannot_answer_is_refused(exported, pipeline, sentence):
    """With the kind of row and the reason."""
    with pytest.raises(ExportDisagrees, match=sentence):
        check(Model(exported), Model(pipeline))


def test_without_a_holdout_row_nothing_is_proven():
    """So it is refused."""
    with pytest.raises(ExportDisagrees, match="no holdout row"):
        parity.check_parity(Model(base), Model(base), HELD[:0], CONTRACT, 1e-5)


@pytest.mark.parametrize(
    ("expected", "found", "agrees"),
    [
        ([[0.5, 0.5]], [[0.500001, 0.499999]], True),
        ([[0.5, 0.5]], [[0.51, 0.49]], False),
        ([[0.5, 0.5]], [[np.nan, 0.5]], False),
        ([[np.nan, 0.5]], [[np.nan, 0.5]], False),
        ([1e6, 2.0], [1e6 + 0.5, 2.0], True),
        ([1e6, 2.0], [1e6 + 50, 2.0], False),
        ([0.5, 0.1], [0.5, 0.2], False),
        ([np.inf], [np.inf], False),
    ],
    ids=[
        "equal probabilities", "other probabilities", "NaN", "both NaN", "large numbers",
        "other large numbers", "small numbers", "infinite",
    ],
)  # fmt: skip
def test_what_counts_as_agreement(expected, found, agrees):
    """Probabilities by difference, numbers relative to the largest; NaN never agrees."""
    expected, found = np.array(expected), np.array(found)
    gap = parity.differences(expected, found, np.abs(expected).max())
    answers = parity.Answers(parity.HELD_OUT, expected, found, gap)
    assert (answers.n_bad(1e-5) == 0) == agrees


def test_large_scores_of_a_row_are_compared_by_the_largest():
    """Distances far away have the seven digits of float32; probabilities are compared as they are.

    A row of small distances does not hide behind one of large ones.
    """
    expected, off = np.array([[0.5, 0.5], [3e6, 4e6]]), np.array([[2e-5, 0], [1.0, 0]])
    gap = parity.differences(expected, expected + off, np.array([1.0, 4e6]))
    np.testing.assert_allclose(gap, [2e-5, 2.5e-7], rtol=1e-4)
