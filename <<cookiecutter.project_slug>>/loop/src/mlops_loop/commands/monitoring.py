"""The commands `retrain guard|new|propose` and `monitor evaluate|act|keep-alive`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from mlops_loop import files, paths
from mlops_loop.commands.console import example, print_outputs
from mlops_loop.errors import UsageError
from mlops_loop.github import trigger
from mlops_loop.github.api import Repository, event
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
    _show_reason()
    rules = config.load().retrain
    obstacle = retraining.obstacle(ROOT, rules, Repository(), retraining.today())
    reason = _reason(obstacle) if obstacle else "A model may be trained."
    print_outputs({"allowed": str(not obstacle).lower(), "reason": reason})


@retrain.command(epilog=example("retrain new"))
def new() -> None:
    """Say whether training led to another model than the one in production."""
    trained = bundle.load(paths.BUNDLE)
    known = retraining.nothing_new(ROOT, trained)
    reason = _known(known) if known else f"{trained.id} is new."
    print_outputs({"new": str(not known).lower(), "reason": reason})


@retrain.command(epilog=example("retrain propose"))
def propose() -> None:
    """Push a branch with the retrained model and open an issue, or report that it was refused.

    Needs the verdict of gate. A second time it changes nothing.
    """
    trained = bundle.load(paths.BUNDLE)
    verdict = json.loads(paths.VERDICT.read_text("utf-8")) if paths.VERDICT.exists() else {}
    made = retraining.propose(ROOT, trained, verdict, Repository(), retraining.today())
    refused = f"{made.bundle_id} is refused ({made.decision}), see {made.issue_url}"
    click.echo(f"{made.branch} is proposed in {made.issue_url}" if made.branch else refused)


@click.group(epilog=example("monitor evaluate"))
def monitor() -> None:
    """Watch the model in production; a schedule does it every day."""


@monitor.command(epilog=example("monitor evaluate"))
def evaluate() -> None:
    """Check whether the model in production is stale, and write reports/monitor.json.

    Exits with 8 for an alarm, 9 where it cannot tell.
    """
    _show_reason()
    findings = alerts.evaluate(ROOT, config.load(), retraining.today())
    files.write_json({name: asdict(f) for name, f in findings.items()}, paths.MONITOR_REPORT)
    click.echo("\n".join(f"{name}: {f.status}: {f.message}" for name, f in findings.items()))
    sys.exit(EXIT_CODES[max((f.status for f in findings.values()), key=list(EXIT_CODES).index)])


@monitor.command(epilog=example("monitor act"))
def act() -> None:
    """Open or close issues by reports/monitor.json, and dispatch the workflow retrain."""
    if not paths.MONITOR_REPORT.exists():
        raise UsageError(f"{paths.MONITOR_REPORT} is missing. Next: loop monitor evaluate")
    report = files.read_json(paths.MONITOR_REPORT)
    findings = {name: alerts.Finding(**facts) for name, facts in report.items()}
    response = alerts.act(ROOT, findings, config.load(), Repository(), retraining.today())
    click.echo(_response(response))


@monitor.command("keep-alive", epilog=example("monitor keep-alive"))
def keep_alive() -> None:
    """Keep scheduled workflows on, which GitHub switches off after 60 idle days."""
    click.echo(f"Kept alive: {', '.join(alerts.keep_alive(Repository()))}")


def _show_reason() -> None:
    if text := trigger.show(event()):
        click.echo(text, err=True)  # not an output of the step


def _reason(obstacle: retraining.Obstacle) -> str:
    match obstacle:
        case retraining.Held(version, who, why):
            lift = f"loop registry assign {version} --lift-hold --why REASON --push"
            return f"{version} is held in production by {who}: {why!r}. Next: {lift}"
        case retraining.TooManyRefusals(count, url):
            refused = f"{count} retrained models in a row were refused, see {url}"
            return f"{refused}. Next: find the cause, then close that issue"
        case retraining.CoolingDown(last, until):
            end = f"{until:%Y-%m-%d %H:%M} UTC (retrain.cool_down_days in monitor.yaml)"
            return f"The last proposal is of {last:%Y-%m-%d}, and the cool-down lasts until {end}"


def _known(model: retraining.KnownModel) -> str:
    if model.version:
        place = f"the model of {model.version}, which is in production"
    else:
        place = f"{model.bundle_id}, which dvc.lock names already"
    return f"Nothing new: training leads to {place}."


def _response(response: alerts.Response) -> str:
    if not response.alarms:
        return "No alarm, nothing to do."
    alarms = f"Alarm: {', '.join(response.alarms)}."
    if response.obstacle:
        return f"{alarms} Not retrained: {_reason(response.obstacle)}"
    return f"{alarms} Started the workflow retrain."
