"""Metrics of many resamples at once are the metrics of each resample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from <<cookiecutter.__package_name>>.contract import Contract
from <<cookiecutter.__package_name>>.delivery import weighted
from <<cookiecutter.__package_name>>.pipeline import metrics

CLASSIFICATION = sorted(metrics.METRICS["classification"])
REGRESSION = sorted(metrics.METRICS["regression"])


def classified(seed, n_rows, n_classes, ties):
    """Scores in float32, as ONNX gives them; with `ties` only a few distinct ones."""
    rng = np.random.default_rng(seed)
    raw = rng.dirichlet(np.ones(n_classes), n_rows) + 0.01
    scores = np.round(raw, 1) + 0.01 if ties else raw
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    classes = tuple(f"class {k}" for k in range(n_classes))
    contract = Contract("classification", "made", (), classes, 0.4)
    return weighted.Sample(rng.integers(0, n_classes, n_rows), scores, contract)


def regressed(seed, n_rows):
    rng = np.random.default_rng(seed)
    y = rng.standard_t(3, n_rows) * 30
    return weighted.Sample(y, y + rng.normal(5, 20, n_rows), Contract("regression", "made", ()))


def assert_same_as_one_by_one(metric, sample, seed):
    counts = np.random.default_rng(seed).multinomial(
        len(sample), np.full(len(sample), 1 / len(sample)), size=6
    )
    rows = np.arange(len(sample))
    expected = [sample.take(np.repeat(rows, count)).value(metric) for count in counts]
    with np.errstate(all="ignore"):
        found = weighted.form(metric, sample)(counts.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CLASSIFICATION)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), n_classes=st.sampled_from([2, 3]), ties=st.booleans())
def test_forms_of_classification_equal_scikit_learn(name, seed, n_classes, ties):
    """Exactly the metric of each resample, with ties and with three classes too."""
    sample = classified(seed, 60, n_classes, ties)
    assert_same_as_one_by_one(metrics.find("classification", name), sample, seed)


@pytest.mark.parametrize("name", REGRESSION)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), n_rows=st.integers(20, 61))
def test_forms_of_regression_equal_scikit_learn(name, seed, n_rows):
    """Exactly the metric of each resample, for odd and even numbers of rows."""
    assert_same_as_one_by_one(metrics.find("regression", name), regressed(seed, n_rows), seed)


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
def test_a_resample_of_one_class_is_undefined(name):
    """No AUC without both classes: NaN, not 0 and not an error."""
    sample = classified(0, 30, 2, ties=False)
    metric = metrics.find("classification", name)
    with np.errstate(all="ignore"):
        values = weighted.form(metric, sample)((sample.y == 1)[None, :].astype(float))
    assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("sample", "names"),
    [(classified(0, 50, 2, True), CLASSIFICATION), (regressed(0, 50), REGRESSION)],
)
def test_every_metric_has_a_form_that_is_used(sample, names, monkeypatch):
    """A metric added without one still works, only slower."""
    monkeypatch.setattr(weighted, "_one_by_one", lambda metric, sample: pytest.fail(metric.name))
    for name in names:
        weighted.form(metrics.find(sample.contract.task, name), sample)


def test_a_form_that_disagrees_with_its_metric_is_not_used():
    """Whoever changes a metric's formula gets the new number, not the old form's."""
    sample = regressed(0, 30)
    halved = metrics.Metric("mae", lambda y, s, contract: np.abs(y - s).mean() / 2, False)
    values = weighted.form(halved, sample)(np.ones((2, 30)))
    assert values == pytest.approx([sample.value(halved)] * 2)
