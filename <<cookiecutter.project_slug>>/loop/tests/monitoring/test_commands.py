"""Verbs and exit codes of the room, and what monitor.yaml may say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops_loop.errors import UsageError
from mlops_loop.commands import monitoring as monitor_cli
from mlops_loop.monitoring import config as policy


@pytest.fixture
def call(repo, monkeypatch):
    """`call("evaluate")` runs a verb of `monitor` in the project."""
    monkeypatch.chdir(repo)
    return lambda *args: CliRunner().invoke(monitor_cli.monitor, args)


@pytest.mark.parametrize(("days", "code"), [("0.5", 8), ("36500", 0)])
def test_exit_codes(call, days, code):
    """8 for an alarm; the finding is a file."""
    Path("monitor.yaml").write_text(f"stale_days: {days}\n")
    assert call("evaluate").exit_code == code
    found = json.loads(Path("reports/monitor.json").read_text())
    assert found["staleness"]["status"] == ("alarm" if code else "ok")


def test_it_cannot_tell(call, git, repo):
    """Exit code 9, before the first model."""
    Path("monitor.yaml").write_text("stale_days: 1\n")
    git(repo, "tag", "--delete", "model#production#1")
    assert call("evaluate").exit_code == 9


def test_nothing_was_evaluated(call):
    """A missing file is no end of an alarm."""
    assert "monitor evaluate" in str(call("act").exception)


def test_the_projects_own_file():
    """It is valid, and each value of it is that of the docs."""
    found = policy.load()
    assert found.stale_days > found.retrain.cool_down_days


@pytest.mark.parametrize("text", ["stale_days: 0", "stale_days: 1\nmore: 1", "retrain: {}"])
def test_a_wrong_file(tmp_path, text):
    """Names the file and the key."""
    (tmp_path / "monitor.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"monitor\.yaml: (stale_days|more)"):
        policy.load(tmp_path / "monitor.yaml")
