"""The workflow `ci`: a pull request is an experiment, and its report is what a reviewer reads."""

import json
import re

import pytest

from .rig import Run
from .world import Event, World, boosted

DOCUMENTS = {"README.md": lambda text: text + "\nA line.\n"}
# Code that no stage reads: the model stays what it was.
CODE = {"tools/upgrade.py": lambda text: text + "\n# The end.\n"}
GATED = {"changes": "success", "train": "success", "gate": "success", "report": "success"}


def worse(params: str) -> str:
    """Return parameters of a model that hardly learns."""
    return boosted(learning_rate=0.001, max_iter=2)(params)


def comment(world: World, event: Event) -> str:
    """Return the one comment of ours on a pull request."""
    (found,) = world.github.comments(event.payload["number"])
    return found["body"]


def gated(world: World, event: Event, **env: str) -> Run:
    """Run all that leads to the report."""
    return world.run("ci", event, "report", **env)


def test_a_change_of_documents_trains_nothing(world):
    """Only documents changed."""
    here = world()
    run = here.run("ci", here.pull_request("words", DOCUMENTS))
    ran = {"changes": "success", "ci-ok": "success"}
    assert run.results == dict.fromkeys(run.jobs, "skipped") | ran
    assert "Only documents changed" in run.jobs["changes"].summary


def test_a_better_model_is_reported_and_passes(world):
    """A better model is proposed, and then improved by a second push."""
    here = world()
    pull = here.pull_request("better", {"params.yaml": boosted()})
    run = gated(here, pull)
    assert run.results | GATED == run.results
    ran = run.jobs["train"].log
    assert "Running stage 'prepare'" not in ran and "Running stage 'train'" in ran  # from the store
    told = comment(here, pull)
    assert "PROMOTE" in told and "estimator" in told and "xychart" in told
    assert told.strip() in run.jobs["report"].summary
    assert "dvc.lock.patch" in told and (run.artifacts / "dvc-lock").exists()
    again = here.pull_request("better", {"params.yaml": boosted(max_iter=120)})
    assert gated(here, again).ok
    assert comment(here, pull) != told  # still one, and it says something new
    assert here.github.unused_grants("ci/report") == []


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"params.yaml": worse}, "comparison"),
        (
            {
                "params.yaml": boosted(),
                "gate.yaml": lambda text: text.replace("limit: 0.55", "limit: 0.9"),
            },
            "slice",
        ),
    ],
    ids=["worse", "fails in a slice"],
)
def test_a_bad_model_is_refused_and_the_report_says_why(world, edits, words):
    """A model is worse than the champion, or too weak for a slice."""
    here = world()
    pull = here.pull_request("bad", edits)
    run = gated(here, pull)
    assert run.results | GATED | {"gate": "failure"} == run.results
    assert "REJECT" in comment(here, pull) and words in comment(here, pull)


def leak(source: str) -> str:
    """Return features of which one is the answer."""
    clock = "(clock // 100 + clock % 100 / 60).round(4)"
    assert clock in source
    return source.replace(clock, "(raw['arr_delay'] > 15) * 1.0")


def test_a_leak_stops_training_and_the_report_says_where(world):
    """One column tells the target."""
    here = world()
    pull = here.pull_request("leak", {"src/flight_delays/features.py": leak})
    run = gated(here, pull)
    assert (run.results["train"], run.results["gate"]) == ("failure", "skipped")
    assert run.results["report"] == "success"
    assert "departure_hour" in comment(here, pull)


def test_new_data_are_compared_on_the_same_rows(world):
    """A month of data arrives."""
    here = world()
    (month, *_) = sorted((here.laptop / "data" / "later").glob("*.csv"))
    pull = here.pull_request("july", {f"data/raw/{month.name}": month.read_bytes()})
    run = gated(here, pull)
    assert run.results["train"] == run.results["report"] == "success"
    assert "rows" in comment(here, pull)


@pytest.mark.parametrize("who", ["fork", "dependabot"])
def test_an_event_that_may_only_read_is_reported_in_the_summary(world, who):
    """A fork or Dependabot opens a pull request."""
    here = world()
    more = {"fork": "ada/flight-delays"} if who == "fork" else {"login": "dependabot[bot]"}
    pull = here.pull_request("change", CODE, **more)
    run = gated(here, pull)
    assert run.results | GATED == run.results
    assert here.github.comments(pull.payload["number"]) == []
    assert "job summary" in run.jobs["report"].log
    assert "does not change" in run.jobs["report"].summary


@pytest.mark.parametrize("event", ["merge_group", "push"])
def test_without_a_pull_request_the_summary_tells(world, event):
    """Code is in the merge queue, or pushed to main."""
    here = world()
    if event == "push":
        happened = here.push(CODE)
    else:
        here.commit("queued", CODE)
        happened = here.merge_group("queued")
    run = gated(here, happened)
    assert run.results | GATED == run.results
    assert "does not change" in run.jobs["report"].summary
    assert "Running stage" not in run.jobs["train"].log  # not even the source is read again
    assert not [call for call in here.github.calls if "/comments" in call.path]


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_the_first_push_is_green_with_no_secret(world, private):
    """The first push meets an empty store, no champion and no lock."""
    here = world("begun", private=private)
    run = gated(here, here.push())
    assert run.results | GATED == run.results
    assert "a cold start" in run.jobs["train"].log
    assert "may be the first model" in run.jobs["gate"].log


def test_all_jobs_of_a_pull_request(world):
    """Code changes, and the model does not."""
    here = world()
    pull = here.pull_request("change", CODE)
    run = here.run("ci", pull)
    assert run.results == dict.fromkeys(run.jobs, "success")
    for job in run.jobs:
        assert here.github.unused_grants(f"ci/{job}") in ([], ["packages: read"]), job


def test_code_that_is_wrong_fails_its_own_job_and_the_required_check(world):
    """Style is broken, and so is a test."""
    here = world()
    edits = {
        "tools/upgrade.py": lambda text: text + "import os, sys\n",
        "tests/test_errors.py": "def test_it():\n    assert False\n",
        "Makefile": lambda text: text.replace("pytest -n 2", "pytest -q tests/test_errors.py"),
        "Dockerfile": lambda text: text.replace('"serve"]', '"serve", "--nonsense"]'),
    }
    run = here.run("ci", here.pull_request("wrong", edits))
    failed = {name for name, result in run.results.items() if result == "failure"}
    assert failed == {"lint", "test", "image", "ci-ok"}


def test_parameters_that_are_no_yaml_are_told(world):
    """A parameter file is broken."""
    here = world()
    pull = here.pull_request("typo", {"params.yaml": lambda text: text + "seed: {\n"})
    run = gated(here, pull)
    assert (run.results["train"], run.results["report"]) == ("failure", "success")
    assert "params.yaml is not YAML" in comment(here, pull)


def test_a_store_that_is_down_stops_training_with_what_to_do(world):
    """The registry is down."""
    here = world()
    here.variables["STORE_URL"] = "http://127.0.0.1:9/octo-org/flight-delays/store"
    pull = here.pull_request("change", CODE)
    run = gated(here, pull)
    assert (run.results["train"], run.results["gate"]) == ("failure", "skipped")
    assert "StoreUnreachable" in run.jobs["train"].log and "Next:" in run.jobs["train"].log
    assert "StoreUnreachable" in comment(here, pull)


def test_a_github_that_fails_for_a_moment_is_asked_again(world):
    """GitHub answers wrongly for a moment, while the comment is written."""
    here = world()
    pull = here.pull_request("change", CODE)
    here.github.fail("GET", r".*/comments", "lost")
    here.github.fail("GET", r".*/comments", 502)
    here.github.fail("GET", r".*/comments", "rate limit")
    assert gated(here, pull).ok
    assert comment(here, pull)


def test_a_refusal_of_github_is_told(world):
    """GitHub refuses the comment."""
    here = world()
    pull = here.pull_request("change", CODE)
    here.github.fail("POST", r".*/comments", 403, times=9)
    run = gated(here, pull)
    assert run.results["report"] == "failure"
    assert "GitHubRefused" in run.jobs["report"].log


HOSTILE = "x$(touch${IFS}pwned)`touch${IFS}pwned`;{{x}}"


def test_names_and_values_are_never_executed_nor_rendered(world):
    """A branch, a message and data are hostile."""
    here = world()
    evil = "</details><script>alert(1)</script>|![x](http://127.0.0.1:9/x)@octocat `"
    edits = {"params.yaml": lambda text: text.replace("unit: min", f"unit: {json.dumps(evil)}")}
    pull = here.pull_request(HOSTILE, edits, message=f"{HOSTILE}\n\n::error::x\n{evil}")
    run = gated(here, pull)
    assert run.results["report"] == "success"
    told = comment(here, pull)
    assert "<script" not in told and not re.search(r"(?<![\w`;])@octocat", told)
    assert "![x]" not in told
    assert not list(here.folder.rglob("pwned*"))
