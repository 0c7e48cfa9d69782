"""What every task promises, for each of the tasks that there are."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from typing_extensions import TypedDict

from mlops_loop import tasks
from mlops_loop.stage_params import Export, Split, Target, Train

KINDS = ["binary", "multi-class", "regression"]


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def contract(make_contract, kind):
    return make_contract(kind, 0.4)


@pytest.fixture
def task(contract):
    return tasks.of(contract)


@pytest.fixture
def scored(make_scores, kind):
    """True values and scores of 60 rows."""
    return make_scores(kind, 60)


def test_a_target_needs_its_column(task):
    """The key is named."""
    split = Split(strategy="random", validation=0.2, holdout=0.2)
    train = Train(estimator="linear", scoring="any")
    task.check(Target(column="outcome"), split, train, Export())
    with pytest.raises(ValueError, match=r"target\.column is missing"):
        task.check(Target(), split, train, Export())


def test_predictions_are_of_the_type_that_openapi_shows(task, contract, scored):
    """With exactly its keys, and as JSON."""
    fields = task.prediction_fields(contract)
    adapter = TypeAdapter(TypedDict("Prediction", fields))
    predictions = task.predictions(scored[1], contract)
    assert len(predictions) == 60
    for prediction in predictions:
        assert adapter.validate_json(json.dumps(prediction)) == prediction
        assert list(prediction) == list(fields)


def test_scores_can_be_read_from_predictions(task, contract, scored):
    """What the smoke test compares with the golden rows."""
    read = [task.scores_of(p, contract) for p in task.predictions(scored[1], contract)]
    np.testing.assert_array_equal(read, scored[1].reshape(60, -1))


def test_outputs_name_what_a_prediction_holds(task, contract, scored):
    """Each key as a tensor, several values in one shape."""
    prediction = task.predictions(scored[1], contract)[0]
    assert [output.key for output in task.outputs(contract)] == list(prediction)
    for output in task.outputs(contract):
        value = prediction[output.key]
        assert output.shape == ((len(value),) if isinstance(value, dict) else ())
        assert (output.datatype == "BYTES") == isinstance(value, str)


def test_a_prediction_is_an_outcome(task, contract, scored):
    """What a model predicts may come true; an odd text or infinity may not."""
    for prediction in task.predictions(scored[1], contract):
        assert task.outcome(prediction["prediction"], contract) == prediction["prediction"]
    for other in ("no such thing", float("inf"), float("nan"), 10**400, ""):
        assert task.outcome(other, contract) is None
    assert task.allowed_outcomes(contract)


def test_every_prediction_has_a_headline_and_an_explained_number(task, contract, scored):
    """For the page; a change of the number has its sign."""
    prediction = task.predictions(scored[1], contract)[0]
    assert task.headline(prediction, contract)
    assert task.explained(scored[1]).shape == (60,)
    assert task.explained_name(prediction, contract)
    assert task.describe_change(-0.5, contract).startswith("-")
    assert all(0 <= share <= 1 for share in task.shares(prediction).values())


def test_constants_are_scores(task, contract, scored):
    """Every metric takes them, and the model of these tests is better than each of them."""
    y, scores = scored
    metric = task.metrics["mae" if task.name == "regression" else "log_loss"]
    for constant in task.constants(y, contract).values():
        tiled = np.stack([np.asarray(constant)] * 60)
        assert tiled.shape == scores.shape
        assert metric(y, scores, contract) < metric(y, tiled, contract)


def test_plots_are_tables_and_the_curve_is_one_of_them(task, contract, scored):
    """The report draws its column `predicted` and another one."""
    plots = task.plots(*scored, contract)
    assert all(len(pd.DataFrame(plot.columns)) for plot in plots.values())
    assert "predicted" in list(plots[task.curve].columns)[:2]
    assert task.curve_axis(contract)


def test_metrics_for_gaps_are_metrics_of_the_task(task):
    """And so are their own names."""
    assert set(task.gap_metrics) <= set(task.metrics)
    assert all(metric.name == name for name, metric in task.metrics.items())


def test_a_card_and_a_description_name_what_is_predicted(task, contract):
    """Classes, or the unit."""
    assert "outcome" in task.card_text(contract, Target(column="outcome"))
    named = contract.classes or (contract.target_unit,)
    assert all(name in task.describe_outcomes(contract) for name in named)


def test_folds_divide_the_rows(task, scored):
    """Every row is scored once."""
    pairs = list(task.folds(3, 7).split(np.zeros((60, 1)), scored[0]))
    assert sorted(np.concatenate([score for _, score in pairs])) == list(range(60))


def test_a_copy_of_the_target_is_a_leak_and_noise_is_none(task, contract, kind, make_scores):
    """A score of 1 at most, whatever the task measures."""
    y, noise = make_scores(kind, 900)[0], np.random.default_rng(1).normal(size=900)
    scores = []
    for column in (y, noise):
        fitted, held = ((column[part, None], y[part]) for part in np.split(np.arange(900), 2))
        scores.append(task.leakage_score(fitted, held, contract, False))
    assert scores[1] < 0.7 < 0.98 < scores[0] <= 1
    assert task.leakage_metric


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_columns_are_the_predictions(make_contract, make_scores, kind):
    """Value by value; what has several values is a column for each class."""
    contract, (_, scores) = make_contract(kind, threshold=0.3), make_scores(kind, 50)
    scores = scores.astype("float32")  # as ONNX gives them
    task = tasks.of(contract)
    table = task.columns(scores, contract)
    assert all(len(values) == 50 for values in table.values())
    for row, prediction in enumerate(task.predictions(scores, contract)):
        shares = prediction.pop("probabilities", {})
        expected = prediction | {f"probability_{name}": share for name, share in shares.items()}
        assert {name: values[row] for name, values in table.items()} == expected
