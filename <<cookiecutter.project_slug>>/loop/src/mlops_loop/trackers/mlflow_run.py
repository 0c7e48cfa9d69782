"""A trained model as a run of MLflow, found again by the tag `bundle_id`.

A run is FINISHED when all of it is there; one that was cut off is completed. Parameters and metrics
are written with the same values and times, so that nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mlops_loop.trackers.address import Address
from mlops_loop.trackers.deadline import Refused
from mlops_loop.trackers.facts import Facts
from mlops_loop.trackers.mlflow_client import check_files, connect, in_words

BATCH = 100  # parameters, metrics or tags of one request; MLflow takes so many parameters
FINISHED = "FINISHED"


@dataclass(frozen=True)
class Published:
    """The run, and whether anything was written."""

    url: str
    is_new: bool


@in_words
def publish(address: Address, facts: Facts) -> Published:
    """Write the run, or find that it is there; raises Refused. Called through deadline.py."""
    client = connect(address)
    run, is_new = write(client, address, facts)
    return Published(run_url(address, run), is_new)


def run_url(address: Address, run: Any) -> str:
    """The page of a run."""
    return f"{address.url}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


def write(client: Any, address: Address, facts: Facts) -> tuple[Any, bool]:
    """The finished run of a model, and whether anything was written. Errors are mlflow's."""
    experiment = _experiment(client, address.experiment)
    run = _find(client, experiment, facts.bundle_id)
    if run and run.info.status == FINISHED:
        return run, False
    run = run or client.create_run(experiment, run_name=facts.bundle_id, tags=_tags(facts))
    check_files(address, run.info.artifact_uri)
    _log(client, run, facts)
    client.set_terminated(run.info.run_id, FINISHED)
    return run, True


def find(client: Any, address: Address, bundle_id: str) -> Any | None:
    """The run of a bundle; None without one, or without the experiment."""
    known = client.get_experiment_by_name(address.experiment)
    return _find(client, known.experiment_id, bundle_id) if known else None


def _experiment(client: Any, name: str) -> str:
    """The id of an experiment, which is made if it is missing."""
    known = client.get_experiment_by_name(name)
    if not known:
        return client.create_experiment(name)
    if known.lifecycle_stage != "active":
        raise Refused(f"the experiment {name!r} was deleted there. Next: restore it")
    return known.experiment_id


def _find(client: Any, experiment: str, bundle_id: str) -> Any | None:
    """A finished run of the bundle, else one that was cut off."""
    which = f"tags.bundle_id = '{bundle_id}'"
    runs = client.search_runs([experiment], which, order_by=["attributes.start_time ASC"])
    return next((run for run in runs if run.info.status == FINISHED), runs[0] if runs else None)


def _tags(facts: Facts) -> dict[str, str]:
    """With the name under which MLflow shows the commit."""
    commit = facts.tags.get("commit", "")
    return {**facts.tags, **({"mlflow.source.git.commit": commit} if commit else {})}


def _log(client: Any, run: Any, facts: Facts) -> None:
    from mlflow.entities import Metric, Param

    made, at = run.info.run_id, run.info.start_time
    for batch in _batches([Param(*item) for item in facts.params.items()]):
        client.log_batch(made, params=batch)
    metrics = [Metric(*item, at, 0) for item in facts.metrics.items()]
    for name, values in facts.curves.items():
        metrics += [Metric(name, value, at, step) for step, value in enumerate(values)]
    for batch in _batches(metrics):
        client.log_batch(made, metrics=batch)
    for folder, paths in facts.files.items():
        for path in paths:
            client.log_artifact(made, str(path), folder)


def _batches(items: list[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
