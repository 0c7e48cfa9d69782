"""`loop publish`: what it says, and that a tracker fails no workflow."""

from __future__ import annotations

import json
import socket
import sys

import pytest

from mlops_loop import cli
from mlops_loop.commands import publish as command
from mlops_loop.registry import ledger
from mlops_loop.trackers import deadline
from mlops_loop.trackers.mlflow_champion import Assigned, Mirrored
from mlops_loop.trackers.mlflow_run import Published

URI = "MLFLOW_TRACKING_URI"


@pytest.fixture
def call(project, monkeypatch, capsys):
    """`call("--champion")` in a project gives exit code, stdout and stderr."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("MLOPS_LOOP_PACKAGE", "flight_delays")
    monkeypatch.setenv(URI, "http://127.0.0.1:1")
    monkeypatch.delenv("TENSORBOARD_FOLDER", raising=False)
    monkeypatch.setattr(command, "find_spec", lambda _: True)
    monkeypatch.setattr(command.facts, "read", lambda commit="": f"facts of {commit or 'HEAD'}")

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["loop", "publish", *args])
        code = 0
        try:
            cli.main()
        except SystemExit as leaving:
            code = leaving.code or 0
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def tracker(monkeypatch):
    """Answers with `tracker.answer`, or raises it; `tracker.asked` has the arguments."""

    class Tracker:
        answer = Published("http://127.0.0.1:1/#/run", True)
        asked: tuple = ()

        def call(self, function, *args, seconds):
            self.asked = (function.__name__, *args, seconds)
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    made = Tracker()
    monkeypatch.setattr(command.deadline, "call", made.call)
    return made


@pytest.fixture
def event(tmp_path, monkeypatch):
    """`event({...})` is what started the workflow."""

    def start(content):
        (tmp_path / "event.json").write_text(json.dumps(content))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        monkeypatch.setenv("GITHUB_ACTIONS", "true")

    return start


def pull(head="octo/flights", login="ada"):
    return {
        "repository": {"full_name": "octo/flights"},
        "sender": {"login": login},
        "pull_request": {"head": {"sha": "f" * 40, "repo": {"full_name": head}}},
    }


def test_it_says_where_the_run_is(call, tracker):
    code, out, _ = call()
    assert (code, out) == (0, "Published: http://127.0.0.1:1/#/run\n")
    assert tracker.asked[0] == "publish"
    assert tracker.asked[2:] == ("facts of HEAD", 30)
    tracker.answer = Published("u", False)
    assert call("--timeout-s", "5")[1] == "Nothing to do, it is there: u\n"
    assert tracker.asked[-1] == 5


PROBLEMS = [
    (deadline.Late(), "it did not take everything within 30 s. The model is not affected. Next: "),
    (deadline.Refused("it refuses the login (401). Next: x"), "refuses the login (401). Next: x."),
    (deadline.Broken(), "the process that asked it was killed. The model is not affected."),
]


@pytest.mark.parametrize(("problem", "words"), PROBLEMS)
def test_a_tracker_that_fails(call, tracker, event, problem, words):
    """By hand an exit code of its own; in a workflow a warning."""
    tracker.answer = problem
    code, out, err = call()
    assert (code, out) == (14, "")
    assert err.startswith("TrackerUnavailable: MLflow at 127.0.0.1:1: ")
    assert words in err
    event({})
    code, out, err = call()
    assert (code, err) == (0, "")
    assert out.startswith("::warning title=Not published::TrackerUnavailable: MLflow at 127.0.0.1")
    assert out.count("\n") == 1


def test_a_bug_fails_no_workflow(call, tracker, event):
    """It is shown, and a failure by hand alone."""
    tracker.answer = KeyError("odd")
    assert call()[0] == 70
    event({})
    code, out, err = call()
    assert (code, out) == (0, "::warning title=Not published::KeyError: 'odd'\n")
    assert "Traceback" in err


def test_no_tracker_is_named(call, monkeypatch):
    monkeypatch.setenv(URI, "")
    code, _, err = call()
    assert code == 64
    assert "Next: set MLFLOW_TRACKING_URI, or loop publish --tensorboard DIR" in err


@pytest.mark.parametrize("extra", ["mlflow", "tensorboard"])
def test_an_extra_that_is_not_installed(call, monkeypatch, extra):
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    code, _, err = call(*(["--tensorboard", "runs"] if extra == "tensorboard" else []))
    assert code == 64
    assert f"Next: uv add --group pipeline 'mlops-loop[{extra}]'" in err


@pytest.mark.parametrize("started_by", [pull("ada/flights"), pull(login="dependabot[bot]")])
def test_an_event_without_secrets_publishes_nothing(call, tracker, event, started_by):
    event(started_by)
    code, out, _ = call()
    assert (code, out) == (0, "Not published: runs of forks and of Dependabot get no login.\n")
    assert tracker.asked == ()


def test_a_pull_request_names_its_own_commit(call, tracker, event):
    """Not that of the merge which the workflow checks out."""
    event(pull())
    assert call()[0] == 0
    assert tracker.asked[2] == f"facts of {'f' * 40}"


def test_the_champion_is_that_of_the_ledger(call, tracker, project):
    """Before a first version there is none; a rollback goes back."""
    tracker.answer = Mirrored("m", "", False)
    project.ship("first")
    assert call("--champion")[1] == "Nothing to do, champion: nothing is in production, m\n"
    assert tracker.asked[2] is None
    for mark in "ab":
        ledger.register(project.root, *project.ship(mark))
    first, second = ledger.local(project.root).versions
    for version, number in ((first, "1"), (second, "2"), (first, "1")):
        ledger.assign(project.root, version.version, why="a test")
        tracker.answer = Mirrored("m", number, True)
        assert call("--champion")[1] == f"Champion: {version.version} is {number}, m\n"
        assert tracker.asked[2] == Assigned(version.version, version.bundle_id, version.commit)
        assert tracker.asked[3] == f"facts of {version.commit}"


def test_a_server_that_is_down(call, monkeypatch, tracker_extras):
    """With the real client: one sentence; how long a busy machine takes is no matter."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv(URI, f"http://127.0.0.1:{free.getsockname()[1]}")
    code, _, err = call("--timeout-s", "300")
    assert code == 14
    assert "no connection to it. The model is not affected. Next: loop publish, later" in err
