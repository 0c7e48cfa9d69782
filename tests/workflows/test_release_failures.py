"""The workflow `release` where something fails: what served serves on, nothing is lost."""

import json
import os
import re
import urllib.request

import pytest
from conftest import check, run

from . import scenes
from .rig import HERE
from .test_ci import CODE
from .test_release import DEPLOYED, ledger, pointer
from .world import World, boosted

SERVING, SCORES = "loop/src/mlops_loop/inference/model.py", "predictor.scores(coded)"
SMOKED = {"stage": "failure", "approve": "skipped", "production": "skipped"}
# git, whose runner is gone in the moment in which it would push an assignment.
DIES = """#!/bin/sh
case "$*" in *push*model#production*) kill -9 $PPID; exit 1 ;; esac
exec {git} "$@"
"""


def wrong(when: str = "True"):
    """Return an edit of the endpoint's code: answers are off by a hundredth where `when` holds."""

    def edit(text: str) -> str:
        assert SCORES in text
        return text.replace(SCORES, f"{SCORES} - 0.01 * ({when})")

    return {SERVING: edit}


def state(world: World) -> tuple:
    """Return what origin has, and what the pointer names."""
    return check("git", "for-each-ref", "refs/tags", cwd=world.origin), pointer(world)


def test_a_container_that_answers_wrongly_is_not_released(world):
    """Code is merged with which the container answers wrongly."""
    here = world("released")
    before = state(here)
    here.pull_request("wrong", wrong())
    run = here.run("release", here.merge("wrong"))
    assert run.results == dict.fromkeys(DEPLOYED, "success") | SMOKED
    assert "answers golden row" in run.jobs["stage"].log
    assert state(here) == before


@pytest.mark.parametrize(
    ("label", "said"), [("0123456789ab", "the label .*=0123456789ab"), ("", "no label ")]
)
def test_an_image_of_another_model_is_not_released(world, label, said):
    """A Dockerfile is merged whose label names another model, or none."""
    here = world()
    before = state(here)
    named = {
        "Dockerfile": lambda text: text.replace('bundle-id="${BUNDLE_ID}"', f'bundle-id="{label}"')
    }
    here.pull_request("label", named)
    run = here.run("release", here.merge("label"))
    assert run.results == dict.fromkeys(DEPLOYED, "success") | SMOKED
    assert re.search(rf"{said}.*, and models/bundle is bundle \w{{12}}", run.jobs["stage"].log)
    assert state(here) == before


def test_the_image_of_another_version_is_not_deployed(world):
    """A person names the image of v1.0.0 for v1.1.0, and then the right one."""
    here = world("released")
    before, new = state(here), pointer(here)
    old = next(note["image_digest"] for note in ledger(here) if note["why"] == "image")
    command = f"uv run --frozen loop deploy v1.1.0 --digest {old}"
    done = run("bash", "-c", command, cwd=here.laptop, env=scenes.places(here.registry.url))
    assert done.returncode == 64 and "Traceback" not in done.stderr
    assert re.search(r"has the label mlops-loop.bundle-id=\w{12}, and v1.1.0 is", done.stderr)
    assert state(here) == before
    scenes.steps(
        here.laptop, here.registry.url, f"uv run --frozen loop deploy v1.1.0 --digest {new}"
    )
    assert state(here) == before


def test_what_answers_wrongly_in_production_is_put_back(world, host):
    """Code is merged with which the container answers wrongly on its host alone."""
    here = world("released")
    url, old = host(here), pointer(here)
    here.pull_request("wrong", wrong('"NOTE_FILE" in __import__("os").environ'))
    run = here.run("release", here.merge("wrong"))
    assert run.results == dict.fromkeys(DEPLOYED, "success") | {"production": "failure"}
    log = run.jobs["production"].log
    assert "answers golden row" in log
    assert f"version is restored: v1.1.0 is in production as {old}. smoke: {url} runs v1.1.0" in log
    with urllib.request.urlopen(f"{url}/version") as answer:  # noqa: S310  # loopback
        assert json.load(answer)["image_digest"] == old == pointer(here)
    assert [note["image_digest"] for note in ledger(here)[-2:]] == [
        ledger(here)[-2]["image_digest"],
        old,
    ]
    assert "automatic rollback: " in ledger(here)[-1]["why"]


def test_a_runner_that_dies_is_repaired_by_the_next(world):
    """The runner is gone before the assignment is pushed, and the job is run again."""
    here = world()
    here.pull_request("code", CODE)
    event = here.merge("code")
    before = state(here)
    (here.folder / "bin").mkdir()
    git = here.folder / "bin" / "git"
    git.write_text(DIES.format(git=check("which", "git", cwd=here.folder).strip()))
    git.chmod(0o755)
    run = here.run("release", event, PATH=f"{git.parent}:{HERE / 'bin'}:{os.environ['PATH']}")
    assert run.results == dict.fromkeys(DEPLOYED, "success") | {"production": "failure"}
    assert state(here) == before
    assert here.run("release", event).results == dict.fromkeys(DEPLOYED, "success")
    assert ledger(here)[-1]["image_digest"] == pointer(here) is not None


def test_a_workflow_changes_while_a_release_runs(world):
    """A better model is merged, and a workflow changes on main before its release ends."""
    here = world()
    here.pull_request("better", {"params.yaml": boosted()})
    event = here.merge("better")
    here.push({".github/workflows/ci.yml": lambda text: f"{text}# The end.\n"})
    assert here.run("release", event).results == dict.fromkeys(DEPLOYED, "success")
    now = ledger(here)[-1]
    assert (now["version"], now["image_digest"]) == ("v1.1.0", pointer(here))


def test_the_newer_merge_wins(world):
    """Two merges, and the run of the first one comes last."""
    here = world()
    events = []
    for name in ("one", "two"):
        here.pull_request(name, {f"tools/{name}.py": f"# {name}\n"})
        events.append(here.merge(name))
    assert here.run("release", events[1]).ok
    before = state(here)
    run = here.run("release", events[0])
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert "Not deployed, production is newer: v1.0.0" in run.jobs["production"].log
    assert state(here) == before


def test_an_image_of_another_workflow_is_not_registered(world):
    """Another workflow of the repository signs the image; then the release's own does."""
    here = world()
    here.pull_request("better", {"params.yaml": boosted()})
    event, before = here.merge("better"), state(here)
    other = "octo-org/flight-delays/.github/workflows/other.yml@refs/heads/main"
    here.claims = {"job_workflow_ref": other}
    run = here.run("release", event)
    assert run.results == dict.fromkeys(DEPLOYED, "success") | {"production": "failure"}
    log = run.jobs["production"].log
    assert f"Found: signed by {here.github.url}/{other} at commit {event.sha}" in log
    assert state(here) == before
    here.claims = {}
    run = here.run("release", event)
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert "So it is built again" in run.jobs["build"].log
    assert ledger(here)[-1]["attested"] is True


def test_an_unsigned_image_is_not_registered(world):
    """GitHub has lost the attestation of the image."""
    here = world()
    here.pull_request("code", CODE)
    event, before = here.merge("code"), state(here)
    here.github.fail("GET", r".*/attestations/.*", 404, times=9)
    run = here.run("release", event)
    assert run.results == dict.fromkeys(DEPLOYED, "success") | {"production": "failure"}
    assert "NotAttested" in run.jobs["production"].log
    assert "Found: no attestation that holds" in run.jobs["production"].log
    assert state(here) == before


def test_the_first_push_of_a_private_repository_is_a_release(world):
    """A private repository of the free plan is pushed for the first time."""
    here = world("begun", private=True)
    run = here.run("release", here.push())
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert "may be the first model" in run.jobs["gate"].log
    (now,) = ledger(here)
    assert now["image_digest"] == pointer(here) is not None
    assert not now["attested"] and here.github.rows("attestations") == []
    told = "This repository is private, and images are signed in public ones only"
    assert told in run.jobs["production"].log
