"""The alias `champion` of MLflow's model registry, as the ledger has it.

The ledger, which is git tags, decides; MLflow shows. So nothing here reads the alias to act on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlops_loop.trackers.address import Address
from mlops_loop.trackers.deadline import Refused
from mlops_loop.trackers.facts import Facts
from mlops_loop.trackers.mlflow_client import check_files, connect, in_words
from mlops_loop.trackers.mlflow_run import FINISHED, find, write

ALIAS = "champion"
GONE, TAKEN = "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True)
class Assigned:
    """A version that the ledger has in production, the bundle it holds, and its commit."""

    version: str
    bundle_id: str
    commit: str


@dataclass(frozen=True)
class Mirrored:
    """The page of the registered model, the number there (empty: none), whether it changed."""

    url: str
    number: str
    is_new: bool


@in_words
def mirror(address: Address, assigned: Assigned | None, facts: Facts | None) -> Mirrored:
    """Let the alias name what is in production; without that, remove it. Raises Refused.

    facts: of the bundle in models/bundle, which is published first if it is the assigned one.
    Called through deadline.py.
    """
    client = connect(address)
    url = f"{address.url}/#/models/{address.model}"
    now = _aliased(client, address.model)
    if not assigned:
        if now:
            client.delete_registered_model_alias(address.model, ALIAS)
        return Mirrored(url, "", bool(now))
    number = _number(client, address, assigned, facts)
    if now != number:
        client.set_registered_model_alias(address.model, ALIAS, number)
    return Mirrored(url, number, now != number)


def _aliased(client: Any, model: str) -> str:
    """The number that the alias names; empty without a model or an alias."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(model, ALIAS).version)
    except MlflowException as error:
        if error.error_code in (GONE, "INVALID_PARAMETER_VALUE"):
            return ""
        raise


def _number(client: Any, address: Address, assigned: Assigned, facts: Facts | None) -> str:
    """Of the registered version that holds the bundle, which is made if it is missing."""
    for known in client.search_model_versions(f"name = '{address.model}'"):
        if known.tags.get("bundle_id") == assigned.bundle_id:
            if known.tags.get("version") != assigned.version:
                client.set_model_version_tag(
                    address.model, known.version, "version", assigned.version
                )
            return str(known.version)
    run = _run(client, address, assigned, facts)
    check_files(address, run.info.artifact_uri)
    _create_model(client, address.model)
    tags = {name: getattr(assigned, name) for name in ("version", "bundle_id", "commit")}
    source = f"{run.info.artifact_uri}/bundle"
    made = client.create_model_version(address.model, source, run.info.run_id, tags=tags)
    return str(made.version)


def _run(client: Any, address: Address, assigned: Assigned, facts: Facts | None) -> Any:
    if facts and facts.bundle_id == assigned.bundle_id:
        return write(client, address, facts)[0]
    run = find(client, address, assigned.bundle_id)
    if not run or run.info.status != FINISHED:
        raise Refused(
            f"it has no run of {assigned.version} (bundle {assigned.bundle_id}). Next, at the "
            f"commit of that version: uv run dvc repro && loop publish --{ALIAS}"
        )
    return run


def _create_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != TAKEN:
            raise
