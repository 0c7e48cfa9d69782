"""The workflow `rollback`: an older image is checked, deployed, held, and reported in an issue."""

import json
import re
import shutil

import pytest
from conftest import check

from . import scenes
from .test_release import ledger, pointer
from .world import World

JOBS = ("resolve", "approve", "rollback", "incident")
SKIPPED = {"approve": "skipped", "rollback": "skipped"}
HOSTILE = "`id` $(touch pwned) \"'; exit 1\n\n::error::x\n# <img src=x> | a | @octocat #1 [x](http://127.0.0.1:9)"


def incident(world: World) -> dict:
    """Return the one issue."""
    (found,) = world.github.rows("issues")
    assert [label["name"] for label in found["labels"]] == ["incident"]
    return found


def roll_back(world: World, reason: str = "late answers", **inputs: str):
    """Dispatch the workflow and run it."""
    inputs = {"to": "previous", "hold": "true", "reason": reason} | inputs
    return world.run("rollback", world.dispatch("rollback", **inputs))


def test_the_previous_image_is_put_back_and_a_release_is_refused(world):
    """Production is rolled back; a release follows while it is held, and after that is lifted."""
    here = world("released")
    new = pointer(here)
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success")
    now = ledger(here)[-1]
    old = next(note["image_digest"] for note in ledger(here) if note["why"] == "image")
    assert f"{old} was deployed without a signature" in run.jobs["resolve"].log
    assert now["image_digest"] == pointer(here) == old != new
    assert now["hold"] and (now["who"], now["why"]) == ("ada", "late answers")
    body = incident(here)["body"]
    assert all(word in body for word in ("ada", "v1.1.0", "v1.0.0", old, "--lift-hold"))
    unused = {job: here.github.unused_grants(f"rollback/{job}") for job in JOBS}
    # By the ledger the image was never signed, so nobody asks for its signature.
    assert {job: rights for job, rights in unused.items() if rights} in (
        {}, {"resolve": ["attestations: read"]},
    )  # fmt: skip
    release = here.run("release", here.dispatch("release"))
    assert release.results["stage"] == "success" and release.results["production"] == "failure"
    assert "v1.0.0 is held in production by ada: 'late answers'" in release.jobs["production"].log
    assert pointer(here) == old
    (lift,) = re.findall(r"`(?:uv run )?(loop registry assign .*--lift-hold .*)`", body)
    scenes.steps(
        here.laptop, here.registry.url, "git fetch --quiet --tags", f"uv run --frozen {lift}"
    )
    assert here.run("release", here.dispatch("release")).ok
    now = ledger(here)[-1]
    assert now["image_digest"] == pointer(here) != old and now["previous"] == "v1.0.0"


def test_the_endpoint_is_asked(world, host):
    """Production goes back, and the repository knows its endpoint."""
    here = world("released")
    url = host(here)
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success")
    assert f"smoke: {url} runs v1.0.0" in run.jobs["rollback"].log


def test_a_named_version_without_hold(world):
    """Production goes back to a version by its name, and later ones may follow."""
    here = world("released")
    assert roll_back(here, to="v1.0.0", hold="false").ok
    assert (ledger(here)[-1]["image_digest"], ledger(here)[-1]["hold"]) == (pointer(here), False)
    assert "--lift-hold" not in incident(here)["body"]


def test_a_version_from_before_a_change_of_a_workflow(world):
    """A workflow changed on main since the earlier version."""
    here = world("released")
    here.push({".github/workflows/ci.yml": lambda text: f"{text}# The end.\n"})
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success")
    now = ledger(here)[-1]
    assert (now["version"], now["image_digest"]) == ("v1.0.0", pointer(here))


def test_hostile_inputs_are_text(world):
    """The reason holds commands, workflow commands, Markdown, HTML and mentions."""
    here = world("released")
    run = roll_back(here, HOSTILE)
    assert run.ok and ledger(here)[-1]["why"] == HOSTILE
    body = incident(here)["body"]
    assert "<img" not in body and "@octocat" not in body and "](http" not in body
    assert "\n::error::" not in "".join(job.log for job in run.jobs.values())
    assert not list(here.folder.rglob("pwned"))


@pytest.mark.parametrize("to", ["$(touch pwned)", "--help", "v9.9.9", "@octocat <b>"])
def test_a_version_that_is_none_changes_nothing(world, to):
    """The version is unknown, an option, or a command."""
    here = world("released")
    before = check("git", "for-each-ref", cwd=here.origin), pointer(here)
    run = roll_back(here, to=to)
    assert run.results == {"resolve": "failure", "incident": "success"} | SKIPPED
    assert "No version" in run.jobs["resolve"].log
    assert (check("git", "for-each-ref", cwd=here.origin), pointer(here)) == before
    issue = incident(here)
    assert "was not rolled back (skipped)" in issue["body"] and "did not succeed" in issue["title"]
    assert "@octocat" not in issue["body"] + issue["title"]
    assert not list(here.folder.rglob("pwned"))


def test_nothing_before(world):
    """Only one version was ever in production."""
    here = world()
    run = roll_back(here)
    assert run.results == {"resolve": "failure", "incident": "success"} | SKIPPED
    assert "Nothing was in production before" in run.jobs["resolve"].log
    assert "By the ledger, v1.0.0 is in production" in incident(here)["body"]


def test_a_signed_image_must_be_signed(world):
    """The ledger says that the image was signed: GitHub has no attestation, then it has one."""
    here = world("released")
    old, new, commit = ledger(here)[-2]["image_digest"], ledger(here)[-1], "c" * 40
    signed = {"attested": True, "commit": commit, "image_digest": old}
    scenes.assign(here, "v1.0.0", **signed)
    scenes.assign(here, "v1.1.0", image_digest=new["image_digest"])
    before = check("git", "for-each-ref", cwd=here.origin), pointer(here)
    run = roll_back(here)
    assert run.jobs["resolve"].result == "failure" and run.jobs["rollback"].result == "skipped"
    assert "NotAttested" in run.jobs["resolve"].log and old in run.jobs["resolve"].log
    assert (check("git", "for-each-ref", cwd=here.origin), pointer(here)) == before
    scenes.sign(here, old, sha=commit)
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success")
    assert f"release.yml@refs/heads/main at commit {commit}" in run.jobs["resolve"].log
    assert (ledger(here)[-1]["attested"], pointer(here)) == (True, old)


def test_an_image_that_is_gone_is_not_put_back(world):
    """The image of the version is no longer in the registry."""
    here = world("released")
    old, new = ledger(here)[-2]["image_digest"], pointer(here)
    kept = here.folder / "registry/docker/registry/v2/repositories/octo-org/flight-delays"
    shutil.rmtree(kept / "_manifests/revisions/sha256" / old.removeprefix("sha256:"))
    run = roll_back(here)
    assert run.results == {"resolve": "failure", "incident": "success"} | SKIPPED
    assert f"holds no image {old}" in run.jobs["resolve"].log
    assert pointer(here) == new


def test_a_rollback_stands_when_its_issue_cannot_be_opened(world):
    """GitHub refuses the issue, and then the job is run again."""
    here = world("released")
    here.github.fail("POST", r".*/issues", 403, times=9)
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success") | {"incident": "failure"}
    assert ledger(here)[-1]["image_digest"] == pointer(here)
    assert "GitHubRefused" in run.jobs["incident"].log
    assert json.dumps(ledger(here)[-1]).count("hold")
