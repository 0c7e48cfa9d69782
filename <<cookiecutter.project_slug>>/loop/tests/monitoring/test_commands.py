"""Exit codes, files and words of the commands of the room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_loop import paths
from mlops_loop.commands import monitoring
from mlops_loop.errors import NoStoreKnown, StoreUnreachable, UsageError
from mlops_loop.github import visibility
from mlops_loop.monitoring import alerts, look, retrain
from mlops_loop.monitoring.look import Look
from mlops_loop.registry import ledger
from mlops_loop.storage import shelves
from mlops_loop.storage.shelves import in_folder

DAY = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def call(repo, hub, monkeypatch):
    """`call("monitor", "evaluate")` runs a command in the project, with a GitHub of its own."""
    monkeypatch.chdir(repo)
    monkeypatch.setattr(monitoring, "Repository", lambda: hub)
    kept = in_folder(repo / paths.HISTORY)
    monkeypatch.setattr(shelves, "open_history", lambda *_: nullcontext(kept))
    Path("monitor.yaml").write_text("stale_days: 36500\n")
    return lambda group, *args: CliRunner().invoke(getattr(monitoring, group), args)


@pytest.mark.parametrize(("days", "code"), [("0.5", 8), ("36500", 9)])
def test_exit_codes(call, days, code):
    """8 for an alarm, 9 where no day was examined; the finding is in a file."""
    Path("monitor.yaml").write_text(f"stale_days: {days}\n")
    result = call("monitor", "evaluate")
    assert result.exit_code == code
    finding = json.loads(Path("reports/monitor.json").read_text())["findings"]["staleness"]
    assert finding["status"] == ("alarm" if days == "0.5" else "ok")
    assert f"staleness: {finding['status']}: {finding['message']}\n" in result.output
    assert ("loop/docs/runbook.md#the-model-is-stale" in result.output) == (days == "0.5")
    assert "loop/docs/runbook.md#the-monitor-cannot-tell" in result.output


def test_it_cannot_tell(call, git, repo):
    """Exit code 9, before the first model."""
    git(repo, "tag", "--delete", "model#production#1")
    result = call("monitor", "evaluate")
    assert result.exit_code == 9
    assert "can-tell=false\n" in result.output
    assert "runbook" not in result.output


def test_nobody_could_tell_for_days(call, hub):
    """No store is known here: an issue with the reason, beside what is known without rows."""
    Path("monitor.yaml").write_text("stale_days: 36500\ntraffic: {kind: replay}\n")
    call("monitor", "evaluate")
    said = "No alarm, nothing to do.\nNobody can tell for days: URL/1\n"
    assert call("monitor", "act").output == said
    assert [issue["title"] for issue in hub.issues] == ["Alarm: no verdict"]
    assert "then loop/docs/runbook.md#the-monitor-cannot-tell." in hub.issues[0]["body"]


def test_nothing_was_evaluated(call):
    """A missing file does not end an alarm."""
    assert "monitor evaluate" in str(call("monitor", "act").exception)


def test_what_was_evaluated_is_acted_on(call, hub):
    """Without an alarm, with one, and with one while retraining is not allowed."""
    call("monitor", "evaluate")
    assert call("monitor", "act").output == "No alarm, nothing to do.\n"
    Path("monitor.yaml").write_text("stale_days: 0.5\n")
    call("monitor", "evaluate")
    expected = "Alarm: staleness.\nStarted the workflow retrain: staleness.\n"
    assert call("monitor", "act").output == expected
    assert [issue["title"] for issue in hub.issues] == ["Alarm: staleness"]
    assert "See loop/docs/runbook.md#the-model-is-stale." in hub.issues[0]["body"]
    ledger.assign(Path(), "v1.0.0", why="bad", hold=True)
    held = "Alarm: staleness.\nNot retrained: v1.0.0 is held in production by Ada Tester: 'bad'."
    assert call("monitor", "act").output.startswith(held)


SITE = {"html_url": "URL", "build_type": "workflow", "public": True}


@pytest.mark.parametrize(
    ("asked", "seen", "published"),
    [
        ("true", "public", True), ("", "public", False), ("true", "private", False),
        ("true", "internal", False), ("public", "private", True),
    ],
)  # fmt: skip
def test_pages_take_the_dashboard_and_nothing_else(call, hub, monkeypatch, asked, seen, published):
    """Where it was asked for; from a private repository only for everybody."""
    monkeypatch.setattr(hub, "call", lambda method: SITE)
    monkeypatch.setattr(visibility, "visibility", lambda: seen)
    monkeypatch.setenv("DASHBOARD_PAGES", asked)
    Path("reports").mkdir(exist_ok=True)
    paths.DASHBOARD.write_text("the page")
    Path("reports/gate.json").write_text("{}")
    output = call("monitor", "site").output
    assert output.startswith(f"publish={str(published).lower()}\nreason=")
    assert ("Next: gh variable set DASHBOARD_PAGES" in output) == (not published)
    site = {path.name: path.read_text() for path in paths.SITE.glob("*")}
    assert site == ({"index.html": "the page"} if published else {})


def test_without_a_page_nothing_is_published(call, monkeypatch):
    """As before the first model."""
    monkeypatch.setenv("DASHBOARD_PAGES", "true")
    assert "publish=false\nreason=There is no page" in call("monitor", "site").output


def test_keep_alive(call, monkeypatch):
    """The files of the workflows."""
    monkeypatch.setattr(alerts, "keep_alive", lambda repository: ["ci.yml", "monitor.yml"])
    assert call("monitor", "keep-alive").output == "Kept alive: ci.yml, monitor.yml\n"


OBSTACLES = {
    "held": (
        retrain.Held("v1.0.0", "Ada", "late\nanswers"),
        "v1.0.0 is held in production by Ada: 'late\\nanswers'. Next: loop registry assign v1.0.0 "
        "--lift-hold --why REASON --push",
    ),
    "refused": (
        retrain.TooManyRefusals(3, "URL/1"),
        "3 retrained models in a row were refused, see URL/1. Next: find the cause, then close "
        "that issue",
    ),
    "cooling down": (
        retrain.CoolingDown(DAY, DAY.replace(day=12)),
        "The last proposal is of 2026-01-05, and the cool-down lasts until 2026-01-12 00:00 UTC "
        "(retrain.cool_down_days in monitor.yaml)",
    ),
    "broken": (
        retrain.Broken("URL/1"),
        "Data are broken, see URL/1. Next: mend them, or set the label accepted there",
    ),
    "none": (None, "A model may be trained."),
}


@pytest.mark.parametrize(("obstacle", "reason"), OBSTACLES.values(), ids=OBSTACLES)
def test_the_guard(call, monkeypatch, obstacle, reason):
    """Outputs of a step: whether it is allowed, and why."""
    monkeypatch.setattr(retrain, "obstacle", lambda *_: obstacle)
    allowed = str(obstacle is None).lower()
    assert call("retrain", "guard").output == f"allowed={allowed}\nreason={reason}\n"


def test_what_is_new(call, git, repo):
    """A new model, the one that dvc.lock names, and the one in production."""
    made = monitoring.bundle.load(repo / paths.BUNDLE)
    assert call("retrain", "new").output == f"new=true\nreason={made.id} is new.\n"
    git(repo, "commit", "--quiet", "--all", "--message", "Lock")
    same = f"new=false\nreason=Nothing new: training leads to {made.id}, which dvc.lock names"
    assert call("retrain", "new").output.startswith(same)
    verdict = {"decision": "PROMOTE", "challenger": made.id, "champion": "v1.0.0"}
    ledger.register(repo, made, verdict)
    ledger.assign(repo, "v1.1.0", why="better")
    assert "the model of v1.1.0, which is in production." in call("retrain", "new").output


@pytest.mark.parametrize("decision", ["PROMOTE", "REJECT"])
def test_a_proposal(call, repo, decision):
    """Where the proposal is, or where the refusal is."""
    made = monitoring.bundle.load(repo / paths.BUNDLE)
    verdict = {"decision": decision, "challenger": made.id, "summary": "x"}
    Path("reports").mkdir()
    Path("reports/gate.json").write_text(json.dumps(verdict))
    output = call("retrain", "propose").output
    if decision == "PROMOTE":
        assert output.endswith(f"-{made.id} is proposed in URL/1\n")
    else:
        assert output == f"{made.id} is refused (REJECT), see URL/1\n"


def test_passwords_of_the_log_come_as_one_secret(call, monkeypatch):
    """Its lines are variables before anything is read."""
    seen = {}
    monkeypatch.setenv("LOG_URL", "")  # so that it is as before at the end
    monkeypatch.setenv("DATA_SECRETS", "LOG_URL=postgresql://h/log")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr(look, "look", lambda *_: seen.update(os.environ) or Look("v1.0.0"))
    call("monitor", "evaluate")
    assert seen["LOG_URL"] == "postgresql://h/log"
    assert "DATA_SECRETS" not in seen


@pytest.mark.parametrize("error", [UsageError, StoreUnreachable])
def test_a_store_that_is_wrong_is_said(call, repo, monkeypatch, error):
    """Counts of a machine that is gone tomorrow do not take its place."""

    def wrong(*_):
        raise error("STORE_URL is wrong.")

    monkeypatch.setattr(shelves, "open_history", wrong)
    result = call("monitor", "evaluate")
    assert result.exit_code == 9
    assert "traffic: unknown: STORE_URL is wrong." in result.output
    assert "STORE_URL is wrong." in str(call("monitor", "dashboard").exception)


def test_a_laptop_without_a_store_keeps_its_own_counts(call, repo, monkeypatch):
    """In build/history."""
    kept = []

    def none(*_):
        raise NoStoreKnown("No store is known.")

    monkeypatch.setattr(shelves, "open_history", none)
    monkeypatch.setattr(shelves, "in_folder", lambda path: kept.append(path))
    monkeypatch.setattr(look, "look", lambda *_: Look("v1.0.0", reason="No row."))
    assert "No row." in call("monitor", "evaluate").output
    assert kept == [Path(paths.HISTORY)]


def test_a_command_does_not_load_what_it_does_not_use():
    """Neither DVC nor the dashboard: `retrain guard` and `monitor keep-alive` start in a second."""
    code = "import sys, mlops_loop.commands.monitoring; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint({"dvc", "jinja2", "mlops_loop.dashboard"})
