"""Search, fit and threshold: by name, by seed, and never from rows that come later."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as skm

from <<cookiecutter.__package_name>> import errors, features, metrics, predictor
from <<cookiecutter.__package_name>>.pipeline import (
    derive,
    files,
    train,
)

SMALL = {
    "linear": {},
    "hist_gradient_boosting": {"max_iter": [8], "min_samples_leaf": [5]},
    "random_forest": {"n_estimators": [8]},
}


@pytest.fixture(autouse=True)
def _made_up_world(monkeypatch, inputs):
    monkeypatch.setattr(train, "ModelInput", inputs)


@pytest.fixture
def fit(make_rows, make_params):
    """`fit("binary", {...})` trains on 300 rows and sets the threshold on 150 others."""

    def run(kind: str = "binary", changes: dict | None = None) -> train.Trained:
        training, validation = make_rows(300, kind), make_rows(150, kind, 1)
        return train.train(training, validation, make_params(kind, changes))

    return run


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("name", features.ESTIMATORS)
def test_every_estimator_beats_the_trivial_answer(fit, make_rows, kind, name):
    """On rows that it has not seen, some with missing values."""
    trained = fit(kind, {"train.estimator": name, "train.grid": SMALL[name]})
    rows = make_rows(200, kind, 2)
    x, y = trained.contract.encode_table(rows), derive.encode_target(rows, trained.contract)
    scores = predictor.raw_scores(trained.pipeline, x)
    metric, trivial = ("r2", 0.5) if kind == "regression" else ("roc_auc", 0.7)
    assert metrics.score_all(y, scores, trained.contract)[metric] > trivial


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("name", features.ESTIMATORS)
def test_two_trainings_give_the_same_bytes(tmp_path, fit, make_rows, kind, name):
    """The same rows, parameters and seed: the same file and the same scores to the last digit."""
    changes = {"train.estimator": name, "train.grid": SMALL[name]}
    runs = [fit(kind, changes) for _ in range(2)]
    for place, trained in zip("ab", runs, strict=True):
        files.write_skops(trained.pipeline, tmp_path / place)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert runs[0].contract == runs[1].contract
    assert runs[0].candidates == runs[1].candidates


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("name", features.ESTIMATORS)
def test_a_model_is_the_same_after_a_file(tmp_path, fit, make_rows, kind, name):
    """Only trusted types are in it, and it answers as before."""
    trained = fit(kind, {"train.estimator": name, "train.grid": SMALL[name]})
    files.write_skops(trained.pipeline, tmp_path / "model.skops")
    x = trained.contract.encode_table(make_rows(50, kind, 2))
    found = predictor.load_predictor(tmp_path).scores(x)
    np.testing.assert_array_equal(found, predictor.raw_scores(trained.pipeline, x))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", features.ESTIMATORS)
def test_the_own_grid_of_an_estimator_names_its_parameters(name, task):
    """A grid that nobody wrote down works as well."""
    estimator = features.ESTIMATORS[name]
    made = estimator.makers[task](random_state=5)
    assert set(estimator.grids[task]) <= set(made.get_params())
    assert made.random_state == 5


@pytest.mark.parametrize("scoring", ["log_loss", "roc_auc"])
def test_candidates_come_in_order_of_their_score(fit, scoring):
    """The best first, whichever direction is better; no more than were asked for."""
    grid = {"C": [1e-6, 0.01, 1.0], "fit_intercept": [True, False]}
    changes = {"train.grid": grid, "train.candidates": 4, "train.scoring": scoring}
    trained = fit("binary", changes)
    scores = [candidate["score"] for candidate in trained.candidates]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=scoring == "roc_auc")
    best = trained.candidates[0]["values"]
    assert {name: trained.pipeline[-1].get_params()[name] for name in best} == best


@pytest.mark.parametrize("name", ["log_loss", "roc_auc"])
def test_a_candidate_without_a_score_is_never_the_best(name):
    """NaN ranks last, whichever direction is better."""
    metric = metrics.find("classification", name)
    ranked = sorted([math.nan, 0.4, math.inf, 0.6], key=lambda score: train._rank(score, metric))
    assert ranked[:2] == ([0.6, 0.4] if metric.greater_is_better else [0.4, 0.6])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train.grid": {"colour": [1]}}, r"train.grid: .*'colour'.*Valid parameters.*"),
        ({"train.grid": {"C": ["much"]}}, r"train.grid: .* cannot be fitted: .*'C'"),
        ({"train.estimator": "oracle"}, r"train.estimator = 'oracle' .*random_forest"),
        ({"train.scoring": "luck"}, r"'luck' for classification"),
    ],
    ids=["name in grid", "value in grid", "estimator", "metric"],
)
def test_a_wrong_parameter_is_named(fit, changes, reason):
    """With what is allowed, before hours are spent."""
    with pytest.raises(errors.UsageError, match=reason):
        fit("binary", changes)


def test_one_class_is_refused(make_rows, make_params):
    """There is nothing to learn."""
    rows = make_rows().assign(_target="yes")
    with pytest.raises(errors.DataRefused, match="one class only"):
        train.train(rows, rows, make_params())


def test_one_class_in_the_validation_rows_is_refused(make_rows, make_params):
    """No threshold can be chosen from them."""
    changes = {"train.threshold": "f1"}
    with pytest.raises(errors.DataRefused, match="no threshold can be chosen"):
        train.train(make_rows(), make_rows().assign(_target="yes"), make_params(changes=changes))


def test_folds_that_lack_a_class_are_refused(make_rows, make_params):
    """Sorted by class and folded by time, no fold can be scored."""
    rows = make_rows().sort_values("_target").assign(_time=range(300))
    changes = {"split.strategy": "time", "split.column": "moment"}
    with pytest.raises(errors.DataRefused, match="a fold may have one class"):
        train.train(rows, rows, make_params(changes=changes))


def folds_of(rows, strategy, make_params, n=3):
    changes = {"split.strategy": strategy, "split.column": "c", "train.folds": n}
    y = (rows["_target"] == "yes").to_numpy()
    return train.folds(rows, y, make_params(changes=changes))


@pytest.mark.parametrize("strategy", ["time", "group", "random"])
def test_folds_divide_the_rows(make_rows, make_params, strategy):
    """No row is fitted and scored in one fold, none is scored twice."""
    pairs = folds_of(make_rows(100), strategy, make_params)
    assert len(pairs) == 3
    assert all(not set(fit) & set(score) for fit, score in pairs)
    scored = np.concatenate([score for _, score in pairs])
    assert len(set(scored)) == len(scored)


def test_folds_by_time_go_forward(make_rows, make_params):
    """Whatever the order of the rows: fitted on the past, scored on what came after."""
    rows = make_rows(100).sample(frac=1, random_state=1).reset_index(drop=True)
    for fit, score in folds_of(rows, "time", make_params):
        assert rows["_time"][fit].max() < rows["_time"][score].min()


def test_folds_by_group_keep_groups_together(make_rows, make_params):
    """No group is on both sides."""
    rows = make_rows(200)
    for fit, score in folds_of(rows, "group", make_params):
        assert not set(rows["_group"][fit]) & set(rows["_group"][score])


@pytest.mark.parametrize("strategy", ["time", "group", "random"])
def test_more_folds_than_rows_are_refused(make_rows, make_params, strategy):
    """The message names the parameter."""
    with pytest.raises(errors.DataRefused, match=r"train.folds = 50 does not work"):
        folds_of(make_rows(10), strategy, make_params, n=50)


@pytest.mark.parametrize(
    ("rule", "score"), [("f1", skm.f1_score), ("balanced_accuracy", skm.balanced_accuracy_score)]
)
def test_the_threshold_is_the_best_on_the_validation_rows(fit, make_rows, rule, score):
    """No other one of a fine grid is clearly better."""
    trained = fit("binary", {"train.threshold": rule})
    rows = make_rows(150, "binary", 1)
    y = derive.encode_target(rows, trained.contract)
    positive = predictor.raw_scores(trained.pipeline, trained.contract.encode_table(rows))[:, 1]
    best = max(score(y, positive >= limit) for limit in np.linspace(0.01, 0.99, 197))
    assert score(y, positive >= trained.contract.threshold) >= best - 0.01


@pytest.mark.parametrize(
    ("kind", "changes", "threshold"),
    [
        ("binary", {"train.threshold": 0.3}, 0.3),
        ("multi-class", {"train.threshold": "f1"}, 0.5),
        ("regression", {}, 0.5),
    ],
)
def test_a_threshold_that_is_not_chosen(fit, kind, changes, threshold):
    """A number is taken as it is; only two classes need one."""
    assert fit(kind, changes).contract.threshold == threshold


def test_a_forest_answers_on_one_thread(fit):
    """Threads add up trees in any order, and give other last digits every time."""
    trained = fit("binary", {"train.estimator": "random_forest", "train.grid": {}})
    assert trained.pipeline[-1].n_jobs is None


def test_candidates_are_scored_on_rows_that_they_have_not_seen(make_rows, make_params):
    """Labels by chance cannot be told, though a forest learns them by heart."""
    rows = make_rows(300).assign(_target=np.random.default_rng(0).choice(["no", "yes"], 300))
    changes = {
        "train.estimator": "random_forest",
        "train.grid": {"n_estimators": [9]},
        "train.scoring": "roc_auc",
    }
    trained = train.train(rows, rows, make_params(changes=changes))
    assert trained.candidates[0]["score"] < 0.7


def test_the_search_does_not_look_at_validation_rows(make_rows, make_params):
    """Other validation rows change the threshold, and nothing else."""
    params = make_params(changes={"train.threshold": "f1"})
    one, other = (
        train.train(make_rows(), make_rows(150, "binary", seed), params) for seed in (1, 2)
    )
    assert one.candidates == other.candidates
    assert one.contract.threshold != other.contract.threshold


def test_run_writes_pipeline_contract_and_report(tmp_path, monkeypatch, make_rows, make_params):
    """What the next stage reads is what was trained."""
    monkeypatch.chdir(tmp_path)
    for part in ("train", "validation"):
        files.write_table(make_rows(), train.PREPARED / f"{part}.parquet")
    train.run(make_params(changes={"train.grid": {"tol": [1e-8]}}))
    assert predictor.load_skops(train.PIPELINE)
    assert files.read_json(train.CONTRACT)["classes"] == ["no", "yes"]
    assert files.read_json(train.REPORT)["candidates"][0]["values"] == {"tol": 1e-8}
