"""The command `publish`: a finished run to the trackers that the environment names."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import click

from mlops_loop import project
from mlops_loop.commands.console import example, file
from mlops_loop.errors import ProjectError, TrackerUnavailable, UsageError
from mlops_loop.github import trigger
from mlops_loop.registry import ledger
from mlops_loop.text import printable
from mlops_loop.trackers import (
    address,
    deadline,
    facts,
    mlflow_champion,
    mlflow_run,
)

ROOT = Path()
T = TypeVar("T")
LATER = "The model is not affected. Next: loop publish, later"


@click.command(epilog=example("publish", "publish --champion", "publish --tensorboard runs"))
@click.option("--champion", is_flag=True, help="Let MLflow's alias name what is in production.")
@click.option(
    "--tensorboard", type=file, envvar="TENSORBOARD_FOLDER", help="Write event files there."
)
@click.option(
    "--timeout-s", type=float, default=30.0, show_default=True, help="The tracker has so long."
)
def publish(champion: bool, tensorboard: Path | None, timeout_s: float) -> None:
    """Publish the run of models/bundle to MLflow or TensorBoard, once.

    MLFLOW_TRACKING_URI names the server. In a workflow a tracker that is down or refuses is a
    warning and no failure. What is published: loop/docs/trackers.md.
    """
    try:
        _publish(champion, tensorboard, timeout_s)
    except Exception as error:  # a bug here fails no workflow either
        if os.environ.get("GITHUB_ACTIONS") != "true":
            raise
        if not isinstance(error, ProjectError):
            traceback.print_exc()
        name = getattr(error, "name", type(error).__name__)
        click.echo(f"::warning title=Not published::{printable(f'{name}: {error}')}")


def _publish(champion: bool, tensorboard: Path | None, timeout_s: float) -> None:
    server = address.find(project.model_name())
    if not server and not tensorboard:
        raise UsageError(
            f"No tracker is named. Next: set {address.VARIABLE}, or loop publish --tensorboard DIR"
        )
    if trigger.is_read_only(_event()):
        return click.echo("Not published: runs of forks and of Dependabot get no login.")
    if tensorboard:
        click.echo(_to_tensorboard(tensorboard))
    if server and champion:
        click.echo(_mirror(server, timeout_s))
    elif server:
        click.echo(_to_mlflow(server, timeout_s))


def _event() -> dict[str, Any]:
    if not os.environ.get("GITHUB_EVENT_PATH"):
        return {}
    from mlops_loop.github import api

    return api.event()


def _to_tensorboard(folder: Path) -> str:
    _check_installed("tensorboardX", "tensorboard")
    from mlops_loop.trackers import tensorboard_events

    made = tensorboard_events.write(folder, facts.read(trigger.head(_event())))
    return f"{'Written' if made.is_new else 'Nothing to do, it is there'}: {made.folder}"


def _to_mlflow(server: address.Address, timeout_s: float) -> str:
    made = _in_time(server, mlflow_run.publish, facts.read(trigger.head(_event())), timeout_s)
    return f"{'Published' if made.is_new else 'Nothing to do, it is there'}: {made.url}"


def _mirror(server: address.Address, timeout_s: float) -> str:
    now = ledger.fetch(ROOT).current()
    version = ledger.local(ROOT).find(now.version) if now else None
    assigned = version and mlflow_champion.Assigned(
        version.version, version.bundle_id or "", version.commit
    )
    known = None
    with suppress(ProjectError):  # no run of it here: the tracker has it, or says that it lacks it
        known = facts.read(version.commit if version else "")
    made = _in_time(server, mlflow_champion.mirror, assigned, known, timeout_s)
    place = f"{version.version} is {made.number}" if version else "nothing is in production"
    return f"{'Champion' if made.is_new else 'Nothing to do, champion'}: {place}, {made.url}"


def _in_time(server: address.Address, function: Callable[..., T], *args: Any) -> T:
    """A call of a tracker; raises UsageError and TrackerUnavailable, each with a sentence."""
    _check_installed("mlflow", "mlflow")
    *given, timeout_s = args
    try:
        return deadline.call(function, server, *given, seconds=timeout_s)
    except deadline.Late:
        problem = f"it did not take everything within {timeout_s:g} s"
    except deadline.Broken:
        problem = "the process that asked it was killed"
    except deadline.Refused as error:
        problem = str(error)
    after = "" if "Next: " in problem else f" {LATER}"
    raise TrackerUnavailable(f"MLflow at {server.host}: {problem.rstrip('.')}.{after}")


def _check_installed(module: str, extra: str) -> None:
    if not find_spec(module):
        raise UsageError(
            f"This needs {module!r}, which is not installed here. "
            f"Next: uv add --group pipeline 'mlops-loop[{extra}]'"
        )
