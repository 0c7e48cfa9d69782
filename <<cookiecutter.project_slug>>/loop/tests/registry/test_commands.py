"""What people and machines read of the registry."""

from __future__ import annotations

import json
import os
import re

import pytest
from click.testing import CliRunner

from mlops_loop import git
from mlops_loop.commands import registry as commands
from mlops_loop.errors import NoValidBundle, UsageError

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
COMMANDS = ["list", "show", "history", "register", "assign", "fetch"]


@pytest.fixture
def call(project, monkeypatch):
    """`call("list", "--json")` runs the command in the project and returns what it prints."""
    monkeypatch.chdir(project.root)

    def run(*args):
        result = CliRunner().invoke(commands.registry, args, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.fixture
def train(project):
    """`train("a")` leaves a committed bundle and the gate's verdict in reports/gate.json."""

    def run(mark, **change):
        made, verdict = project.ship(mark)
        (project.root / "reports").mkdir(exist_ok=True)
        (project.root / "reports/gate.json").write_text(json.dumps(verdict | change))
        return made

    return run


def test_first_turn(call, train):
    """Register, assign, show: one line each says what was written, when, by whom and why."""
    made = train("a")
    line = call("register")
    assert re.match(rf"{TIME}  v1\.0\.0 +model@v1\.0\.0 +bundle_id='{made.id}'", line)
    line = call("assign", "v1.0.0", "--why", "first model")
    assert re.match(rf"{TIME}  v1\.0\.0 +model#production#1 +why='first model' who='Ada", line)
    assert call("show") == line


def test_twice(call, train):
    """What exists already is reported as such."""
    train("a")
    call("register")
    call("assign", "v1.0.0", "--why", "first")
    assert call("register").startswith("Nothing to do, it exists already: ")
    assert call("assign", "latest", "--why", "again").startswith("Nothing to do")


def test_list(call, train):
    """The greatest version comes first."""
    for mark in "ab":
        train(mark)
        call("register")
    assert [line.split()[1] for line in call("list").splitlines()] == ["v1.1.0", "v1.0.0"]


def test_show_names_all_stages(call, train):
    """A version that holds two stages is shown with both."""
    train("a")
    call("register")
    for stage in ("production", "staging"):
        call("assign", "v1.0.0", "--stage", stage, "--why", "x")
    tags = [line.split()[2] for line in call("show").splitlines()]
    assert tags == ["model#production#1", "model#staging#2"]


def test_history(call, train):
    """History is newest first and says who, why, and that a hold began."""
    train("a")
    call("register")
    call("assign", "v1.0.0", "--why", "first", "--hold")
    newest, oldest = call("history").splitlines()
    assert "model#production#1   why='first' hold=True who='Ada Tester'" in newest
    assert "model@v1.0.0" in oldest


def test_hold_is_lifted(call, train):
    """The option that the refusal names lifts the hold."""
    train("a")
    call("register")
    assert "hold=True" in call("assign", "v1.0.0", "--why", "slow", "--hold")
    assert "hold" not in call("assign", "v1.0.0", "--why", "repaired", "--lift-hold")


def test_hostile_reason(call, train):
    """A reason with line ends and terminal codes is shown as one harmless line."""
    train("a")
    call("register")
    line = call("assign", "v1.0.0", "--why", "x\n\x1b[31mred\u202e $(id) é")
    assert line.count("\n") == 1
    assert r"x\n\x1b[31mred\u202e $(id) é" in line


def test_json(call, train):
    """Each command prints JSON for machines, with times in UTC and the whole annotation."""
    made = train("a")
    registered = json.loads(call("register", "--json"))
    assert (registered["changed"], registered["entry"]["version"]) == (True, "v1.0.0")
    assigned = json.loads(call("assign", "v1.0.0", "--why", "x", "--json"))["entry"]
    assert json.loads(call("show", "--json")) == [assigned]
    assert json.loads(call("history", "--json")) == [assigned, registered["entry"]]
    [version] = json.loads(call("list", "--json"))
    assert re.fullmatch(TIME, version["time"])
    assert version["note"]["verdict"]["challenger"] == made.id


def test_empty(call):
    """Before the first version each command says what makes one; JSON stays JSON."""
    for command in ("list", "show", "history"):
        assert re.match(r"None yet\. Next: .* registry register and assign", call(command))
        assert json.loads(call(command, "--json")) == []


def test_bump(call, train):
    """An option says which part of the version rises."""
    train("a")
    call("register")
    train("b")
    assert "model@v2.0.0" in call("register", "--bump", "major")


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_broken_gate(call, train, project, text):
    """A file that is no verdict lets nothing pass; the next command is named."""
    train("a")
    (project.root / "reports/gate.json").write_text(text)
    with pytest.raises(UsageError, match=r"has not judged a model.*Next: loop gate"):
        call("register")


def test_refusals(call, train, project):
    """The commands pass on what the registry refuses: main turns it into a sentence."""
    with pytest.raises(NoValidBundle, match="No model bundle"):
        call("register")
    train("a", decision="REJECT")
    with pytest.raises(UsageError, match="said REJECT"):
        call("register")
    (project.root / "reports/gate.json").unlink()
    with pytest.raises(UsageError, match="has not judged"):
        call("register")


def test_why_is_required(project, monkeypatch):
    """An assignment without a reason is a wrong call."""
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(commands.registry, ["assign", "v1.0.0"])
    assert "Missing option '--why'" in result.output
    assert result.exit_code == 2


def test_push_hint(call, train, project):
    """With a remote, the command that shows the tag to others is named; without one it is not."""
    train("a")
    project.git("remote", "add", "origin", "https://example.org/flights.git")
    assert "git push origin 'model@v1.0.0'" in call("register")
    assert "git push origin 'model#production#1'" in call("assign", "v1.0.0", "--why", "x")
    assert "push" not in call("register")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(call, command):
    """Every command explains itself with an example that can be pasted."""
    text = call(command, "--help")
    assert re.search(rf"^ +loop registry {command}", text, re.MULTILINE)
    assert "--json" in text


def test_commands(call):
    """The commands are these."""
    assert sorted(commands.registry.commands) == sorted(COMMANDS)
    assert "git tags" in call("--help")


def test_a_stale_lock_is_committed_beside_the_branch(call, train, project):
    """The version names a child of main that holds the lock which training wrote."""
    project.commit("Begin")
    train("a")
    project.git("reset", "--quiet", "--soft", "HEAD~1")
    project.git("restore", "--staged", ".")
    head = project.git("rev-parse", "HEAD")
    with pytest.raises(UsageError, match=r"No committed dvc\.lock"):
        call("register")
    call("register", "--commit")
    assert project.git("rev-parse", "model@v1.0.0^{commit}^") == head
    assert "bundle" in project.git("show", "model@v1.0.0:dvc.lock")
    call("register", "--commit")  # twice changes nothing
    assert project.git("log", "--oneline").count("Lock the model") == 1


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"decision": "REJECT"}, [], "said REJECT"),
        ({}, ["--expect", "v9.0.0"], "built as v9.0.0"),
    ],
)
def test_a_refused_model_leaves_no_commit(call, train, project, change, options, said):
    """The lock is committed for a model that becomes a version, and for no other."""
    project.commit("Begin")
    train("a", **change)
    project.git("reset", "--quiet", "--soft", "HEAD~1")
    project.git("restore", "--staged", ".")
    head = project.git("rev-parse", "HEAD")
    with pytest.raises(UsageError, match=said):
        call("register", "--commit", *options)
    assert project.git("rev-parse", "HEAD") == head
    assert project.git("tag") == ""


def test_a_workflow_acts_as_who_started_it(project, monkeypatch):
    """Without an identity in git, the ledger names the actor."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "EMAIL")):
            monkeypatch.delenv(name)
    for name, value in (("ACTIONS", "true"), ("ACTOR", "ada"), ("ACTOR_ID", "7")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    assert git.identity(project.root) == "ada"
