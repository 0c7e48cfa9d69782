"""The search: every kind of it, folds that respect the split, and going on after Ctrl-C."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlops_loop import errors, files, paths
from mlops_loop.pipeline import folds, search, train
from mlops_loop.tasks import metrics

pytestmark = pytest.mark.usefixtures("search_cache")
GRID = {"C": [1e-6, 1e-4, 0.01, 0.1, 1.0], "fit_intercept": [True, False]}


@pytest.fixture
def run(make_rows, make_params):
    """`run({...}, n)` trains on `n` rows of two classes."""

    def call(changes: dict, n: int = 300) -> train.Trained:
        rows, held = make_rows(n), make_rows(150, "binary", 1)
        return train.train(rows, held, make_params(changes={"train.grid": GRID} | changes))

    return call


@pytest.mark.parametrize(("kind", "n"), [("grid", 10), ("random", 4), ("halving", 10)])
def test_how_many_candidates_are_tried(run, kind, n):
    """All combinations, or as many as were asked for; none twice."""
    found = run({"train.search": kind, "train.n_iter": 4}).candidates
    assert len({str(candidate["values"]) for candidate in found}) == len(found) == n


@pytest.mark.parametrize("kind", ["grid", "halving"])
def test_a_grid_that_would_take_days_is_refused(run, kind):
    """With its size, the limit and the way out."""
    grid = {"C": list(range(1, 51)), "tol": [1, 2, 3, 4, 5]}
    with pytest.raises(
        errors.UsageError, match=rf"has 250 .*{kind} tries all, 200 .*search: random"
    ):
        run({"train.search": kind, "train.grid": grid})


def test_halving_gives_the_best_third_three_times_the_rows(run):
    """Ten candidates on a ninth of 1,000 rows to fit, four on a third, two on all of them."""
    found = run({"train.search": "halving"}, 2000).candidates
    assert [c["fit_rows"] for c in found] == [1000] * 2 + [333] * 2 + [111] * 6
    assert [c["rung"] for c in found] == [3] * 2 + [2] * 2 + [1] * 6
    assert found[0]["score"] <= found[1]["score"]  # log_loss


def test_halving_ends_near_the_best_of_the_whole_grid(run):
    """With a fraction of the rows fitted."""
    best, quick = (
        run({"train.search": kind}, 2000).candidates[0]["score"] for kind in ("grid", "halving")
    )
    assert quick == pytest.approx(best, rel=0.05)


def test_halving_does_not_halve_few_rows(run):
    """Under 100 rows luck decides; then it is a search of the whole grid."""
    assert {c["rung"] for c in run({"train.search": "halving"}, 300).candidates} == {1}


@pytest.mark.parametrize("kind", ["random", "halving"])
@pytest.mark.parametrize("at", [1, 3, 6, 22])
def test_an_interrupted_search_goes_on(tmp_path, run, fits, capsys, kind, at):
    """One candidate is lost at most, and the result is the same to the last byte."""
    changes = {"train.search": kind, "train.n_iter": 10, "train.grid": GRID}
    fits.interrupt_at = at
    try:
        run(changes, 700)
    except KeyboardInterrupt:
        n_before = at - 1
    else:
        n_before = len(fits)
    del fits[:]
    fits.interrupt_at = 0
    again, n_again = run(changes, 700), len(fits)
    printed = capsys.readouterr().out
    for path in paths.SEARCH_CACHE.iterdir():
        path.unlink()
    del fits[:]
    whole = run(changes, 700)
    assert n_again == len(fits) - n_before // 2 * 2  # two folds each
    assert ("were scored before" in printed) == (n_before > 1)
    assert again.candidates == whole.candidates
    for name, trained in {"again": again, "whole": whole}.items():
        files.write_skops(trained.pipeline, tmp_path / name)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_torn_line_is_scored_again(run, fits):
    """The machine stopped while it wrote."""
    whole = run({"train.n_iter": 3})
    path = next(paths.SEARCH_CACHE.iterdir())
    path.write_bytes(path.read_bytes()[:-9])
    del fits[:]
    assert run({"train.n_iter": 3}).candidates == whole.candidates
    assert len(fits) == 2
    del fits[:]
    assert run({"train.n_iter": 3}).candidates == whole.candidates
    assert len(fits) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8}, {"train.folds": 3}, {"train.scoring": "brier"},
        {"train.class_weight": "balanced"}, {"train.select": {"by": "pca", "keep": 3}},
        {"split.strategy": "group", "split.column": "c"},
    ],
    ids=str,
)  # fmt: skip
def test_what_a_score_depends_on_starts_a_new_file(run, changes):
    """No score of another problem is taken over."""
    run({"train.n_iter": 1})
    run({"train.n_iter": 1} | changes)
    assert len(list(paths.SEARCH_CACHE.iterdir())) == 2


def test_other_rows_start_a_new_file(run):
    """One row more is another problem."""
    run({"train.n_iter": 1})
    run({"train.n_iter": 1}, 301)
    assert len(list(paths.SEARCH_CACHE.iterdir())) == 2


def test_a_larger_grid_takes_over_what_was_scored(run, fits):
    """The same candidates on the same rows: only the new ones are fitted."""
    run({"train.search": "grid", "train.grid": {"C": [0.1, 1.0]}})
    del fits[:]
    run({"train.search": "grid", "train.grid": {"C": [0.1, 1.0, 10.0]}})
    assert fits == [{"C": 10.0}] * 2


def test_rows_that_stop_boosting_are_the_latest(make_rows, make_params):
    """A tenth, after all that are fitted and before all that are scored."""
    rows = make_rows(400)
    changes = {"split.strategy": "time", "split.column": "c", "train.early_stopping": True}
    y = (rows["_target"] == "yes").to_numpy()
    for fit, score, stop in folds.rungs(rows, y, 1, make_params(changes=changes))[0]:
        time = rows["_time"]
        assert time[fit].max() < time[stop].min() <= time[stop].max() < time[score].min()
        assert len(stop) == pytest.approx((len(fit) + len(stop)) / 10, abs=1)


def test_rows_that_stop_boosting_are_whole_groups(make_rows, make_params):
    """No group is fitted and asked when to stop."""
    rows = make_rows(400)
    changes = {"split.strategy": "group", "split.column": "c", "train.early_stopping": True}
    y = (rows["_target"] == "yes").to_numpy()
    for fit, score, stop in folds.rungs(rows, y, 1, make_params(changes=changes))[0]:
        parts = [set(rows["_group"][at]) for at in (fit, score, stop)]
        assert sum(map(len, parts)) == len(set().union(*parts))


@pytest.mark.parametrize("name", ["log_loss", "roc_auc"])
def test_a_candidate_without_a_score_is_never_the_best(name):
    """NaN ranks last, whichever direction is better."""
    metric = metrics.find("classification", name)
    ranked = sorted([math.nan, 0.4, math.inf, 0.6], key=lambda score: search.rank(score, metric))
    assert ranked[:2] == ([0.6, 0.4] if metric.greater_is_better else [0.4, 0.6])


def folds_of(rows, strategy, make_params, n=3):
    changes = {"split.strategy": strategy, "split.column": "c", "train.folds": n}
    y = (rows["_target"] == "yes").to_numpy()
    return folds.folds(rows, y, make_params(changes=changes), n)


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


def test_rows_of_one_moment_stay_together(make_rows, make_params):
    """Ten rows share each moment, and none of these is on both sides."""
    rows = make_rows(100)
    rows["_time"] = rows["_time"][rows.index // 10 * 10].to_numpy()
    for fit, score in folds_of(rows, "time", make_params):
        assert rows["_time"][fit].max() < rows["_time"][score].min()


@pytest.mark.parametrize("kind", ["random", "halving"])
def test_a_class_of_one_row_is_refused_in_one_sentence(make_rows, make_params, kind):
    """No fold can hold it on both sides; scikit-learn's warning is not shown."""
    rows = make_rows(300, "multi-class")
    rows = rows[(rows["_target"] != "mid") | (rows["_target"] == "mid").cumsum().eq(1)]
    params = make_params("multi-class", {"train.search": kind})
    with pytest.raises(errors.DataRefused, match=r"^No candidate has a finite log_loss, fitted"):
        train.train(rows, rows, params)


@pytest.mark.parametrize("kind", ["grid", "halving"])
def test_a_candidate_that_cannot_be_fitted_loses(run, capsys, kind):
    """With the reason, and it is not fitted again; the others are scored as without it."""
    grid = {"learning_rate_init": [1e30, 0.01], "max_iter": [3, 4]}
    changes = {"train.estimator": "mlp", "train.search": kind, "train.grid": grid}
    found = run(changes).candidates
    assert ["failed" in candidate for candidate in found] == [False, False, True, True]
    assert "cannot be fitted on 150 rows: Solver produced non-finite" in found[-1]["failed"]
    assert math.isnan(found[-1]["score"])
    assert run(changes).candidates[-1]["failed"] == found[-1]["failed"]
    assert "4 of 4 candidates were scored before" in capsys.readouterr().out
    without = run(changes | {"train.grid": {**grid, "learning_rate_init": [0.01]}})
    assert without.candidates == found[:2]


def test_where_no_candidate_can_be_fitted_the_reason_is_given(run):
    """The first one's."""
    changes = {"train.estimator": "mlp", "train.grid": {"learning_rate_init": [1e30, 1e29]}}
    with pytest.raises(errors.CannotFit, match=r"a model with .*non-finite"):
        run(changes)


def test_a_value_that_is_never_allowed_ends_the_search(run):
    """It is a mistake in params.yaml, and not of these rows."""
    with pytest.raises(errors.UsageError, match="'learning_rate_init' parameter") as error:
        run({"train.estimator": "mlp", "train.grid": {"learning_rate_init": [0.01, -1]}})
    assert not isinstance(error.value, errors.CannotFit)
