"""An image belongs to its bundle by its label, before the ledger is written, address or not."""

from __future__ import annotations

import io
import json

import pytest

from mlops_loop.deployment import deploy
from mlops_loop.deployment.image_label import LABEL, bundle_ids
from mlops_loop.deployment.results import ReleaseReverted
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.registry import ledger
from mlops_loop.storage import oci, transport

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")
OLD, NEW = "v1.0.0", "v1.1.0"


@pytest.fixture
def ids(world):
    """The ids of both versions' bundles."""
    return {v.version: v.bundle_id for v in ledger.read(world.repo).versions}


@pytest.fixture
def registry(world):
    return oci.ContainerRegistry(world.image.url)


def tags(world):
    return world.git(world.repo.parent / "origin", "for-each-ref", "refs/tags")


@pytest.mark.parametrize("url", [True, False], ids=["asked", "not asked"])
def test_the_image_of_another_version(world, ids, url):
    """Both ids and the next command are named; ledger, pointer and endpoint stay."""
    world.deploy(OLD)
    before = tags(world)
    match = (
        rf"image@{world.digests[OLD]} has the label {LABEL}={ids[OLD]}, and {NEW} is bundle "
        rf"{ids[NEW]}\. Nothing was changed. Next: loop registry fetch {NEW} && make image, push "
        rf"it, then loop deploy {NEW} --digest sha256"
    )
    with pytest.raises(UsageError, match=match):
        deploy.deploy(world.target(url), NEW, world.digests[OLD])
    assert (tags(world), world.held()) == (before, (OLD, OLD))


IMAGES = {
    "no label": [None],
    "an empty label": [""],
    "one platform without": ["new", None],
    "one platform of another": ["new", "old"],
    "what attests alone": [],
}


@pytest.mark.parametrize("labels", IMAGES.values(), ids=IMAGES)
def test_an_image_that_does_not_say_so(world, ids, labels):
    """On every platform."""
    known = {"new": ids[NEW], "old": ids[OLD]}
    digest = world.put_image("odd", *(known.get(name, name) for name in labels))
    before = tags(world)
    with pytest.raises(UsageError, match=rf"has (no label|the label) {LABEL}"):
        deploy.deploy(world.target(), NEW, digest)
    assert (tags(world), world.held()) == (before, (None, None))


def test_an_image_for_two_platforms(world, ids):
    """Beside what attests them, which has no label."""
    digest = world.put_image("multi", ids[NEW], ids[NEW])
    world.host.bundles[digest] = ids[NEW]
    assert deploy.deploy(world.target(), NEW, digest).current.image_digest == digest


def test_an_attestation_is_not_what_runs_somewhere(world, ids, registry):
    """A part for a platform is an image, whatever is noted at it."""
    digest = world.put_image("multi", ids[NEW], ids[OLD])
    kind, manifest = registry.read(digest)
    listed = json.loads(manifest)
    listed["manifests"][1]["annotations"] = listed["manifests"][-1]["annotations"]
    changed = registry.write("changed", kind, json.dumps(listed).encode())
    with pytest.raises(UsageError, match=f"{LABEL}={ids[OLD]}"):
        deploy.deploy(world.target(), NEW, changed)


def test_an_image_from_before_the_label(world, ids):
    """It is accepted where the ledger has it for the same version, in deploy and in rollback."""
    old = world.put_image("unlabelled", None)
    world.host.bundles[old] = ids[OLD]
    ledger.assign(world.repo, OLD, why="before there were labels", image=old, push=True)
    assert deploy.deploy(world.target(), OLD, old).outcome == "unchanged"
    world.deploy(NEW)
    with pytest.raises(UsageError, match="has no label"):
        deploy.deploy(world.target(), NEW, old)
    back = deploy.rollback(world.target(), "previous", "late")
    assert (back.current.version, back.current.image_digest) == (OLD, old)


def test_a_ledger_that_names_the_image_of_another_version(world, ids):
    """As somebody may write it by hand: no rollback serves it."""
    ledger.assign(world.repo, OLD, why="typed", image=world.digests[NEW], push=True)
    ledger.assign(world.repo, NEW, why="next", image=world.digests[NEW], push=True)
    before = tags(world)
    with pytest.raises(UsageError, match=f"={ids[NEW]}, and {OLD} is bundle {ids[OLD]}"):
        deploy.rollback(world.target(), OLD, "late")
    assert tags(world) == before


def test_what_served_comes_back_whatever_its_label_says(world, ids):
    """A release that fails its check: people are served what they were served before."""
    odd = world.put_image("odd", "0123")
    world.host.bundles[odd] = ids[OLD]
    ledger.assign(world.repo, OLD, why="typed", image=odd, push=True)
    world.host.broken = {world.digests[NEW]}
    with pytest.raises(ReleaseReverted) as failed:
        world.deploy(NEW)
    assert failed.value.rollback.digest == world.image.digest() == odd


def test_a_version_of_another_tool(world, ids):
    """Its tag names no bundle, so the store is asked which one it is."""
    world.git(world.repo, "commit", "--quiet", "--allow-empty", "--message", "By gto")
    world.git(world.repo, "tag", "--annotate", "--message", "By gto", "model@v1.2.0")
    deploy.deploy(world.target(url=False), "v1.2.0", world.put_image("gto", ids[NEW]))
    with pytest.raises(UsageError, match=f"v1.2.0 is bundle {ids[NEW]}"):
        deploy.deploy(world.target(url=False), "v1.2.0", world.digests[OLD])


def image(registry, config):
    """The manifest of an image with this configuration."""
    digest = registry.upload(io.BytesIO(config), len(config), int)
    part = {"digest": digest, "size": len(config), "mediaType": "x/y"}
    return json.dumps({"schemaVersion": 2, "config": part}).encode()


@pytest.mark.parametrize("config", [b"{}", b'{"config": null}', b'{"config": {"Labels": null}}'])
def test_a_configuration_without_labels(registry, config):
    """As a builder writes it that sets none."""
    assert bundle_ids(registry, image(registry, config)) == {""}


@pytest.mark.parametrize("config", [b"<html>", b"[]", b"", b'{"config": {"Labels": {"x": 7}}}'])
def test_what_is_no_configuration(registry, config):
    """It is refused in one sentence."""
    with pytest.raises(StoreUnreachable, match="Next: build and push it again"):
        bundle_ids(registry, image(registry, config))


BROKEN = {
    "neither": {},
    "a lost part": {"manifests": [{"digest": f"sha256:{'0' * 64}"}]},
    "a lost configuration": {"config": {"digest": f"sha256:{'0' * 64}"}},
    "no digest": {"config": {"digest": "../other"}},
    "null": {"manifests": [None]},
}


def test_an_image_and_a_list_of_images_in_one(registry):
    """Programs differ in which of both they run."""
    part = {"digest": f"sha256:{'0' * 64}"}
    both = {"schemaVersion": 2, "config": part, "manifests": [part]}
    with pytest.raises(StoreUnreachable, match="neither one configuration nor a list"):
        bundle_ids(registry, json.dumps(both).encode())


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_an_image_that_is_broken(registry, content, monkeypatch):
    """One sentence, and never a label."""
    monkeypatch.setattr(transport, "RETRIES", oci.Retry(0))
    with pytest.raises(StoreUnreachable, match="Next: "):
        bundle_ids(registry, json.dumps({"schemaVersion": 2} | content).encode())
