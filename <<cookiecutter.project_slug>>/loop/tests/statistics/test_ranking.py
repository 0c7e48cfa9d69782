"""Areas of rankings agree with scikit-learn on the drawn rows, with ties and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as skm

from mlops_loop.statistics.ranking import average_precision, ranking, roc_auc

PAIRS = [(roc_auc, skm.roc_auc_score), (average_precision, skm.average_precision_score)]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), digits=st.integers(0, 3), dtype=st.sampled_from(["f4", "f8"]))
def test_an_area_is_that_of_the_drawn_rows(ours, theirs, seed, digits, dtype):
    """From one score for all to no ties."""
    rng = np.random.default_rng(seed)
    score = rng.random(40).round(digits).astype(dtype)
    positive = rng.random(40) < 0.4
    positive[:2] = True, False
    counts = rng.integers(0, 4, (4, 40)).astype(float)
    counts[:, :2] = 1  # both kinds in each
    drawn = [np.repeat(np.arange(40), row.astype(int)) for row in counts]
    expected = [theirs(positive[rows], score[rows]) for rows in drawn]
    with np.errstate(all="ignore"):
        found = ours(counts, ranking(positive, score))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("ours", [roc_auc, average_precision])
@pytest.mark.parametrize("positive", [True, False])
def test_rows_of_one_kind_have_no_area(ours, positive):
    """NaN, where the rows are of one kind and where only the resample is."""
    with np.errstate(all="ignore"):
        one_kind = ours(np.ones((1, 3)), ranking(np.full(3, positive), np.arange(3.0)))
        two = ranking(np.array([positive, not positive]), np.arange(2.0))
        drawn = ours(np.array([[1.0, 0]]), two)
    assert np.isnan([one_kind, drawn]).all()
