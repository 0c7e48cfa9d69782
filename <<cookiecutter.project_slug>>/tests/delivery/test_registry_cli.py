"""What people and machines read of the registry."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from <<cookiecutter.__package_name>>.delivery import registry, registry_cli
from <<cookiecutter.__package_name>>.errors import NoValidBundle, UsageError

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
VERBS = ["list", "show", "history", "register", "assign"]


@pytest.fixture
def call(project, monkeypatch):
    """`call("list", "--json")` runs the verb in the project and returns what it prints."""
    monkeypatch.chdir(project.root)

    def run(*args):
        result = CliRunner().invoke(registry_cli.registry, args, catch_exceptions=False)
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
    """Register, assign, show: a first model, told in sentences."""
    made = train("a")
    assert f"Registered bundle {made.id} as v1.0.0" in call("register")
    said = call("assign", "v1.0.0", "--why", "first model")
    assert said == "production holds v1.0.0 (assignment 1).\n"
    lines = call("show").splitlines()
    assert lines[0] == "production  v1.0.0  (assignment 1)"
    assert re.fullmatch(f"since       {TIME}", lines[1])
    assert lines[2:4] == ["who         Ada Tester", "why         first model"]


def test_twice(call, train):
    """What is there already is said to be there."""
    train("a")
    call("register")
    call("assign", "v1.0.0", "--why", "first")
    assert "Nothing to do: it is registered already" in call("register")
    assert call("assign", "v1.0.0", "--why", "again").startswith("Nothing to do: production")


def test_list(call, train):
    """The list is a table without colours, newest first, aligned under its head."""
    for mark in "ab":
        train(mark)
        call("register")
    call("assign", "v1.0.0", "--why", "x")
    head, *rows = call("list").splitlines()
    assert [row.split()[0] for row in rows] == ["v1.1.0", "v1.0.0"]
    assert [row[head.index("GATE") :].split() for row in rows] == [
        ["PROMOTE", "-"],
        ["PROMOTE", "production"],
    ]
    assert re.search(TIME, rows[0])
    assert "\x1b" not in head + rows[0]


def test_list_names_all_stages(call, train):
    """A version that holds two stages is listed with both."""
    train("a")
    call("register")
    for stage in ("production", "staging"):
        call("assign", "v1.0.0", "--stage", stage, "--why", "x")
    assert call("list").splitlines()[1].endswith("production, staging")


def test_history(call, train):
    """History is newest first and says who, why, and that a hold began."""
    train("a")
    call("register")
    call("assign", "v1.0.0", "--why", "first", "--who", "Bob", "--hold")
    _, newest, oldest = call("history").splitlines()
    assert "v1.0.0   assigned to production, hold  Bob: first" in newest
    assert re.search(r"v1\.0\.0   registered +bundle \w{12}, gate PROMOTE", oldest)


def test_hold_is_told(call, train):
    """A hold is explained where one looks what is in production."""
    train("a")
    call("register")
    said = call("assign", "v1.0.0", "--why", "x", "--hold")
    assert "held until a person lifts it" in said
    assert "--lift-hold" in call("show").splitlines()[-1]


def test_version_in_full(call, train):
    """`show VERSION` prints the verdict with which it was registered."""
    made = train("a")
    call("register")
    shown = json.loads(call("show", "v1.0.0"))
    assert shown["verdict"]["challenger"] == shown["bundle_id"] == made.id


def test_json(call, train):
    """Each verb speaks JSON to machines, with times in UTC."""
    train("a")
    registered = json.loads(call("register", "--json"))
    assert (registered["changed"], registered["version"]["version"]) == (True, "v1.0.0")
    assigned = json.loads(call("assign", "v1.0.0", "--why", "x", "--json"))
    assert assigned["assignment"] == json.loads(call("show", "--json"))["stages"]["production"]
    assert [item["event"] for item in json.loads(call("history", "--json"))] == [
        "assigned",
        "registered",
    ]
    assert re.fullmatch(TIME, json.loads(call("list", "--json"))[0]["time"])


def test_empty(call):
    """Before the first version each verb says so; JSON stays JSON."""
    for verb in ("list", "show", "history"):
        assert "No version is registered yet. Next:" in call(verb)
    assert json.loads(call("list", "--json")) == json.loads(call("history", "--json")) == []
    assert json.loads(call("show", "--json")) == {"latest": None, "stages": {}}


def test_registered_only(call, train):
    """A version that nobody assigned is followed by the command that does."""
    train("a")
    call("register")
    assert "registry assign v1.0.0 --why" in call("show")


def test_options(call, train, project):
    """The gate's file, the version, the bump and the person can be named."""
    train("a")
    (project.root / "reports/gate.json").rename(project.root / "other.json")
    call("register", "--gate", "other.json", "--version", "v3.0.0", "--who", "Bob")
    train("b")
    assert "as v3.0.1" in call("register", "--bump", "patch")


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_broken_gate(call, train, project, text):
    """A file that is no verdict is named, with the next command."""
    train("a")
    (project.root / "reports/gate.json").write_text(text)
    with pytest.raises(UsageError, match=r"gate\.json is not .*Next: python -m \w+ gate"):
        call("register")


def test_refusals(call, train, project):
    """The verbs pass on what the registry refuses: main turns it into a sentence."""
    with pytest.raises(NoValidBundle, match="No model bundle"):
        call("register")
    train("a", decision="REJECT")
    with pytest.raises(UsageError, match="decision is REJECT"):
        call("register")
    (project.root / "reports/gate.json").unlink()
    with pytest.raises(UsageError, match="has not judged"):
        call("register")


def test_why_is_required(project, monkeypatch):
    """An assignment without a reason is a wrong call."""
    monkeypatch.chdir(project.root)
    result = CliRunner().invoke(registry_cli.registry, ["assign", "v1.0.0"])
    assert "Missing option '--why'" in result.output
    assert result.exit_code == 2


def test_push_hint(call, train, project):
    """With a remote, the command that shows the tag to others is named; without one it is not."""
    train("a")
    project.git("remote", "add", "origin", "https://example.org/flights.git")
    assert "git push origin 'model@v1.0.0'" in call("register")
    assert "git push origin 'model#production#1'" in call("assign", "v1.0.0", "--why", "x")
    assert "push" not in call("register")


@pytest.mark.parametrize("verb", VERBS)
def test_help(call, verb):
    """Every verb explains itself with an example that can be pasted."""
    text = call(verb, "--help")
    package = registry.__name__.partition(".")[0]
    assert re.search(rf"^ +python -m {package} registry {verb}", text, re.MULTILINE)
    assert "--json" in text


def test_verbs(call):
    """The verbs are these five."""
    assert sorted(registry_cli.registry.commands) == sorted(VERBS)
    assert "git tags" in call("--help")
