"""A project with two registered versions, a bare origin, a real registry, and a host."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlops_loop import git as own_git
from mlops_loop import paths
from mlops_loop.deployment import deploy, endpoint, smoke
from mlops_loop.deployment.image import Image
from mlops_loop.deployment.image_label import LABEL
from mlops_loop.model import bundle
from mlops_loop.registry import ledger
from mlops_loop.storage import oci

INDEX = oci.MANIFEST.replace("manifest", "index")
MARKS = {"v1.0.0": "a", "v1.1.0": "b"}


class Host(ThreadingHTTPServer):
    """Runs what the pointer names, by the bundles that a test knows; `broken` answers wrongly."""

    daemon_threads = True

    def __init__(self, image, bundles):
        super().__init__(("127.0.0.1", 0), Answerer)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.image, self.bundles, self.broken, self.note = image, bundles, set(), None

    def version(self):
        digest = self.image.digest()
        named = self.bundles.get(digest)
        facts = {"image_digest": digest, "deploy_note": self.note, "model_version": "v"}
        return facts | {"bundle": named}


class Answerer(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""

    def do_GET(self):
        self.reply(200, self.server.version())

    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        late = 0.5 if self.server.version()["image_digest"] in self.server.broken else 0.1
        one = {"probabilities": {"on time": 1 - late, "late": late}}
        if "no such column" in rows:
            return self.reply(422, {"detail": "no such column"})
        return self.reply(200, {"predictions": [one] * len(rows)} if type(rows) is list else one)

    def reply(self, status, content):
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@dataclass
class World:
    """`target()` is what `deploy` works on; `digests` are those of v1.0.0 and v1.1.0."""

    repo: Path
    git: object
    image: Image
    host: Host
    digests: dict[str, str]

    def target(self, url=True, repo=None):
        return deploy.Target(repo or self.repo, self.image, self.host.url if url else "", 2.0)

    def deploy(self, version, url=True, **more):
        return deploy.deploy(self.target(url), version, self.digests[version], **more)

    def put_image(self, mark, *bundle_ids):
        """Push one more image, for each bundle a platform; its digest."""
        return put_image(oci.ContainerRegistry(self.image.url), mark, *bundle_ids)

    def clone(self, folder):
        """Another machine, on which nothing is but what origin has."""
        self.git(self.repo.parent, "clone", "--quiet", "origin", str(folder))
        (folder / ".dvc/cache").symlink_to(self.repo / ".dvc/cache")
        return folder

    def held(self):
        """What origin's ledger and the pointer name, as versions."""
        names = {digest: version for version, digest in self.digests.items()} | {None: None}
        now = ledger.fetch(self.repo).current()
        return now and now.version, names[self.image.digest()]


def put_manifest(store, mark, bundle_id):
    """The smallest image, with the label of a bundle or None; its digest."""
    labels = {"mark": mark} | ({LABEL: bundle_id} if bundle_id is not None else {})
    config = json.dumps({"config": {"Labels": labels}}).encode()
    digest = store.upload(io.BytesIO(config), len(config), lambda _: None)
    layer = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest}
    manifest = {"schemaVersion": 2, "mediaType": oci.MANIFEST, "layers": []}
    manifest["config"] = layer | {"size": len(config)}
    return store.put_manifest(f"test-{mark}", manifest)


def put_image(store, mark, *bundle_ids):
    """An image as BuildKit pushes it: a part for each platform, and what attests the first."""
    if len(bundle_ids) == 1:
        return put_manifest(store, mark, *bundle_ids)
    parts = [put_manifest(store, f"{mark}-{n}", name) for n, name in enumerate(bundle_ids)]
    listed = [
        {"digest": digest, "platform": {"os": "linux", "architecture": f"arm{n}"}}
        for n, digest in enumerate(parts)
    ]
    note = {"vnd.docker.reference.type": "attestation-manifest"}
    about = {"digest": put_manifest(store, f"{mark}-about", None), "annotations": note}
    listed.append(about | {"platform": {"os": "unknown", "architecture": "unknown"}})
    content = [part | {"mediaType": oci.MANIFEST, "size": 1} for part in listed]
    whole = {"schemaVersion": 2, "mediaType": INDEX, "manifests": content}
    return store.write(f"test-{mark}", INDEX, json.dumps(whole, indent=3).encode())


@pytest.fixture
def world(registered, server, git, tmp_path, monkeypatch, listening):
    """All of it, with nothing in production yet."""
    name = re.sub("[^a-z0-9]", "", tmp_path.name.lower())
    monkeypatch.setenv("IMAGE_URL", f"{server.removeprefix('http://')}/{name}/image")
    for variable in ("GITHUB_TOKEN", "GITHUB_SERVER_URL", "STORE_PASSWORD"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(endpoint, "POLL_S", 0.05)
    image, store = Image(registered), oci.ContainerRegistry(f"{server}/{name}/image")
    notes = {v.version: v.bundle_id for v in ledger.read(registered).versions}
    digests = {v: put_image(store, mark, notes[v]) for v, mark in MARKS.items()}
    assert bundle.load(registered / paths.BUNDLE).id == notes["v1.1.0"]
    with listening(Host(image, {digests[v]: notes[v] for v in digests})) as host:
        yield World(registered, git, image, host, digests)


@pytest.fixture
def killed():
    """`killed(3, action)` runs it in a process that dies before its fourth change; did it die?

    Changes are commits, tags, pushes, the pointer and the smoke test, and calls of `others`: pairs
    of an object and the name of its method.
    """

    def run(step, action, *others):
        child = os.fork()
        if not child:
            left = [step]

            def before(function, counts=lambda *args: True):
                def call(*args, **more):
                    if counts(*args):
                        left[0] -= 1
                        if left[0] < 0:
                            os._exit(9)
                    return function(*args, **more)

                return call

            writes = ("commit", "push", "tag", "update-ref")
            own_git.run = before(own_git.run, lambda repo, command, *rest: command in writes)
            for owner, name in ((oci.ContainerRegistry, "write"), (smoke, "smoke"), *others):
                setattr(owner, name, before(getattr(owner, name)))
            try:
                action()
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9

    return run
