"""The workflow `release`: a merge is a deployment."""

import json
import re

from conftest import check

from .test_ci import CODE, DOCUMENTS, worse
from .world import World, boosted

DEPLOYED = {"changes", "train", "gate", "build", "stage", "approve", "production"}


def ledger(world: World) -> list[dict]:
    """Return what was in production, the oldest first: version, digest, why."""
    tags = check("git", "tag", "--list", "model#*", cwd=world.origin).split()
    tags.sort(key=lambda tag: int(tag.split("#")[-1]))
    shown = [
        check("git", "tag", "--list", tag, "--format=%(contents)", cwd=world.origin) for tag in tags
    ]
    return [json.loads(text) for text in shown]


def pointer(world: World) -> str | None:
    """Return the digest that the image's tag production names, as the registry keeps it."""
    image = "docker/registry/v2/repositories/octo-org/flight-delays"
    link = world.folder / "registry" / image / "_manifests/tags/production/current/link"
    return link.read_text() if link.exists() else None


def config_has(world: World, word: bytes) -> bool:
    """Return whether the configuration of an image in the registry has a word."""
    blobs = (world.folder / "registry" / "docker/registry/v2/blobs").rglob("data")
    small = (blob.read_bytes() for blob in blobs if blob.stat().st_size < 100_000)
    return any(word in text for text in small if text.startswith(b"{"))


def test_a_merge_is_deployed_once(world):
    """A better model is merged, and the release runs a second time."""
    here = world()
    here.pull_request("better", {"params.yaml": boosted(max_iter=80)})  # nobody has trained it
    event = here.merge("better")
    run = here.run("release", event)
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert len(ledger(here)) == 2
    now = ledger(here)[-1]
    assert (now["image_digest"], now["attested"]) == (pointer(here), True)
    signer = f"release.yml@refs/heads/main at commit {event.sha}"
    assert signer in run.jobs["production"].log
    assert [row["tag_name"] for row in here.github.rows("releases")] == ["model@v1.1.0"]
    # Layers are taken of what is in production, where there is something, and kept for the next.
    assert re.search("importing cache manifest from .*:production", run.jobs["build"].log)
    assert config_has(here, b"moby.buildkit.cache.v0")
    before = check("git", "for-each-ref", cwd=here.origin)
    again = here.run("release", here.dispatch("release"))
    assert again.results == dict.fromkeys(DEPLOYED, "success")
    assert check("git", "for-each-ref", cwd=here.origin) == before
    for job in DEPLOYED:
        assert here.github.unused_grants(f"release/{job}") == [], job


def test_a_worse_model_stops_before_anything_is_built(world):
    """A worse model is merged."""
    here = world()
    here.pull_request("worse", {"params.yaml": worse})
    run = here.run("release", here.merge("worse"))
    assert run.results["gate"] == "failure" and run.results["build"] == "skipped"
    assert len(ledger(here)) == 1 and pointer(here) is None


def test_documents_do_not_replace_a_release(world):
    """Code is merged, and GitHub drops its release for a document; then one more is merged."""
    here = world()
    here.pull_request("code", CODE)
    here.merge("code")  # its run waits, until the next push takes its place
    run = here.run("release", here.push(DOCUMENTS))
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert ledger(here)[-1]["image_digest"] == pointer(here) is not None
    again = here.run("release", here.push(DOCUMENTS))
    assert again.results == dict.fromkeys(DEPLOYED, "skipped") | {"changes": "success"}


def test_code_alone_ships_a_new_image_of_the_same_version(world):
    """Code of the endpoint is merged, and the model stays."""
    here = world()
    here.pull_request("code", CODE)
    run = here.run("release", here.merge("code"))
    assert run.results == dict.fromkeys(DEPLOYED, "success")
    assert ledger(here)[-1]["image_digest"] == pointer(here) is not None
