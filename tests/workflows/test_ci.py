"""The workflow `ci`: a pull request is an experiment, and its report is what a reviewer reads."""

import json
import re

import pytest

from .rig import LOOP, Run
from .world import Event, World, boosted

DOCUMENTS = {"README.md": lambda text: text + "\nA line.\n"}
# Code of the loop that no stage reads: the model stays what it was.
CODE = {"loop/tools/upgrade.py": lambda text: text + "\n# The end.\n"}
GATED = {"changes": "success", "experiment": "success", "code": "skipped", "ci-ok": "success"}
REFUSED = GATED | {"experiment": "failure", "ci-ok": "failure"}
PUSHED = GATED | {"experiment": "skipped", "code": "success"}  # release trains what is on main
STORE = "./.github/actions/store"
LOOP_TESTS = "-C loop lint test"


def worse(params: str) -> str:
    """Return parameters of a model that hardly learns."""
    return boosted(learning_rate=0.001, max_iter=2, max_leaf_nodes=3)(params)


def comment(world: World, event: Event) -> str:
    """Return the one comment of ours on a pull request."""
    (found,) = world.github.comments(event.payload["number"])
    return found["body"]


def gated(world: World, event: Event, **env: str) -> Run:
    """Run the workflow; its own checks of code are stood in for, and run by other scenarios."""
    checks = "\n".join(("lint", "test", LOOP_TESTS))
    made = str(world.folder / "made")
    return world.run("ci", event, **({"RIG_STANDS_IN": checks, "RIG_MADE": made} | env))


def failed_steps(run: Run, job: str = "experiment") -> set[str]:
    """Return the commands that failed in a job, those of the loop by their names."""
    failed = (name for name, result in run.jobs[job].steps.items() if result == "failure")
    return {name.removeprefix(f"{LOOP} ") for name in failed}


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
    pull = here.pull_request("better", {"params.yaml": boosted(max_iter=120)})
    run = gated(here, pull)
    assert run.results == GATED | {"loop": "skipped"}
    log = run.jobs["experiment"].log
    assert "Running stage 'prepare'" not in log and "Running stage 'train'" in log  # from the store
    body = comment(here, pull)
    assert "PROMOTE" in body and "estimator" in body and "xychart" in body
    assert body.strip() in run.jobs["experiment"].summary
    assert "dvc.lock.patch" in body and (run.artifacts / "dvc-lock").exists()
    again = here.pull_request("better", {"params.yaml": boosted()})  # the laptop has trained it
    run = gated(here, again)
    assert run.ok and "Running stage" not in run.jobs["experiment"].log
    assert comment(here, pull) != body  # still one, and it says something new
    assert here.github.unused_grants("ci/ci-ok") == []


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
    assert run.results == REFUSED | {"loop": "skipped"}
    assert failed_steps(run) == {"gate"}  # the container was checked all the same
    assert "REJECT" in comment(here, pull) and words in comment(here, pull)


def leak(source: str) -> str:
    """Return features of which one is the answer."""
    clock = "(clock // 100 + clock % 100 / 60).round(4)"
    assert clock in source
    return source.replace(clock, "(raw['arr_delay'] > 15) * 1.0")


def test_a_leak_stops_training_and_the_report_says_where(world):
    """One column gives the target away."""
    here = world()
    pull = here.pull_request("leak", {"src/flight_delays/features.py": leak})
    run = gated(here, pull)
    assert run.results | REFUSED == run.results
    assert failed_steps(run) == {"repro"}
    assert "departure_hour" in comment(here, pull)


def test_new_data_are_compared_on_the_same_rows(world):
    """A month of data arrives."""
    here = world()
    (month, *_) = sorted((here.laptop / "data" / "later").glob("*.csv"))
    pull = here.pull_request("july", {f"data/raw/{month.name}": month.read_bytes()})
    run = gated(here, pull)
    assert run.results == GATED | {"loop": "skipped"}
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
    assert "job summary" in run.jobs["ci-ok"].log
    assert "Nothing changed" in run.jobs["experiment"].summary


def test_in_the_merge_queue_the_summary_tells(world):
    """Code is in the merge queue."""
    here = world()
    here.pull_request("queued", CODE)
    run = gated(here, here.merge_group("queued"))
    assert run.results | GATED == run.results
    assert "Nothing changed" in run.jobs["experiment"].summary
    assert "Running stage" not in run.jobs["experiment"].log  # not even the source is read again
    written = [call for call in here.github.calls if call.method != "GET"]
    assert not [call for call in written if "/comments" in call.path]


def test_a_push_to_main_is_tested_and_trains_nothing(world):
    """Code and a parameter are pushed to main: linted and tested, and trained by the release."""
    here = world()
    run = gated(here, here.push(CODE | {"params.yaml": boosted(max_iter=20)}))
    assert run.results == PUSHED | {"loop": "success"}
    assert "Running stage" not in run.log and not run.artifacts.joinpath("model").exists()
    made = (here.folder / "made").read_text().splitlines()
    assert sorted(made) == [f"make {LOOP_TESTS}", "make lint", "make test"]
    unused = here.github.unused_grants("ci/code")
    assert unused == ["packages: read"]  # test_data_secrets.py has rows that are in the store


@pytest.mark.parametrize("fails", ["lint", "test"])
def test_main_that_is_wrong_fails_the_required_check(world, fails):
    """Code is pushed to main, and its style or a test is wrong: the other is looked at, too."""
    here = world()
    run = gated(here, here.push(CODE), RIG_FAILS=fails)
    assert run.results == PUSHED | {"code": "failure", "ci-ok": "failure", "loop": "success"}
    assert failed_steps(run, "code") == {f"make {fails}"}
    assert {"make lint", "make test"} <= set((here.folder / "made").read_text().splitlines())


def few_rows(gate: str) -> str:
    """Return rules that want more rows than there are: HOLD."""
    assert "min_rows: 500 " in gate
    return gate.replace("min_rows: 500 ", "min_rows: 500000 ")


def test_a_person_lets_a_hold_pass(world):
    """A person lets HOLD pass by the label: in a second run, in the merge queue, in the release."""
    here = world()
    pull = here.pull_request("few", {"params.yaml": boosted(), "gate.yaml": few_rows})
    run = gated(here, pull)
    assert run.results | REFUSED == run.results and failed_steps(run) == {"gate"}
    assert "HOLD" in comment(here, pull) and "run the failed jobs again" in comment(here, pull)
    here.label("few", "gate-override")
    runs = [gated(here, event).jobs["experiment"] for event in (pull, here.merge_group("few"))]
    runs.append(here.run("release", here.merge("few"), "gate").jobs["gate"])
    for job in runs:
        assert job.result == "success"
        assert "HOLD overridden" in job.log and "(label gate-override of #1)" in job.log
    assert here.github.unused_grants("ci/experiment") in ([], ["packages: read"])


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_the_first_push_is_green_with_no_secret(world, private):
    """The first push meets an empty store, no champion and no lock."""
    here = world("begun", private=private)
    event = here.push()
    run = gated(here, event)
    assert run.results | PUSHED == run.results
    run = here.run("release", event, "gate")
    assert run.results["gate"] == "success"
    assert "a cold start" in run.jobs["train"].log
    assert "may be the first model" in run.jobs["gate"].log


def test_training_waits_for_the_runner_that_a_variable_names(world):
    """Training is sent to a runner that nobody has."""
    here = world()
    here.variables["RUNNER"] = "own-runner"
    run = gated(here, here.pull_request("better", {"params.yaml": boosted()}))
    assert run.results == REFUSED | {"experiment": "skipped", "loop": "skipped"}
    assert "own-runner" in run.log


def test_all_jobs_of_a_pull_request(world):
    """Code changes, and the model does not."""
    here = world()
    # `make loop` checks all of the loop; here it is the command that is proven, on a few files.
    typed = {
        "loop/pyproject.toml": lambda text: text.replace('["src"]', '["src/mlops_loop/text.py"]')
    }
    pull = here.pull_request("change", CODE | typed)
    few = "--ignore-glob=/*/loop/tests/*/* --ignore-glob=/*/loop/tests/test_[a-su-z]*"
    run = here.run("ci", pull, PYTEST_ADDOPTS=few)
    assert run.results == dict.fromkeys(run.jobs, "success") | {"code": "skipped"}
    for job in set(run.jobs) - {"code"}:
        assert here.github.unused_grants(f"ci/{job}") in ([], ["packages: read"]), job


def test_code_that_is_wrong_fails_its_own_step_and_the_required_check(world):
    """Style is broken, and so are a test and the container."""
    here = world()
    edits = {
        "loop/tools/upgrade.py": lambda text: text + "import os, sys\n",
        "tests/test_own.py": "def test_it():\n    assert False\n",
        "Dockerfile": lambda text: text.replace('"serve"]', '"serve", "--nonsense"]'),
    }
    pull = here.pull_request("wrong", edits)
    only = {"RIG_STANDS_IN": LOOP_TESTS, "PYTEST_ADDOPTS": "tests/test_own.py"}
    run = gated(here, pull, **only)
    assert run.results == REFUSED | {"loop": "success"}
    assert failed_steps(run) == {"make lint", "make test", "verify-image flight-delays"}
    body = comment(here, pull)
    assert "SmokeFailed" in body and "`lint` `test` `verify-image`" in body


@pytest.mark.parametrize("fails", ["test", LOOP_TESTS], ids=["one's own", "the loop's"])
def test_a_model_is_reported_though_a_test_fails(world, fails):
    """A better model is proposed, and a test fails: one's own, or one of the loop."""
    here = world()
    edits = {"params.yaml": boosted()} | (CODE if fails == LOOP_TESTS else {})
    pull = here.pull_request("better", edits)
    run = gated(here, pull, RIG_FAILS=fails)
    failed = "loop" if fails == LOOP_TESTS else "experiment"
    assert run.results[failed] == run.results["ci-ok"] == "failure"
    assert failed_steps(run, failed) == {f"make {fails}"} and "PROMOTE" in comment(here, pull)


@pytest.mark.parametrize(
    ("edits", "result"),
    [({"params.yaml": boosted(max_iter=20)}, "skipped"), (CODE, "success")],
    ids=["parameter", "code"],
)
def test_the_tests_of_the_loop_run_where_it_changed(world, edits, result):
    """A parameter changes; then code of the loop."""
    here = world()
    run = gated(here, here.pull_request("change", edits))
    assert run.results == GATED | {"loop": result}
    made = (here.folder / "made").read_text().splitlines()
    assert (f"make {LOOP_TESTS}" in made) == (result == "success")


def test_parameters_that_are_no_yaml_are_reported(world):
    """A parameter file is broken."""
    here = world()
    pull = here.pull_request("typo", {"params.yaml": lambda text: text + "seed: {\n"})
    run = gated(here, pull)
    assert run.results | REFUSED == run.results
    assert "params.yaml is not YAML" in comment(here, pull)


def test_a_store_that_is_down_stops_training_with_what_to_do(world):
    """The registry is down."""
    here = world()
    here.variables["STORE_URL"] = "http://127.0.0.1:9/octo-org/flight-delays/store"
    pull = here.pull_request("change", CODE)
    run = gated(here, pull)
    assert run.results | REFUSED == run.results and STORE in failed_steps(run)
    log = run.jobs["experiment"].log
    assert "StoreUnreachable" in log and "Next:" in log and "Running stage" not in log
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


def test_a_refusal_of_github_fails_the_check(world):
    """GitHub refuses the comment."""
    here = world()
    pull = here.pull_request("change", CODE)
    here.github.fail("POST", r".*/comments", 403, times=9)
    run = gated(here, pull)
    assert (run.results["experiment"], run.results["ci-ok"]) == ("success", "failure")
    assert "GitHubRefused" in run.jobs["ci-ok"].log


HOSTILE = "x$(touch${IFS}pwned)`touch${IFS}pwned`;{{x}}"


def test_names_and_values_are_never_executed_nor_rendered(world):
    """A branch, a message and data are hostile."""
    here = world()
    evil = "</details><script>alert(1)</script>|![x](http://127.0.0.1:9/x)@octocat `"
    edits = {"params.yaml": lambda text: text.replace("unit: min", f"unit: {json.dumps(evil)}")}
    pull = here.pull_request(HOSTILE, edits, message=f"{HOSTILE}\n\n::error::x\n{evil}")
    gated(here, pull)
    body = comment(here, pull)
    assert "<script" not in body and not re.search(r"(?<![\w`;])@octocat", body)
    assert "![x]" not in body
    assert not list(here.folder.rglob("pwned*"))
