"""The commands `retrain guard|new|propose` and `monitor evaluate|act|keep-alive`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mlops_loop import files, paths
from mlops_loop.commands.console import example, print_outputs
from mlops_loop.errors import UsageError
from mlops_loop.github.api import Repository
from mlops_loop.model import bundle
from mlops_loop.monitoring import alerts, config
from mlops_loop.monitoring import retrain as retraining

ROOT = Path()
EXIT_CODES = {"ok": 0, "unknown": 9, "alarm": 8}  # the worst last


@click.group(epilog=example("retrain guard"))
def retrain() -> None:
    """Retrain on a schedule: is it allowed, is the model new, propose it."""


@retrain.command(epilog=example("retrain guard"))
def guard() -> None:
    """Say whether a model may be trained now: no hold, no cool-down, not too many refusals."""
    rules = config.load().retrain
    reason = retraining.obstacle(ROOT, rules, Repository(), retraining.today())
    print_outputs(
        {"allowed": str(not reason).lower(), "reason": reason or "A model may be trained."}
    )


@retrain.command(epilog=example("retrain new"))
def new() -> None:
    """Say whether training led to another model than the one in production."""
    made = bundle.load(paths.BUNDLE)
    reason = retraining.nothing_new(ROOT, made)
    print_outputs({"new": str(not reason).lower(), "reason": reason or f"{made.id} is new."})


@retrain.command(epilog=example("retrain propose"))
def propose() -> None:
    """Push a branch with the retrained model and open an issue, or say that it was refused.

    Needs the verdict of gate. A second time it changes nothing.
    """
    made = bundle.load(paths.BUNDLE)
    verdict = json.loads(paths.VERDICT.read_text("utf-8")) if paths.VERDICT.exists() else {}
    click.echo(retraining.propose(ROOT, made, verdict, Repository(), retraining.today()))


@click.group(epilog=example("monitor evaluate"))
def monitor() -> None:
    """Watch the model in production; a schedule does it every day."""


@monitor.command(epilog=example("monitor evaluate"))
def evaluate() -> None:
    """Check whether the model in production is stale, and write reports/monitor.json.

    Exits with 8 for an alarm, 9 where it cannot tell.
    """
    found = alerts.evaluate(ROOT, config.load(), retraining.today())
    files.write_json(found, paths.MONITOR_REPORT)
    click.echo("\n".join(f"{name}: {f['status']}: {f['message']}" for name, f in found.items()))
    sys.exit(EXIT_CODES[max((f["status"] for f in found.values()), key=list(EXIT_CODES).index)])


@monitor.command(epilog=example("monitor act"))
def act() -> None:
    """Open or close issues by reports/monitor.json, and dispatch the workflow retrain."""
    if not paths.MONITOR_REPORT.exists():
        raise UsageError(f"{paths.MONITOR_REPORT} is missing. Next: loop monitor evaluate")
    findings = json.loads(paths.MONITOR_REPORT.read_text("utf-8"))
    click.echo(alerts.act(ROOT, findings, config.load(), Repository(), retraining.today()))


@monitor.command("keep-alive", epilog=example("monitor keep-alive"))
def keep_alive() -> None:
    """Keep scheduled workflows on, which GitHub switches off after 60 idle days."""
    click.echo(alerts.keep_alive(Repository()))
