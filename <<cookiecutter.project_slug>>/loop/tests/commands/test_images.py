"""`verify-attestation` and what its neighbours make of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from mlops_loop.commands import deployment, images
from mlops_loop.deployment import cleaning
from mlops_loop.deployment.image import Image
from mlops_loop.errors import GitHubRefused, NotAttested
from mlops_loop.github import api
from mlops_loop.github.packages import Version
from mlops_loop.registry import ledger
from mlops_loop.registry.entries import Entry, Ledger

DIGEST = f"sha256:{'0' * 64}"
IMAGE = f"ghcr.io/o/r@{DIGEST}"
COMMIT = "a" * 40


@pytest.fixture
def event(tmp_path, monkeypatch):
    """`event("public")` is what started the workflow; `event(None)` one that says nothing."""

    def begin(visibility):
        repository = {"repository": {"visibility": visibility}} if visibility else {}
        (tmp_path / "event.json").write_text(json.dumps(repository))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
        monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
        monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))

    return begin


@pytest.fixture
def call(tmp_path, gh):
    """`call(*args)` runs the command: what it printed, and the outputs of its step."""

    def run(*args, command=images.verify_attestation):
        done = CliRunner().invoke(command, args, catch_exceptions=False)
        path = tmp_path / "output"
        return done.output, path.read_text().splitlines() if path.exists() else []

    return run


def recorded(monkeypatch, **note):
    run = Entry("tag", "v1.0.0", "production", "c", "t", {"image_digest": DIGEST} | note)
    monkeypatch.setattr(ledger, "fetch", lambda repo: Ledger([], [run]))


def test_a_public_repository(event, call, gh):
    """The signature is verified, and the next step learns it."""
    event("public")
    gh.signed()
    text, outputs = call(IMAGE, "--commit", COMMIT)
    assert text.startswith(f"{IMAGE} is signed by https://github.com/o/r/.github/workflows/")
    assert outputs == ["attested=true"]


def test_a_missing_signature_stops_a_public_repository(event, call):
    """Nothing is written for the next step."""
    event("public")
    with pytest.raises(NotAttested):
        call(IMAGE, "--commit", COMMIT)
    with pytest.raises(NotAttested):
        call(IMAGE)


@pytest.mark.parametrize("kind", ["private", "internal"])
def test_a_private_repository_has_no_signatures(event, call, gh, kind):
    """One sentence says so, and gh is not asked."""
    event(kind)
    text, outputs = call(IMAGE, "--commit", COMMIT)
    assert f"This repository is {kind}, and images are signed in public ones only" in text
    assert (outputs, gh.calls()) == (["attested=false"], [])


class Lookup:
    """GitHub's API; it says `visibility`, or refuses."""

    visibility: str | None = None

    class rest:
        class repos:
            get = None

    def call(self, method):
        if self.visibility is None:
            raise GitHubRefused("no answer", 500)
        return {"visibility": self.visibility}


@pytest.mark.parametrize("answer", [None, "", "unheard of"])
def test_an_unknown_visibility_is_not_private(event, call, monkeypatch, answer):
    """A lookup that fails stops."""
    event(None)
    monkeypatch.setattr(api, "Repository", Lookup)
    monkeypatch.setattr(Lookup, "visibility", answer)
    with pytest.raises(GitHubRefused):
        call(IMAGE)


def test_the_api_says_it_where_the_event_does_not(event, call, monkeypatch):
    """As of a scheduled run, or on a laptop."""
    event(None)
    monkeypatch.setattr(api, "Repository", Lookup)
    monkeypatch.setattr(Lookup, "visibility", "private")
    assert "This repository is private" in call(IMAGE)[0]


def test_a_version_that_was_deployed_unsigned_stays_reachable(event, call, gh, monkeypatch):
    """By the ledger."""
    event("public")
    recorded(monkeypatch)
    text, outputs = call("--recorded", IMAGE)
    assert f"{IMAGE} was deployed without a signature" in text
    assert (outputs, gh.calls()) == (["attested=false"], [])


def test_a_version_that_was_deployed_signed_must_be_signed(event, call, gh, monkeypatch):
    """With the commit of the ledger."""
    event("public")
    recorded(monkeypatch, attested=True, commit=COMMIT)
    with pytest.raises(NotAttested):
        call("--recorded", IMAGE)
    assert f"--source-digest {COMMIT}" in gh.calls()[0]
    gh.signed()
    assert call("--recorded", IMAGE)[1][-1] == "attested=true"


PLAN = {"name": "ghcr.io/o/r", "tag": "t", "digest": DIGEST}


@pytest.mark.parametrize(
    ("kind", "args", "signed", "digest"),
    [
        ("public", ["--signed"], True, DIGEST),
        ("public", ["--signed"], False, ""),
        ("public", [], False, DIGEST),
        ("private", ["--signed"], False, DIGEST),
    ],
)
def test_an_unsigned_build_is_built_again(event, call, gh, monkeypatch, kind, args, signed, digest):
    """In public, where the release asks for a signed one."""
    event(kind)
    monkeypatch.setenv("IMAGE_URL", "ghcr.io/o/r")
    monkeypatch.setattr(Image, "plan", lambda self, repo: dict(PLAN))
    if signed:
        gh.signed()
    _, outputs = call(*args, command=deployment.image_tag)
    assert f"digest={digest}" in outputs


class FakePackage:
    """Notes what is deleted; `refused` are the numbers of those that GitHub keeps."""

    def __init__(self, repository, name):
        self.name = name

    deleted: list[int]
    refused: set[int]

    def versions(self):
        return []

    def delete_untagged(self, version):
        if version.id in self.refused:
            raise GitHubRefused(f"{version.id} has 5,000 downloads", 400)
        self.deleted.append(version.id)
        return version.id != 3


@pytest.fixture
def clean(event, call, monkeypatch):
    """`clean(*args, refused={2})` runs the command on three versions that can go."""
    event("public")
    monkeypatch.setenv("IMAGE_URL", "ghcr.io/o/r")
    monkeypatch.setattr(ledger, "fetch", lambda repo: Ledger([], []))
    monkeypatch.setattr(images, "image_digests", lambda repo: set())
    monkeypatch.setattr(images, "Repository", lambda: None)
    monkeypatch.setattr(images, "Package", FakePackage)
    monkeypatch.setattr(FakePackage, "deleted", [], raising=False)
    seen = {}

    def plan(registry, versions, needed, before):
        seen["days"] = (datetime.now(UTC) - before).days
        rows = [Version(n, DIGEST, (), before) for n in seen.get("numbers", (1, 2, 3))]
        return cleaning.Plan(rows, 7)

    monkeypatch.setattr(cleaning, "plan", plan)

    def run(*args, refused=(), numbers=(1, 2, 3)):
        monkeypatch.setattr(FakePackage, "refused", set(refused), raising=False)
        seen["numbers"] = numbers
        return call(*args, command=images.clean_images)[0], FakePackage.deleted, seen["days"]

    return run


def test_cleaning_shows_first(clean):
    """Nothing is deleted without --delete."""
    text, deleted, days = clean()
    assert (text.count(DIGEST), deleted, days) == (3, [], 30)
    assert "7 versions of https://ghcr.io/o/r stay, 3 can be deleted. Next: loop clean" in text


def test_cleaning_deletes(clean):
    """And counts those that were still there."""
    text, deleted, days = clean("--delete", "--older-than", "90")
    assert (deleted, days) == ([1, 2, 3], 90)
    assert "2 of 3 were deleted" in text
    assert "none can go" in clean("--delete", numbers=())[0]


def test_a_refused_deletion_stops_no_other(clean):
    """It is an error at the end."""
    with pytest.raises(GitHubRefused, match=r"1 versions were not deleted, 1 were: 2 has 5,000"):
        clean("--delete", refused={2})
    assert FakePackage.deleted == [1, 3]


def test_an_image_elsewhere(clean, monkeypatch):
    """Only GitHub's registry has this API."""
    monkeypatch.setenv("IMAGE_URL", "docker.io/o/r")
    monkeypatch.setattr(images, "Package", None)
    text = CliRunner().invoke(images.clean_images, ["--delete"], catch_exceptions=False).output
    assert "is not this repository's registry on GitHub" in text
