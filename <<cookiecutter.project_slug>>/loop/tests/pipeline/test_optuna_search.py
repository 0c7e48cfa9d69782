"""The search by Optuna: one seed, one sequence of candidates, and who is given up."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from itertools import product

import pytest
from clusters import OPTUNA, add_to_path

from mlops_loop import errors, files, paths
from mlops_loop.pipeline import cluster, optuna_search, preflight, train

pytestmark = pytest.mark.usefixtures("search_cache")
GRID = {"C": [1e-6, 1e-4, 0.01, 0.1, 1.0], "fit_intercept": [True, False]}
MADE = {"a": [0.1, 0.3, 1.0, 3.0], "b": [2, 4, 8, 16, 32], "c": ["x", None, (1, 2)]}


@pytest.fixture(scope="module", autouse=True)
def _optuna():
    add_to_path("optuna", OPTUNA)


@pytest.fixture
def run(make_rows, make_params):
    """`run(n_iter=20)` trains on rows of two classes."""

    def call(n_iter: int = 25, n: int = 300, **changes) -> train.Trained:
        own = {"train.search": "optuna", "train.grid": GRID, "train.n_iter": n_iter}
        own |= {"train.folds": 3} | {f"train.{name}": value for name, value in changes.items()}
        return train.train(make_rows(n), make_rows(150, "binary", 1), make_params(changes=own))

    return call


def made_score(values: dict, k: int) -> float:
    """Differs by fold; the best is a = 1, b = 8, c = None."""
    return (values["a"] - 1) ** 2 + abs(values["b"] - 8) / 10 + (values["c"] is not None) + k / 100


def sequence(seed: int = 3, sign: int = -1, n: int = 60) -> str:
    """What is proposed and how it scored, as text."""
    return json.dumps(list(optuna_search.proposals(MADE, n, 3, seed, sign, made_score)))


def test_one_seed_is_one_sequence():
    """Twice in this process, and in others, whose hashes of text differ."""
    here = sequence()
    assert sequence() == here
    assert sequence(4) != here
    code = "import test_optuna_search as t; print(t.sequence())"
    path = os.pathsep.join([os.path.dirname(__file__), *filter(None, sys.path)])
    for seed in ("1", "2"):
        env = os.environ | {"PYTHONPATH": path, "PYTHONHASHSEED": seed, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
        assert done.stdout.strip() == here, done.stderr


def test_the_best_is_proposed_more_often_than_by_chance():
    """In either direction of the metric; the values are those of the lists, of any type."""
    for sign in (-1, 1):
        found = json.loads(sequence(sign=sign))
        scores = [sum(scores) / len(scores) for _, scores in found]
        everything = sorted(
            (
                made_score(dict(zip(MADE, values, strict=True)), 1)
                for values in product(*MADE.values())
            ),
            reverse=sign > 0,
        )
        limit = everything[len(everything) // 5]
        n_good = sum(sign * (score - limit) >= 0 for score in scores[10:])
        assert n_good / len(scores[10:]) > 0.4


def test_a_poor_candidate_is_given_up():
    """After the first of its folds, once there are five to compare it with; never the best."""
    found = json.loads(sequence())
    n_scores = [len(scores) for _, scores in found]
    assert n_scores[:5] == [3] * 5
    assert 10 < n_scores.count(1) < 50
    best = min(found, key=lambda pair: sum(pair[1]) / len(pair[1]))
    assert len(best[1]) == 3


def test_what_has_no_score_is_given_up():
    """The next fold would have none either; the search goes on."""
    bad = list(
        optuna_search.proposals(
            {"a": [1, 2]}, 9, 3, 0, 1, lambda v, _: math.nan if v["a"] == 1 else 0.5
        )
    )
    assert {(v["a"], len(scores)) for v, scores in bad} == {(1, 1), (2, 3)}


def test_a_candidate_that_cannot_be_fitted_loses(run):
    """With the reason; the others are proposed on."""
    grid = {"learning_rate_init": [1e30, 0.01], "max_iter": [2, 3]}
    found = run(n_iter=8, estimator="mlp", grid=grid).candidates
    assert {c["values"]["learning_rate_init"]: "failed" in c for c in found} == {
        0.01: False, 1e30: True,
    }  # fmt: skip
    assert "cannot be fitted on 200 rows: Solver produced non-finite" in found[-1]["failed"]


def test_candidates_are_reported_with_their_folds(run):
    """Those on all folds first, by score; each once."""
    found = run().candidates
    assert len({str(candidate["values"]) for candidate in found}) == len(found) <= 10
    order = [(-c["folds"], c["score"]) for c in found]  # log_loss
    assert order == sorted(order)
    assert {c["folds"] for c in found} >= {3, 1}
    assert all(c["rung"] == 1 and c["fit_rows"] == 200 for c in found)


@pytest.mark.parametrize("at", [1, 4, 8, 14])
def test_an_interrupted_search_goes_on(tmp_path, run, fits, at):
    """One fold is lost at most, and the result is the same to the last byte."""
    fits.interrupt_at = at
    with pytest.raises(KeyboardInterrupt):
        run()
    fits.interrupt_at = 0
    del fits[:]
    again, n_again = run(), len(fits)
    for path in paths.SEARCH_CACHE.iterdir():
        path.unlink()
    del fits[:]
    whole = run()
    assert n_again == len(fits) - (at - 1)
    assert again.candidates == whole.candidates
    for name, trained in {"again": again, "whole": whole}.items():
        files.write_skops(trained.pipeline, tmp_path / name)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_candidate_that_comes_again_is_not_fitted_again(run, fits):
    """Ten combinations on three folds, and the final fit."""
    run(n_iter=60)
    assert len(fits) <= 31


def test_other_searches_do_not_take_over_a_part_of_the_folds(run, fits):
    """A score of one fold is no score of a candidate."""
    run()
    found = run(search="grid").candidates
    for path in paths.SEARCH_CACHE.iterdir():
        path.unlink()
    assert found == run(search="grid").candidates


def test_an_estimator_without_a_grid_is_one_candidate(run):
    """As with the other searches."""
    (candidate,) = run(grid={}, n_iter=3).candidates
    assert candidate["values"] == {}


def test_without_optuna_the_command_is_named(monkeypatch, make_params):
    """By the first command of the pipeline, before it reads a row."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    params = make_params(changes={"train.search": "optuna"})
    sentence = r"Next: uv add --group pipeline 'mlops-loop\[optuna\]', or set train.search: random"
    with pytest.raises(errors.UsageError, match=sentence):
        preflight._check_search(params.train.search)


def test_a_cluster_is_refused(monkeypatch, run):
    """One candidate after another is no work for several machines."""
    monkeypatch.setenv(cluster.VARIABLE, "tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", sys)
    sentence = r"^train.search: optuna proposes one .*LOOP_CLUSTER=tcp://127.0.0.1:8786\. Next: set"
    for ask in (run, lambda: preflight._check_search("optuna")):
        with pytest.raises(errors.UsageError, match=sentence):
            ask()
