"""The workflow `security`: what a pull request brings along, and what became known since."""

import json

import pytest

from . import scenes
from .test_ci import CODE
from .test_release import ledger, pointer

SCANNED = {
    "dependencies": "skipped",
    "workflows": "success",
    "image": "success",
    "clean": "skipped",
}


def test_a_pull_request_is_looked_through(world):
    """A pull request of a public repository brings nothing bad."""
    here = world("begun")
    run = here.run("security", here.pull_request("change", CODE))
    assert run.results == SCANNED | {"dependencies": "success", "scorecard": "skipped"}
    for job in ("dependencies", "workflows"):
        assert here.github.unused_grants(f"security/{job}") == [], job


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
def test_every_week_main_is_looked_through(world, private):
    """A week has passed; findings are shown where the repository has a place for them."""
    here = world("begun", private=private)
    run = here.run("security", here.dispatch("security"))
    assert run.results == SCANNED | {"scorecard": "skipped" if private else "success"}
    uploads = [call.job for call in here.github.calls if call.path.endswith("/sarifs")]
    assert set(uploads) == (set() if private else {"security/image", "security/scorecard"})
    if not private:
        assert here.github.unused_grants("security/image") == []
        assert here.github.unused_grants("security/scorecard") == []


def test_what_is_bad_fails_its_own_job(world):
    """A dependency, a package of the image and a workflow have known holes."""
    here = world("begun")
    store = here.github.store
    known = {"severity": "critical", "advisory_ghsa_id": "GHSA-1", "advisory_summary": "A hole"}
    known["advisory_url"] = "https://github.com/advisories/GHSA-1"
    evil = {"change_type": "added", "name": "evil", "scope": "runtime"}
    evil["vulnerabilities"] = [known]
    store.add("dependency changes", 1, store.new("dependency-graph/diff-range", **evil))
    hole = "      - run: echo ${{ github.event.pull_request.title }}\n"
    edits = {".github/workflows/ci.yml": lambda text: text + hole}
    advisories = [{"name": "uvicorn", "severity": "high", "fixed_in": "99"}]
    pull = here.pull_request("bad", edits)
    run = here.run("security", pull, RIG_ADVISORIES=json.dumps(advisories))
    assert {name for name, result in run.results.items() if result == "failure"} == {
        "dependencies",
        "workflows",
        "image",
    }
    assert "evil" in run.jobs["dependencies"].log and "uvicorn" in run.jobs["image"].log
    assert "template-injection" in run.jobs["workflows"].log


def test_what_no_image_needs_is_deleted(world):
    """An old version is untagged and in the ledger; another one is in nobody's way."""
    here = world("released")
    old, new = (note["image_digest"] for note in ledger(here)[-2:])
    rest = scenes.package(here, untag=("v1.0.0", "v1.1.0"))
    here.variables["CLEAN_IMAGES_AFTER_DAYS"] = "30"
    run = here.run("security", here.dispatch("security"), "clean")
    assert run.results["clean"] == "success"
    assert {row["name"] for row in here.github.rows("versions")} == {old, new}
    assert pointer(here) == new
    assert f"{rest} of 2026-01-01" in run.jobs["clean"].log
    assert "1 of 1 were deleted" in run.jobs["clean"].log
    assert here.github.unused_grants("security/clean") == []
