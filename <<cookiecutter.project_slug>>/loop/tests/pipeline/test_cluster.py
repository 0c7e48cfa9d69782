"""The search on a cluster: the same scores as here, and a sentence for all that can go wrong."""

from __future__ import annotations

import gc
import socketserver
import sys
import threading
import time
from textwrap import dedent

import pytest
from clusters import clusters, free_port
from threadpoolctl import threadpool_limits

from mlops_loop import errors, paths, project
from mlops_loop.pipeline import cluster, train
from mlops_loop.pipeline.model_pipeline import Estimator

GRIDS = {
    "linear": {"C": [1e-4, 0.01, 1.0], "fit_intercept": [True, False]},
    "hist_gradient_boosting": {"max_iter": [5, 10], "max_leaf_nodes": [4, 8]},
    "random_forest": {"n_estimators": [5, 10], "max_depth": [2, None]},
}
MODEL = """
    import os, time
    from sklearn.linear_model import LogisticRegression

    class Slow(LogisticRegression):
        def __init__(self, C=1.0, seconds=0.0, dies=False, random_state=None, n_jobs=None):
            super().__init__(C=C, random_state=random_state)
            self.seconds, self.dies = seconds, dies

        def fit(self, x, y):
            if self.dies:
                os._exit(9)
            time.sleep(self.seconds)
            return super().fit(x, y)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder on the path, here and on workers, with a model that sleeps or dies."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "slow_models.py").write_text(dedent(MODEL), encoding="utf-8")
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def shared(models, dask, tmp_path_factory):
    """A cluster of two workers that no test harms."""
    with clusters(tmp_path_factory) as make:
        yield make(2, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})


@pytest.fixture(autouse=True)
def _made_up_world(monkeypatch, inputs, estimators, tmp_path):
    monkeypatch.setattr(project, "model_input", lambda: inputs)
    monkeypatch.setattr(paths, "SEARCH_CACHE", tmp_path / "search")
    monkeypatch.setattr(project, "estimators", lambda: estimators() | {"slow": slow()})
    gc.collect()  # a client that found nobody, which locks as it goes


def slow() -> Estimator:
    try:
        from slow_models import Slow
    except ImportError:
        return Estimator(dict)
    return Estimator(Slow, numbers="scaled")


@pytest.fixture
def run(monkeypatch, make_rows, make_params):
    """`run(address, {...})` is the training with the workers of that scheduler; None: here."""

    def call(address: str | None, changes: dict, n: int = 300) -> list[dict]:
        monkeypatch.setenv(cluster.VARIABLE, address or "")
        name = changes.setdefault("train.estimator", "linear")
        params = make_params(changes={"train.grid": GRIDS.get(name)} | changes)
        return train.train(make_rows(n), make_rows(150, "binary", 1), params).candidates

    return call


def cached() -> dict[str, set[str]]:
    """By file the lines of finished candidates, which are then forgotten."""
    lines = {p.name: p.read_text("utf-8").split("\n") for p in paths.SEARCH_CACHE.iterdir()}
    assert all(len(set(found)) == len(found) for found in lines.values())
    for path in list(paths.SEARCH_CACHE.iterdir()):
        path.unlink()
    return {name: set(found) for name, found in lines.items()}


@pytest.mark.parametrize(
    ("kind", "estimator"),
    [("halving", "linear"), ("random", "hist_gradient_boosting"), ("grid", "random_forest")],
)
def test_the_scores_are_those_of_this_machine(shared, run, capsys, kind, estimator):
    """To the last bit, in the order of the candidates, and in the cache."""
    changes = {"train.estimator": estimator, "train.search": kind, "train.n_iter": 3}
    here, lines_here = run(None, dict(changes), 700), cached()
    assert "workers" not in capsys.readouterr().out
    away, lines_away = run(shared.address, dict(changes), 700), cached()
    assert f"train: 2 workers of {shared.address} score" in capsys.readouterr().out
    assert away == here
    assert lines_away == lines_here


def test_blas_adds_up_with_as_many_threads_as_here(shared, run):
    """With another number the sums of many rows end in other bits."""
    changes = {"train.estimator": "linear", "train.n_iter": 2}
    scores = {}
    for threads in (1, 2):
        with threadpool_limits(threads):
            here, _ = run(None, dict(changes), 40_000), cached()
            assert run(shared.address, dict(changes), 40_000) == here
            cached()
        scores[threads] = [candidate["score"] for candidate in here]


def test_the_progress_is_that_of_scored_folds(shared, run, capsys):
    """On stderr, with the candidates that are done."""
    run(shared.address, {"train.search": "grid"})
    assert "train, 6 of 6 candidates: 100%" in capsys.readouterr().err


def test_a_finished_search_is_not_scored_again(shared, run, capsys):
    """What one machine wrote, the cluster reads."""
    here = run(None, {"train.search": "grid"})
    assert run(shared.address, {"train.search": "grid"}) == here
    assert "6 of 6 candidates were scored before" in capsys.readouterr().out


def test_what_a_model_refuses_is_said_as_here(shared, run):
    """The message of the worker, without its stack."""
    grid = {"train.grid": {"C": [-1.0]}}
    messages = []
    for address in (None, shared.address):
        with pytest.raises(
            errors.UsageError, match=r"^train.grid: a model with {'C': -1.0}"
        ) as info:
            run(address, dict(grid))
        messages.append(str(info.value))
    assert messages[0] == messages[1]


HANGS_S = 300  # no speed: a search that does not end by itself


def later(condition, action) -> threading.Thread:
    """A thread that acts as soon as the condition holds."""

    def wait() -> None:
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def some_scored() -> bool:
    """Whether a candidate is finished."""
    return paths.SEARCH_CACHE.exists() and any(paths.SEARCH_CACHE.iterdir())


SLOW = {
    "train.estimator": "slow",
    "train.search": "grid",
    "train.grid": {"C": [0.01, 0.1, 1.0, 10.0], "seconds": [0.3]},
}


def test_a_worker_that_dies_loses_no_candidate(models, make_cluster, run):
    """What it had begun is scored by the other one."""
    own = make_cluster(2)
    thread = later(some_scored, own.processes[1].kill)
    away = run(own.address, dict(SLOW))
    thread.join()
    assert own.processes[1].wait() != 0
    lines = cached()
    assert away == run(None, dict(SLOW))
    assert lines == cached()


@pytest.mark.parametrize(
    ("victims", "sentence"),
    [
        ([1], r"tcp://\S+: all workers are gone, for 2 s\. Finished candidates are kept\. Next: "),
        ([0], r"^The scheduler tcp://\S+ is gone\. Finished candidates are kept\. Next: run "),
    ],
    ids=["workers", "scheduler"],
)
def test_a_cluster_that_dies_ends_the_search(
    models, make_cluster, run, monkeypatch, victims, sentence
):
    """In a sentence and in bounded time; the same command goes on, here as well."""
    monkeypatch.setattr(cluster, "WORKERS_S", 2)
    own = make_cluster(1)
    thread = later(some_scored, lambda: [own.processes[i].kill() for i in victims])
    start = time.monotonic()
    with pytest.raises(errors.UsageError, match=sentence):
        run(own.address, dict(SLOW))
    thread.join()
    assert time.monotonic() - start < HANGS_S
    n_kept = sum(p.read_text("utf-8").count("[") // 2 for p in paths.SEARCH_CACHE.iterdir())
    assert 1 <= n_kept < 4
    assert len(run(None, dict(SLOW))) == 4


def test_a_candidate_that_ends_its_workers_is_named_as_such(models, make_cluster, run):
    """As with too little memory: not tried for ever."""
    own = make_cluster(2, {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"})
    grid = {"train.grid": {"C": [1.0], "dies": [True]}}
    with pytest.raises(errors.UsageError, match=r"^The same fold .*lack memory.*Next: run "):
        run(own.address, {"train.estimator": "slow", **grid})


@pytest.mark.parametrize(
    "address",
    ["localhost:8786", "tcp://", "tcp://host", "tcp://host:x", "tcp://host:70000",
     "http://host:8786", "tcp://user@host:8786", "tcp://a b:1", "ucx://host:1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(run, address):
    """With the value and what is allowed, before anything is asked."""
    with pytest.raises(
        errors.UsageError, match=r"is no address of a Dask scheduler: tcp://HOST"
    ) as info:
        run(address, {})
    assert repr(address) in str(info.value)


def test_spaces_are_no_address(run):
    """As a variable that is empty."""
    assert len(run("  ", {"train.n_iter": 1})) == 1


def test_without_dask_the_command_is_named(run, monkeypatch):
    """That installs it, in everybody's environment."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        errors.UsageError, match=r"Next: uv add --group pipeline 'mlops-loop\[dask\]'"
    ):
        run("tcp://127.0.0.1:1", {})


class WebServer(socketserver.BaseRequestHandler):
    """What one says to who does not speak HTTP."""

    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("answering", ["nothing", "another program"])
def test_an_address_without_a_scheduler_is_refused_in_time(
    make_cluster, run, monkeypatch, listening, answering
):
    """Whatever listens there; bytes of a web server read as an object of exabytes."""
    monkeypatch.setattr(cluster, "CONNECT_S", 2)
    start = time.monotonic()
    with listening(socketserver.ThreadingTCPServer(("127.0.0.1", 0), WebServer)) as web:
        port = free_port() if answering == "nothing" else web.server_address[1]
        with pytest.raises(
            errors.UsageError, match=r"no Dask scheduler answers within 2 s \(.*Next: start it"
        ):
            run(f"tcp://127.0.0.1:{port}", {})
    assert time.monotonic() - start < HANGS_S


def test_a_scheduler_without_a_worker_is_refused_in_time(make_cluster, run, monkeypatch):
    """With the command that starts one."""
    monkeypatch.setattr(cluster, "WORKERS_S", 1)
    own = make_cluster()
    with pytest.raises(
        errors.UsageError, match=rf"no worker.*uv run dask worker {own.address} --nthreads 1"
    ):
        run(own.address, {})
