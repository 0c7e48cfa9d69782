"""The search on several machines: workers of a Dask scheduler score the folds of candidates.

`LOOP_CLUSTER` names the scheduler. It is no parameter: where a score is computed does not change
it, and a parameter would train again. When it pays, and how: loop/docs/cluster.md.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol

import joblib

from mlops_loop import project
from mlops_loop.errors import UsageError
from mlops_loop.pipeline import cluster_workers
from mlops_loop.pipeline.cluster_workers import Facts

if TYPE_CHECKING:
    from distributed import Client, Future

VARIABLE = "LOOP_CLUSTER"
ADDRESS = re.compile(r"(?:tcp|tls)://(?:\[[0-9a-fA-F:]+\]|[^\s/@:]+):(?P<port>\d{1,5})")
ENCRYPTED_OR_LOCAL = re.compile(r"tls:.*|tcp://(127\.[\d.]+|localhost|\[::1\]):\d+")
CONNECT_S = 20  # until the scheduler must have answered
WORKERS_S = 30  # that a search waits for a first worker, and for another when all are gone
ANSWER_S = 60  # until all workers must have said which versions they have
LOOK_S = 2  # between two looks at the workers while no score arrives
TLS = "CA_FILE, CLIENT__CERT and CLIENT__KEY, each after DASK_DISTRIBUTED__COMM__TLS__"
END = f"or unset {VARIABLE} to search on this machine. See loop/docs/cluster.md"
NEXT = f"Next: start it, correct address or certificates, {END}"
Score = float | str  # or why there is none
Done = tuple[int, int, Score]  # positions of candidate and fold, and the score


class Scored(Protocol):
    """What computes a score, see `search.Problem`; it travels to the workers."""

    @property
    def blank(self) -> Any:
        """The pipeline that is fitted."""

    def score(self, values: dict[str, Any], fold: Any) -> Score:
        """The metric on one fold."""


@dataclass(frozen=True)
class Cluster:
    """A scheduler whose workers were checked, and have the problem."""

    name: str
    client: Client
    problem: Future
    facts: Facts

    def scores(self, candidates: Sequence[dict[str, Any]], rung: Sequence[Any]) -> Iterator[Done]:
        """Scores of all candidates on all folds, as they are finished.

        What a dying worker had begun, others do. Raises UsageError where no worker is left, where
        the scheduler is gone, and for what a worker refuses.
        """
        work, done = _send(self.client, (candidates, rung)), SimpleQueue[Any]()
        submit, places = self.client.submit, dict[Any, tuple[int, int]]()
        for i, k in ((i, k) for i in range(len(candidates)) for k in range(len(rung))):
            future = submit(_score, self.problem, work, i, k, self.facts, pure=False)
            places[future] = (i, k)
            future.add_done_callback(done.put)
        with _in_words(self.name):
            while places:
                future = self._next(done)
                yield (*places[future], future.result())
                del places[future]  # the cluster forgets it as well

    def _next(self, done: SimpleQueue[Future]) -> Future:
        """The next one that is done; raises UsageError where no worker is left for long."""
        alone_s = 0
        while alone_s < WORKERS_S:
            try:
                return done.get(timeout=LOOK_S)
            except Empty:
                alone_s = 0 if self.client.nthreads() else alone_s + LOOK_S
        raise UsageError(
            f"{VARIABLE}={self.name}: all workers are gone, for {WORKERS_S} s. Finished candidates "
            f"are kept. Next: start workers, and run the same command again, {END}"
        )


def address(env: Mapping[str, str] = os.environ) -> str:
    """The scheduler that the environment names, empty without one; raises UsageError."""
    found = env.get(VARIABLE, "").strip()
    match = ADDRESS.fullmatch(found)
    if not found or (match and int(match["port"]) < 2**16):
        return found
    raise UsageError(
        f"{VARIABLE}={found!r} is no address of a Dask scheduler: tcp://HOST:PORT or "
        f"tls://HOST:PORT is needed. Next: correct it, {END}"
    )


def refuse(reason: str) -> None:
    """Raises UsageError for a search that no cluster can do, where the environment names one."""
    if name := address():
        raise UsageError(
            f"{reason}, which a cluster makes no faster, and {VARIABLE}={name}. Next: set "
            f"train.search: random, {END}"
        )


def check() -> None:
    """Raises UsageError for an address that is none, and where Dask is missing."""
    if address():
        _import()


@contextmanager
def connected(problem: Scored) -> Iterator[Cluster | None]:
    """The cluster that `LOOP_CLUSTER` names, its workers checked; None without the variable.

    Raises UsageError where the scheduler does not answer in time, and where a worker differs.
    """
    if not (name := address()):
        yield None
        return
    with _connect(name) as client:
        _wait_for_workers(client, name)
        facts = cluster_workers.facts(_parts(problem.blank), project.configured())
        _check(client, facts)
        _tell(client, name)
        yield Cluster(name, client, _send(client, problem), facts)


def _connect(name: str) -> Client:
    """Raises UsageError where Dask is missing, or where the scheduler does not answer."""
    distributed = _import()
    try:
        secrets = distributed.Security().get_connection_args("client")["ssl_context"]
    except (OSError, ValueError) as error:  # a file that is missing, or no certificate
        raise UsageError(f"{VARIABLE}={name}: {TLS} cannot be read ({error}). {NEXT}") from error
    if name.startswith("tls:") and not secrets:
        raise UsageError(f"{VARIABLE}={name}: tls:// needs {TLS}. {NEXT}")
    try:
        return distributed.Client(name, timeout=CONNECT_S, set_as_default=False)
    except (Exception, MemoryError) as error:  # another program's answer reads as a huge size
        reason = " ".join(str(error).split()) or "no answer"
        raise UsageError(
            f"{VARIABLE}={name}: no Dask scheduler answers within {CONNECT_S} s ({reason}). {NEXT}"
        ) from error


def _import() -> Any:
    """Dask's package; raises UsageError where it is missing."""
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            f"{VARIABLE} is set, and Dask is not installed here ({error}). Next: "
            f"uv add --group pipeline 'mlops-loop[dask]', {END}"
        ) from error
    for logger in ("distributed", "distributed.client"):  # errors become sentences
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    return distributed


def _wait_for_workers(client: Client, name: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_S)
    except TimeoutError as error:
        raise UsageError(
            f"{VARIABLE}={name}: the scheduler has no worker, after {WORKERS_S} s. Next: on each "
            f"machine, in a checkout of this commit: uv run dask worker {name} --nthreads 1, {END}"
        ) from error


def _check(client: Client, facts: Facts) -> None:
    """Raises UsageError for a worker that differs; says where only the last bits may."""
    for worker, reason in _ask(client, cluster_workers.differences, facts):
        if reason:
            raise cluster_workers.refusal(worker, str(reason))
    for worker, found in _ask(client, cluster_workers.kernels):
        if found != facts.kernels:
            print(
                f"train: {worker} computes with other kernels of BLAS ({found or 'none'}, here "
                f"{facts.kernels or 'none'}): the last digits of its scores may differ"
            )


def _ask(client: Client, function: Any, *args: Any) -> list[tuple[str, Any]]:
    """By worker what a function returns there, or the error of one that cannot import it."""
    how = {"on_error": "return", "callback_timeout": ANSWER_S}
    try:
        return sorted(client.sync(client.run, function, *args, **how).items())
    except TimeoutError as error:
        raise UsageError(
            f"{VARIABLE}: not all workers say within {ANSWER_S} s which versions they have. Next: "
            f"look at them, and start them again, {END}"
        ) from error


def _tell(client: Client, name: str) -> None:
    print(f"train: {len(client.nthreads())} workers of {name} score the candidates")
    if not ENCRYPTED_OR_LOCAL.fullmatch(name):
        print("train: the cluster is not encrypted: who reaches it can run code on it and here")


def _send(client: Client, data: Any) -> Future:
    """Data for the workers; the scheduler keeps a copy, for when the worker that has it dies."""
    import cloudpickle

    with warnings.catch_warnings():  # of its size
        warnings.simplefilter("ignore", UserWarning)
        return client.submit(pickle.loads, cloudpickle.dumps(data), pure=False)


def _score(problem: Scored, work: tuple[Any, Any], i: int, k: int, facts: Facts) -> Score:
    """On a worker: one candidate on one fold, without threads of its own."""
    cluster_workers.prepare(facts)
    candidates, rung = work
    with joblib.parallel_config("sequential"):
        return problem.score(candidates[i], rung[k])


def _parts(pipeline: Any) -> list[Any]:
    """The steps of a pipeline."""
    return [step for _, step in pipeline.steps]


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """Raises UsageError for what a cluster does that ends a search."""
    from distributed import KilledWorker

    kept = f"Finished candidates are kept. Next: run the same command again, {END}"
    try:
        yield
    except MemoryError as error:
        raise UsageError(f"A worker of {name} ran out of memory. {kept}") from error
    except KilledWorker as error:
        raise UsageError(
            f"The same fold of a candidate ended several workers of {name}: they may lack memory. "
            f"{kept}"
        ) from error
    except (OSError, CancelledError) as error:
        raise UsageError(f"The scheduler {name} is gone. {kept}") from error
