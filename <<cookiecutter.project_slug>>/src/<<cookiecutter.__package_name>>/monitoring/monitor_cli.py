"""The verbs `retrain guard|new|propose` and `monitor evaluate|act|keep-alive`."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from ..delivery.registry_cli import BUNDLE, GATE, tell
from ..errors import COMMAND, UsageError, example

FOUND = Path("reports/monitor.json")
CODES = {"ok": 0, "unknown": 9, "alarm": 8}  # the worst last


def _import(name: str, room: str = "") -> Any:
    return importlib.import_module(f".{room}{name}", __package__)  # the container has none of it


def _github() -> Any:
    return _import("github", ".delivery.").Repository()


@click.group(epilog=example("retrain guard"))
def retrain() -> None:
    """Train anew on a schedule: may it, is the model new, propose it."""


@retrain.command(epilog=example("retrain guard"))
def guard() -> None:
    """Say whether a model may be trained now: no hold, no cool-down, not too many refusals."""
    module, rules = _import("retrain"), _import("policy").load().retrain
    reason = module.obstacle(Path(), rules, _github(), module.today())
    tell({"allowed": str(not reason).lower(), "told": reason or "A model may be trained."})


@retrain.command(epilog=example("retrain new"))
def new() -> None:
    """Say whether training led to another model than the one in production."""
    made = _import("bundle", ".").load(BUNDLE)
    reason = _import("retrain").nothing_new(Path(), made)
    tell({"new": str(not reason).lower(), "told": reason or f"{made.id} is new."})


@retrain.command(epilog=example("retrain propose"))
def propose() -> None:
    """Push a branch with the retrained model and open an issue, or tell that it was refused.

    Needs the verdict of gate. A second time it changes nothing.
    """
    module, made = _import("retrain"), _import("bundle", ".").load(BUNDLE)
    verdict = json.loads(GATE.read_text("utf-8")) if GATE.exists() else {}
    click.echo(module.propose(Path(), made, verdict, _github(), module.today()))


@click.group(epilog=example("monitor evaluate"))
def monitor() -> None:
    """Watch the model in production; a schedule does it every day."""


@monitor.command(epilog=example("monitor evaluate"))
def evaluate() -> None:
    """Look whether the model in production is stale, and write reports/monitor.json.

    Leaves with 8 for an alarm, 9 where it cannot tell.
    """
    now, rules = _import("retrain").today(), _import("policy").load()
    found = _import("watch").evaluate(Path(), rules, now)
    _import("files", ".").write_json(found, FOUND)
    click.echo("\n".join(f"{name}: {f['status']}: {f['told']}" for name, f in found.items()))
    sys.exit(CODES[max((f["status"] for f in found.values()), key=list(CODES).index)])


@monitor.command(epilog=example("monitor act"))
def act() -> None:
    """Do what reports/monitor.json asks for: issues, and a dispatch of the workflow retrain."""
    if not FOUND.exists():
        raise UsageError(f"{FOUND} is missing. Next: {COMMAND} monitor evaluate")
    now, rules = _import("retrain").today(), _import("policy").load()
    findings = json.loads(FOUND.read_text("utf-8"))
    click.echo(_import("watch").act(Path(), findings, rules, _github(), now))


@monitor.command("keep-alive", epilog=example("monitor keep-alive"))
def keep_alive() -> None:
    """Keep scheduled workflows on, which GitHub switches off after 60 idle days."""
    click.echo(_import("watch").keep_alive(_github()))


def add_to(cli: click.Group) -> None:
    for command in (retrain, monitor):
        cli.add_command(command)
