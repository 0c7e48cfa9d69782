"""The commands `retrain guard|new|propose` and `monitor evaluate|dashboard|site|act|keep-alive`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_loop import files, params, paths, project
from mlops_loop.commands import data_secrets
from mlops_loop.commands.console import example, print_outputs
from mlops_loop.errors import NoStoreKnown, ProjectError, UsageError
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.github import pages, trigger, visibility
from mlops_loop.github.api import Repository, event
from mlops_loop.model import bundle
from mlops_loop.monitoring import alerts, blind, config, runbook, webhook
from mlops_loop.monitoring import retrain as retraining
from mlops_loop.monitoring.report import Report
from mlops_loop.registry import ledger

if TYPE_CHECKING:  # what looks at rows needs pandas, and the other commands do not
    from mlops_loop.monitoring.look import Look
    from mlops_loop.monitoring.operations import Limits

ROOT = Path()
LATENCY = "latency_p95_ms"  # a budget of gate.yaml
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
    """Look at production: traffic, drift, harm, age; write reports/monitor.json and a page.

    Exits with 8 for an alarm, 9 where it cannot tell.
    """
    _show_reason()
    policy, now = config.load(), retraining.today()
    seen = _look(policy, now)
    report = Report.of({"staleness": alerts.staleness(ROOT, policy, now)}, seen)
    files.write_json(report.as_json(), paths.MONITOR_REPORT)
    _draw(seen, now)
    click.echo("\n".join(f"{n}: {f.status}: {f.message}" for n, f in report.findings.items()))
    if places := _places(report):
        click.echo(f"See {', '.join(places)}")
    print_outputs({"can-tell": str(blind.can_tell(report.findings)).lower()})
    statuses = [finding.status for finding in report.findings.values()]
    sys.exit(EXIT_CODES[max(statuses, key=list(EXIT_CODES).index)])


def _places(report: Report) -> list[str]:
    """Where the runbook says what to do about this report's alarms."""
    known = {name: finding.status for name, finding in report.findings.items()}
    names = [name for name in alerts.OPERATIONS if known.get(name) == "alarm"]
    names += [blind.PROBLEM] * (known.get("model") == "unknown")
    by_cause = [place for cause in report.causes for place in runbook.of_cause(cause)]
    return list(dict.fromkeys([*map(runbook.section, names), *by_cause]))


@monitor.command(epilog=example("monitor dashboard"))
def dashboard() -> None:
    """Look at production, and write the page reports/dashboard.html."""
    now = retraining.today()
    seen = _look(config.load(), now)
    if not _draw(seen, now):
        raise UsageError(seen.reason)
    click.echo(f"Open {paths.DASHBOARD.resolve().as_uri()}")


def _look(policy: config.MonitorConfig, now: datetime) -> Look:
    from mlops_loop.monitoring.look import Look

    data_secrets.export()
    try:
        return _look_from_history(policy, now)
    except ProjectError as error:
        current = ledger.read(ROOT).current()
        return Look(current.version if current else "", reason=str(error))


def _look_from_history(policy: config.MonitorConfig, now: datetime) -> Look:
    """With the history of the store; of this machine only where nothing names a store."""
    from mlops_loop.monitoring.look import look
    from mlops_loop.storage import shelves

    limits = _limits()
    try:
        with shelves.open_history(ROOT, lambda: bool(ledger.read(ROOT).versions)) as history:
            return look(ROOT, policy, history, now, limits)
    except NoStoreKnown:
        return look(ROOT, policy, shelves.in_folder(ROOT / paths.HISTORY), now, limits)


def _limits() -> Limits:
    """What gate.yaml demands of the endpoint; nothing where there is no gate.yaml."""
    from mlops_loop.monitoring.operations import Limits

    if not paths.GATE_POLICY.exists():
        return Limits()
    policy = params.read_yaml(paths.GATE_POLICY, GatePolicy)
    budget, slices = policy.budgets.get(LATENCY), policy.slices
    return Limits(budget.at_most if budget else None, slices=slices.columns if slices else ())


def _draw(seen: Look, now: datetime) -> bool:
    """Write the page; False where there is nothing to show."""
    if not seen.findings or not seen.reference:
        return False
    from mlops_loop.dashboard import render
    from mlops_loop.dashboard.facts import State

    state = State(
        project.display_name(),
        now,
        ledger.read(ROOT),
        seen.findings,
        seen.reference,
        seen.days,
        seen.note,
    )
    paths.DASHBOARD.parent.mkdir(exist_ok=True)
    paths.DASHBOARD.write_text(render.draw(state), encoding="utf-8")
    return True


@monitor.command(epilog=example("monitor site"))
def site() -> None:
    """Say whether GitHub Pages may take the dashboard, and put it into reports/site where they may.

    DASHBOARD_PAGES=true asks for it; public also where everybody could read it of a private
    repository.
    """
    reason = _not_published()
    if not reason:
        paths.SITE.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(paths.DASHBOARD, paths.SITE / "index.html")
    outputs = {"publish": str(not reason).lower(), "reason": reason or "Pages take the dashboard."}
    print_outputs(outputs)


def _not_published() -> str:
    """Why the dashboard is not published; empty where it may be. Raises GitHubRefused."""
    if not paths.DASHBOARD.exists():
        return f"There is no page: {paths.DASHBOARD} is missing. Next: loop monitor evaluate"
    found, asked = pages.find(Repository()), os.environ.get(pages.VARIABLE, "")
    is_private = visibility.visibility() != "public"
    if obstacle := pages.obstacle(asked, found, is_private=is_private):
        return f"Not published: {obstacle.reason}. Next: {obstacle.command}"
    return ""


@monitor.command(epilog=example("monitor act"))
def act() -> None:
    """Open, edit or close issues by reports/monitor.json, and dispatch the workflow retrain."""
    if not paths.MONITOR_REPORT.exists():
        raise UsageError(f"{paths.MONITOR_REPORT} is missing. Next: loop monitor evaluate")
    report = Report.from_json(files.read_json(paths.MONITOR_REPORT))
    policy = config.load()
    response = alerts.act(ROOT, report, policy, Repository(), retraining.today())
    click.echo(_response(response))
    if (url := os.environ.get(webhook.VARIABLE)) and (news := alerts.notices(response)):
        delivery = webhook.send(url, policy.webhook, news)
        click.echo(f"Told {delivery.host}: {delivery.sent}.")


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
        case retraining.Broken(url):
            return f"Data are broken, see {url}. Next: mend them, or set the label accepted there"


def _known(model: retraining.KnownModel) -> str:
    if model.version:
        place = f"the model of {model.version}, which is in production"
    else:
        place = f"{model.bundle_id}, which dvc.lock names already"
    return f"Nothing new: training leads to {place}."


def _response(response: alerts.Response) -> str:
    opened = [f"{kept.cause.verdict}: {kept.url}" for kept in response.issues]
    if response.no_verdict:
        opened.append(f"Nobody can tell for days: {response.no_verdict}")
    if not response.alarms:
        return "\n".join(["No alarm, nothing to do.", *opened])
    lines = [f"Alarm: {', '.join(response.alarms)}.", *opened]
    if response.obstacle:
        lines.append(f"Not retrained: {_reason(response.obstacle)}")
    elif response.reasons:
        lines.append(f"Started the workflow retrain: {', '.join(response.reasons)}.")
    return "\n".join(lines)
