"""What of a package may be deleted: random packages, and those that GitHub really has."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlops_loop.deployment import cleaning
from mlops_loop.errors import StoreUnreachable
from mlops_loop.github.packages import Version
from mlops_loop.storage.oci import DOCKER, MANIFEST

NOW = datetime(2026, 1, 31, tzinfo=UTC)
OLD, BEFORE = NOW - timedelta(days=90), NOW - timedelta(days=30)
INDEX = MANIFEST.replace("manifest", "index")
LISTS = [INDEX, f"{DOCKER}.list.v2+json", ""]


class Package:
    """A registry with manifests and the versions that GitHub lists of it."""

    url = "https://ghcr.io/o/r"

    def __init__(self):
        self.manifests, self.versions, self.lost = {}, [], set()

    def add(self, *parts, tags=(), about=None, when=OLD, kind=INDEX, listed=True, **more):
        """A manifest; an index where it has parts. Its digest."""
        content = {"schemaVersion": 2, "n": len(self.manifests)} | more
        if parts:
            content["manifests"] = [self.part(digest, kind) for digest in parts]
        if about:
            content["subject"] = {"digest": about, "mediaType": MANIFEST}
        data = json.dumps(content).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        self.manifests[digest] = data
        if listed:
            self.versions.append(Version(len(self.manifests), digest, tuple(tags), when))
        return digest

    def part(self, digest, kind):
        """As an index names it: by its kind, where it is an index by that of a list."""
        is_list = b'"manifests"' in self.manifests.get(digest, b"")
        named = kind if is_list else MANIFEST
        return {"digest": digest} | ({"mediaType": named} if named else {})

    def read(self, digest):
        if digest in self.lost:
            return None
        return (INDEX, self.manifests[digest]) if digest in self.manifests else None

    def plan(self, needed=()):
        return cleaning.plan(self, self.versions, set(needed), BEFORE)

    def deleted(self, needed=()):
        return {version.digest for version in self.plan(needed).deletable}

    def reachable(self, roots):
        """Parts of parts, and what is about any of them: by the content alone.

        What is about a manifest is found on GitHub's list only, which has every manifest.
        """
        reached, size = set(roots), -1
        links = {d: json.loads(data) for d, data in self.manifests.items()}
        listed = {version.digest for version in self.versions}
        while size != len(reached):
            size = len(reached)
            for digest in list(reached):
                reached |= {p["digest"] for p in links[digest].get("manifests", [])}
            reached |= {d for d in listed if links[d].get("subject", {}).get("digest") in reached}
        return reached


@st.composite
def packages(draw):
    """A package whose manifests name earlier ones; and the digests of a ledger."""
    package = Package()
    for number in range(draw(st.integers(1, 12))):
        known = st.sampled_from(sorted(package.manifests)) if number else st.nothing()
        parts = draw(st.lists(known, max_size=3, unique=True)) if number else []
        about = draw(st.none() | known) if number else None
        tags = ["t"] if draw(st.integers(0, 4)) == 0 else []
        when = draw(st.sampled_from([OLD, OLD, OLD, NOW]))
        listed = draw(st.integers(0, 5)) > 0 or bool(tags)
        package.add(
            *parts, tags=tags, about=about, when=when, kind=draw(st.sampled_from(LISTS)),
            listed=listed,
        )  # fmt: skip
    needed = draw(st.lists(st.sampled_from(sorted(package.manifests)), max_size=2))
    return package, [*needed, f"sha256:{'9' * 64}"]


@given(packages())
def test_nothing_that_is_needed_is_deleted(made):
    """Neither what has a tag, nor what the ledger names, nor what hangs on these; all else is."""
    package, needed = made
    listed = {version.digest for version in package.versions}
    roots = {v.digest for v in package.versions if v.tags or v.updated == NOW}
    kept = package.reachable(roots | (set(needed) & listed))
    deleted = package.deleted(needed)
    assert not deleted & kept
    assert deleted | (listed & kept) == listed
    assert package.plan(needed).kept == len(listed - deleted)


@given(packages())
def test_a_run_that_is_cut_off_leaves_no_index_without_its_parts(made):
    """What names another manifest goes before it."""
    package, needed = made
    order = [version.digest for version in package.plan(needed).deletable]
    for place, digest in enumerate(order):
        content = json.loads(package.manifests[digest])
        named = [part["digest"] for part in content.get("manifests", [])]
        named += [content["subject"]["digest"]] if "subject" in content else []
        assert not set(named) & set(order[:place])


@given(packages(), st.data())
def test_an_index_that_cannot_be_read_keeps_everything(made, data):
    """Its parts are unknown, and what it is about."""
    package, needed = made
    indexes = [v.digest for v in package.versions if b'"manifests"' in package.manifests[v.digest]]
    assume(indexes)
    package.lost = {data.draw(st.sampled_from(indexes))}
    with pytest.raises(StoreUnreachable, match=min(package.lost)):
        package.plan(needed)


def test_a_release_as_github_has_it():
    """An image with SBOM and provenance, its attestation, and what an earlier build left."""
    package = Package()

    def build(*tags):
        parts = [package.add(layers=[name]) for name in ("amd64", "attestations")]
        image = package.add(*parts, tags=tags)
        bundle = package.add(about=image, artifactType="application/vnd.dev.sigstore.bundle")
        return image, bundle, {image, bundle, *parts}

    image, bundle, released = build("abc-123", "production")
    package.add(bundle, tags=[f"sha256-{image.partition(':')[2]}"])  # where there are no referrers
    rolled_back, _, before = build()
    orphan, _, rest = build()
    stale = package.add(bundle)  # an earlier list of attestations of the same image
    assert package.deleted([rolled_back]) == rest | {stale}
    assert orphan in rest
    assert not package.deleted([rolled_back, orphan]) & (released | before | rest)


def test_a_cache_of_builds():
    """Its index names layers, which are no manifests."""
    package = Package()
    layer = {"digest": f"sha256:{'1' * 64}", "mediaType": "application/vnd.oci.image.layer.v1.tar"}
    package.add(tags=["cache"], manifests=[layer])
    old = package.add(manifests=[layer])
    assert package.deleted() == {old}


BROKEN = {
    "no list": {"manifests": 1},
    "no digest": {"manifests": [{"mediaType": INDEX}]},
    "another kind of digest": {"manifests": [{"digest": "sha512:00"}]},
    "a subject without a digest": {"subject": {}},
}


@pytest.mark.parametrize("tags", [["v1"], []])
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_manifest_of_another_form_keeps_everything(content, tags):
    """One that is kept, and one that might be about something kept."""
    package = Package()
    package.add()
    digest = package.add(tags=tags, **content)
    with pytest.raises(StoreUnreachable, match=f"{digest}, which cannot be read.*nothing is del"):
        package.plan()


URLS = {
    "https://ghcr.io/o/r": "r",
    "https://ghcr.io/o/a/b": "a/b",
    "https://ghcr.io/other/r": "",
    "https://docker.io/o/r": "",
    "https://ghcr.io.evil.example/o/r": "",
}


@pytest.mark.parametrize(("url", "name"), URLS.items())
def test_the_package_of_an_image(url, name):
    """The repository's owner has it, at GitHub."""
    assert cleaning.package(url, "O/R") == name
