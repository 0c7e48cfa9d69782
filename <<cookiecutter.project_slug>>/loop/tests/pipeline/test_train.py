"""Search, fit and threshold: by name, by seed, and never from rows that come later."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as skm

from mlops_loop import errors, files, paths, project, tasks
from mlops_loop.model import predictor
from mlops_loop.pipeline import train
from mlops_loop.tasks import metrics


def encode(rows, contract):
    return tasks.of(contract).encode_target(rows, contract)


SMALL = {
    "linear": {},
    "hist_gradient_boosting": {"max_iter": [8], "min_samples_leaf": [5]},
    "random_forest": {"n_estimators": [8]},
    "mlp": {"alpha": [0.1]},
}
TREES = ("hist_gradient_boosting", "random_forest")


@pytest.fixture(autouse=True)
def _made_up_world(monkeypatch, inputs, tmp_path):
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(paths, "SEARCH_CACHE", tmp_path / "search")


@pytest.fixture
def fit(make_rows, make_params):
    """`fit("binary", {...})` trains on 300 rows and sets the threshold on 150 others."""

    def run(kind: str = "binary", changes: dict | None = None) -> train.Trained:
        training, validation = make_rows(300, kind), make_rows(150, kind, 1)
        return train.train(training, validation, make_params(kind, changes))

    return run


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
@pytest.mark.parametrize("name", SMALL)
def test_every_estimator_beats_the_trivial_answer(fit, make_rows, kind, name):
    """On rows that it has not seen, some with missing values."""
    trained = fit(kind, {"train.estimator": name, "train.grid": SMALL[name]})
    rows = make_rows(200, kind, 2)
    x, y = trained.contract.encode_table(rows), encode(rows, trained.contract)
    scores = predictor.raw_scores(trained.pipeline, x)
    metric, trivial = ("r2", 0.5) if kind == "regression" else ("roc_auc", 0.7)
    assert metrics.score_all(y, scores, trained.contract)[metric] > trivial


@pytest.mark.parametrize("kind", ["binary", "regression"])
@pytest.mark.parametrize("name", SMALL)
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
@pytest.mark.parametrize("name", SMALL)
def test_a_model_is_the_same_after_a_file(tmp_path, fit, make_rows, kind, name):
    """Only trusted types are in it, and it answers as before."""
    trained = fit(kind, {"train.estimator": name, "train.grid": SMALL[name]})
    files.write_skops(trained.pipeline, tmp_path / "model.skops")
    x = trained.contract.encode_table(make_rows(50, kind, 2))
    found = predictor.load_predictor(tmp_path).scores(x)
    np.testing.assert_array_equal(found, predictor.raw_scores(trained.pipeline, x))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("name", SMALL)
def test_the_own_grid_of_an_estimator_names_its_parameters(name, task):
    """A grid that nobody wrote down works as well."""
    estimator = project.estimators()[name]
    made = estimator.make(random_state=5)
    assert set(estimator.grid) <= set(made.get_params())
    assert made.random_state == 5


@pytest.mark.parametrize("scoring", ["log_loss", "roc_auc"])
def test_candidates_come_in_order_of_their_score(fit, scoring):
    """The best first, whichever direction is better; no more than were asked for."""
    grid = {"C": [1e-6, 0.01, 1.0], "fit_intercept": [True, False]}
    changes = {"train.grid": grid, "train.n_iter": 4, "train.scoring": scoring}
    trained = fit("binary", changes)
    scores = [candidate["score"] for candidate in trained.candidates]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=scoring == "roc_auc")
    best = trained.candidates[0]["values"]
    assert {name: trained.pipeline[-1].get_params()[name] for name in best} == best


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train.grid": {"colour": [1]}}, r"train.grid: .*'colour'.*Valid parameters.*"),
        ({"train.grid": {"C": ["much"]}}, r"train.grid: .* cannot be fitted on .*: .*'C'"),
        ({"train.estimator": "oracle"}, r"train.estimator = 'oracle' .*random_forest"),
        ({"train.scoring": "luck"}, r"'luck' for classification"),
        ({"train.early_stopping": True}, r"train.early_stopping: linear cannot do that"),
        ({"train.select": {"by": "pca", "keep": 11}}, r"select.keep = 11: there are 10 features"),
        (
            {"train.estimator": "hist_gradient_boosting", "train.grid": {"loss": ["quantile"]}},
            r"train.grid: .* cannot be fitted on .*: .*'loss'",
        ),
    ],
    ids=["name in grid", "value", "estimator", "metric", "early stopping", "select", "loss"],
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
    with pytest.raises(errors.DataRefused, match="a fold may have too few rows, or lack a class"):
        train.train(rows, rows, make_params(changes=changes))


@pytest.mark.parametrize(
    ("rule", "score"), [("f1", skm.f1_score), ("balanced_accuracy", skm.balanced_accuracy_score)]
)
def test_the_threshold_is_the_best_on_the_validation_rows(fit, make_rows, rule, score):
    """No other one is better."""
    trained = fit("binary", {"train.threshold": rule})
    rows = make_rows(150, "binary", 1)
    y = encode(rows, trained.contract)
    positive = predictor.raw_scores(trained.pipeline, trained.contract.encode_table(rows))[:, 1]
    best = max(score(y, positive >= limit) for limit in positive)
    assert score(y, positive >= trained.contract.threshold) == pytest.approx(best)


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


@pytest.mark.parametrize(("number", "which"), [(0.00001, "all"), (0.99999, "none")])
def test_a_number_that_calls_all_rows_alike_is_refused(fit, number, which):
    """By name, with the range of the probabilities and what to set instead."""
    sentence = (
        rf"train\.threshold = {number:.5f} calls {which} of 150 validation rows 'yes', and \d+"
    )
    with pytest.raises(errors.UsageError, match=sentence + r" are: .* Set f1 or balanced"):
        fit("binary", {"train.threshold": number, "train.grid": {"C": [0.01]}})


def test_validation_rows_of_one_class_may_be_called_alike(make_rows, make_params):
    """Nothing is wrong on rows without a case of a rare class; the gate sees the holdout."""
    rows, held = rare_rows(make_rows, 2000), make_rows(150, "binary", 1).assign(_target="no")
    held = held[held["size"] < 5]
    trained = train.train(rows, held, make_params(changes={"train.threshold": 0.9}))
    assert trained.contract.threshold == 0.9


def test_a_forest_answers_on_one_thread(fit):
    """Threads add up trees in any order, and give other last digits every time."""
    trained = fit("binary", {"train.estimator": "random_forest", "train.grid": {}})
    assert trained.pipeline[-1].n_jobs is None


def test_candidates_are_scored_on_rows_that_they_have_not_seen(make_rows, make_params):
    """Labels by chance cannot be predicted, though a forest learns them by heart."""
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
        files.write_table(make_rows(), paths.PREPARED / f"{part}.parquet")
    train.run(make_params(changes={"train.grid": {"tol": [1e-8]}}))
    assert predictor.load_skops(paths.TRAINED_PIPELINE)
    assert files.read_json(paths.TRAINED_CONTRACT)["classes"] == ["no", "yes"]
    assert files.read_json(paths.TRAINING_REPORT)["candidates"][0]["values"] == {"tol": 1e-8}


def scores_of(trained, rows):
    return predictor.raw_scores(trained.pipeline, trained.contract.encode_table(rows))


def rare_rows(make_rows, n, seed=0):
    """Every fiftieth row or so is positive: those of the largest numbers."""
    rows = make_rows(n, "regression", seed)
    return rows.assign(_target=np.where(rows["_target"] > 27, "yes", "no"))


@pytest.mark.parametrize("name", SMALL)
def test_balanced_classes_find_more_of_the_rare_one(make_rows, make_params, name):
    """One row in fifty is positive; balanced, the scores of all rows rise."""
    rows, other = rare_rows(make_rows, 2000), rare_rows(make_rows, 1000, 1)
    means = []
    for weight in (None, "balanced"):
        changes = {"train.class_weight": weight, "train.estimator": name, "train.threshold": "f1"}
        changes["train.grid"] = SMALL[name] | ({"min_samples_leaf": [20]} if name in TREES else {})
        trained = train.train(rows, other, make_params(changes=changes))
        means.append(scores_of(trained, other)[:, 1].mean())
    assert 0.01 < (other["_target"] == "yes").mean() < 0.04
    assert means[1] > 1.5 * means[0]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_calibration_repairs_probabilities(make_rows, make_params, kind, method):
    """Classes that were balanced, though one is rare, are predicted as often as they occur."""

    def rows(seed):
        drawn = make_rows(4000, kind, seed)
        return drawn[drawn["_target"].isin(["no", "low"]) | (drawn["id"] % 20 < 1)]

    found = []
    for calibrate in (None, method):
        changes = {"train.class_weight": "balanced", "train.calibrate": calibrate}
        changes |= {"export.format": "skops", "train.grid": {"C": [0.01]}}
        trained = train.train(rows(0), rows(1), make_params(kind, changes))
        y = encode(rows(2), trained.contract)
        found.append(metrics.score_all(y, scores_of(trained, rows(2)), trained.contract))
    assert found[1]["log_loss"] < 0.95 * found[0]["log_loss"]
    assert found[1]["calibration_error"] < 0.6 * found[0]["calibration_error"]


def test_the_threshold_is_chosen_after_calibration(make_rows, make_params):
    """A rare class has low calibrated scores, and the threshold follows them."""
    rows, changes = rare_rows(make_rows, 2000), {"train.class_weight": "balanced"}
    changes["train.threshold"] = "balanced_accuracy"
    plain, calibrated = (
        train.train(rows, rows, make_params(changes=changes | {"train.calibrate": method}))
        for method in (None, "sigmoid")
    )
    assert calibrated.contract.threshold < 0.2 < plain.contract.threshold
    assert (scores_of(calibrated, rows)[:, 1] >= calibrated.contract.threshold).mean() < 0.3


def test_a_calibration_needs_rows_of_every_class(make_rows, make_params):
    """The class and its number of rows are named."""
    rows, few = make_rows(), make_rows(150, "binary", 1)
    few = few[(few["_target"] == "no") | (few["_target"] == "yes").cumsum().lt(4)]
    with pytest.raises(errors.DataRefused, match=r"'yes' has 3\. Set calibrate: null"):
        train.train(rows, few, make_params(changes={"train.calibrate": "sigmoid"}))


@pytest.mark.parametrize("strategy", ["time", "group", "random"])
@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_boosting_stops_early(fit, kind, strategy):
    """Long before the last iteration; the number is in the report."""
    changes = {"train.estimator": "hist_gradient_boosting", "train.early_stopping": True}
    changes |= {"train.grid": {"max_iter": [400], "min_samples_leaf": [5]}, "train.folds": 2}
    trained = fit(kind, changes | {"split.strategy": strategy, "split.column": "c"})
    assert 5 < trained.facts["iterations"] < 200
    lengths = {name: len(values) for name, values in trained.curves.items()}
    n = trained.facts["iterations"] + 1  # and before the first one
    assert lengths == {"train_score": n, "validation_score": n}


@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_a_network_stops_early(fit, kind):
    """Of the epochs that it may take; the number is in the report."""
    changes = {"train.estimator": "mlp", "train.early_stopping": True, "train.folds": 2}
    trained = fit(kind, changes | {"train.grid": {"max_iter": [1000], "alpha": [0.01]}})
    assert 5 < trained.facts["iterations"] < 900
    assert len(trained.curves["loss"]) == trained.facts["iterations"]
    assert trained.curves["loss"][-1] < trained.curves["loss"][0]


def test_a_model_that_keeps_no_iterations_has_no_curve(fit):
    """So its report stays as it is."""
    assert fit("binary").curves == {}


def test_boosting_stops_by_the_validation_rows(make_rows, make_params):
    """Other validation rows, another number of iterations; labels by chance stop at once."""
    changes = {"train.estimator": "hist_gradient_boosting", "train.early_stopping": True}
    changes |= {"train.grid": {"max_iter": [400]}}
    chance = make_rows().assign(_target=np.random.default_rng(0).choice(["no", "yes"], 300))
    used = [
        train.train(make_rows(), held, make_params(changes=changes)).facts["iterations"]
        for held in (make_rows(150, "binary", 1), chance)
    ]
    assert used[1] < used[0] / 2


@pytest.mark.parametrize("name", ["linear", "hist_gradient_boosting"])
@pytest.mark.parametrize("by", ["mutual_information", "importance", "pca"])
@pytest.mark.parametrize("kind", ["binary", "multi-class", "regression"])
def test_selected_features_are_enough(fit, make_rows, kind, by, name):
    """Two features tell the target; they are found, and named where they have a name."""
    changes = {"train.estimator": name, "train.grid": SMALL[name], "train.threshold": 0.5}
    trained = fit(kind, changes | {"train.select": {"by": by, "keep": 6 if by == "pca" else 2}})
    assert trained.pipeline[-1].n_features_in_ == (6 if by == "pca" else 2)
    assert np.isfinite(scores_of(trained, make_rows(50, kind, 2))).all()
    if by != "pca":
        colour = "colour = red" if name == "linear" else "colour"
        assert trained.facts["selected"] == ["size", colour]


def test_selection_sees_training_rows_only(make_rows, make_params):
    """Other validation rows change nothing that was selected."""
    params = make_params(changes={"train.select": {"by": "importance", "keep": 4}})
    one, other = (train.train(make_rows(), make_rows(150, "binary", s), params) for s in (1, 2))
    assert one.facts == other.facts
    assert one.candidates == other.candidates


def test_quantiles_are_a_matter_of_the_grid(fit, make_rows):
    """Nine in ten rows lie below the prediction of the 0.9 quantile."""
    grid = {"loss": ["quantile"], "quantile": [0.9], "min_samples_leaf": [20], "max_iter": [30]}
    trained = fit("regression", {"train.estimator": "hist_gradient_boosting", "train.grid": grid})
    rows = make_rows(1000, "regression", 2)
    assert 0.8 < (rows["_target"] <= scores_of(trained, rows)).mean() < 0.97


def test_a_column_that_tells_the_target_is_refused(make_rows, make_params):
    """Before anything is searched, unless the limit says that it is honest."""
    rows = make_rows().assign(size=lambda rows: (rows["_target"] == "yes") * 2.0)
    with pytest.raises(
        errors.DataRefused, match=r"'size' alone predicts .* raise train.leakage_threshold"
    ):
        train.train(rows, rows, make_params())
    assert train.train(rows, rows, make_params(changes={"train.leakage_threshold": 1})).pipeline
