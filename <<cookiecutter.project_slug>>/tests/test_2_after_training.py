"""After training: does the model know something, and does it answer whatever it is asked?"""

from __future__ import annotations

import numpy as np
import pytest

from mlops_loop import tasks
from mlops_loop.model import predictor
from mlops_loop.pipeline import assemble
from mlops_loop.tasks import baselines, metrics


@pytest.fixture
def ask(trained):
    """`ask(rows)`: scores of rows as a client sends them."""
    return lambda rows: predictor.raw_scores(trained.pipeline, trained.contract.encode_rows(rows))


@pytest.fixture
def rows(trained, parts) -> list[dict]:
    """Fifty held-out rows as a client sends them."""
    return assemble.golden_rows(parts["holdout"], trained.contract, 50)


def test_the_model_is_better_than_the_best_constant(trained, parts, own):
    """On the holdout, by the metric of the search."""
    contract, task = trained.contract, tasks.of(trained.contract)
    training, (x, y) = (
        (contract.encode_table(rows), task.encode_target(rows, contract))
        for rows in (parts["train"], parts["holdout"])
    )
    name = baselines.skill_metric(own.task, own.train.scoring)
    metric = metrics.find(own.task, name)
    constant = baselines.fit(training, x, contract).against(metric, y, contract)["constant"]
    gain = metric(y, predictor.raw_scores(trained.pipeline, x), contract) - constant.value(metric)
    assert metric.sign * gain > 0


def test_the_order_of_rows_does_not_matter(ask, rows):
    """The same scores, in the other order."""
    # A linear model sums in another order where a row stands elsewhere in a block.
    np.testing.assert_allclose(ask(rows)[::-1], ask(rows[::-1]), rtol=0, atol=1e-12)


def test_neighbours_do_not_matter(ask, rows):
    """A row alone gets the score that it gets among others."""
    alone = np.concatenate([ask([row]) for row in rows])
    np.testing.assert_allclose(alone, ask(rows), rtol=1e-6, atol=1e-6)


def test_the_order_of_keys_does_not_matter(ask, rows):
    """Clients may write a row in any order."""
    turned = [dict(reversed(row.items())) for row in rows]
    np.testing.assert_array_equal(ask(rows), ask(turned))


def test_every_missing_value_gives_a_finite_score(ask, rows, trained):
    """Each column missing alone, and all at once."""
    holes = [rows[0] | {name: None} for name in trained.contract.names]
    assert np.isfinite(ask([*holes, {}])).all()


def test_unseen_categories_give_a_finite_score(ask, rows, trained):
    """Each alone; the score is a guess, but a number."""
    contract = trained.contract
    names = [contract.columns[i].name for i in contract.categories]
    assert np.isfinite(ask([rows[0] | {name: "never seen"} for name in [*names, "other"]])).all()


def test_probabilities_sum_to_one(ask, rows, trained):
    """And lie between 0 and 1, where there are classes."""
    scores = ask(rows)
    assert len(scores) == len(rows)
    if "probability" in tasks.of(trained.contract).prediction_fields(trained.contract):
        assert ((scores >= 0) & (scores <= 1)).all()
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_the_model_uses_what_it_is_given(ask, rows):
    """Different rows get different scores."""
    assert len(np.unique(ask(rows), axis=0)) > len(rows) / 4
