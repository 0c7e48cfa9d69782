"""Stand-ins for a container registry, and for the host that follows its tag `production`.

No Docker is needed: an image is a folder with code and model, and a process of this machine stands
in for its container.
"""

import hashlib
import json
import shlex
import shutil
import socket
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from demo_copy import CODE, ENVIRONMENT, LOOP, SKIP, python_path, run

from mlops_loop.deployment.image_label import LABEL
from mlops_loop.storage.oci import MANIFEST

with socket.create_server(("127.0.0.1", 0)) as free:
    URL = "http://{}:{}".format(*free.getsockname())


class Production(SimpleHTTPRequestHandler):
    """A manifest is a file below build/registry; its annotation is a folder with code and model.

    `process` serves the one that was put last.
    """

    process: subprocess.Popen | None = None

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def guess_type(self, path: object) -> str:
        return MANIFEST

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        Path(self.translate_path(self.path)).write_bytes(content)
        self.follow(Path(json.loads(content)["annotations"]["folder"]), digest_of(content))
        self.send_response(201)
        self.end_headers()

    @classmethod
    def follow(cls, image: Path, digest: str) -> None:
        cls.stop()
        facts = {"BUNDLE_DIR": str(image / "bundle"), "IMAGE_DIGEST": digest}
        facts |= {"PYTHONPATH": python_path(image), "MODEL_VERSION": image.name}
        print(f"  (the host runs {digest[:19]}..., built as {image.name})", flush=True)
        command = shlex.split(f"loop serve --port {URL.rpartition(':')[2]}")
        with (LOOP / "build/host.log").open("a") as log:
            env = ENVIRONMENT | facts
            cls.process = subprocess.Popen(command, cwd=image, env=env, stdout=log, stderr=log)

    @classmethod
    def stop(cls) -> None:
        if cls.process:
            cls.process.kill()
            cls.process.wait()


IMAGE = LOOP / "build/registry/v2/demo/image"
HANDLER = partial(Production, directory=LOOP / "build/registry")
REGISTRY = ThreadingHTTPServer(("127.0.0.1", 0), HANDLER)
ENVIRONMENT["IMAGE_URL"] = f"127.0.0.1:{REGISTRY.server_port}/demo/image"
ENVIRONMENT["PRODUCTION_URL"] = URL


def start() -> None:
    """Serve the registry; the host begins with the first image."""
    threading.Thread(target=REGISTRY.serve_forever, daemon=True).start()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def put(kind: str, content: dict[str, object]) -> str:
    """Write a document below build/registry under its digest, which is returned."""
    data = json.dumps(content).encode()
    folder = IMAGE / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / digest_of(data)).write_bytes(data)
    return digest_of(data)


def deploy(version: str, why: str, folder: str = "images", expect: int = 0) -> None:
    """Keep code and model as an image, and put it into production."""
    image = LOOP / "build" / folder / version
    shutil.copytree(LOOP / "models/bundle", image / "bundle")
    for code in CODE:
        shutil.copytree(LOOP / code, image / code, ignore=SKIP)
    bundle = json.loads((image / "bundle/manifest.json").read_text(encoding="utf-8"))
    config = {"digest": put("blobs", {"config": {"Labels": {LABEL: bundle["id"]}}})}
    facts = {"schemaVersion": 2, "mediaType": MANIFEST, "annotations": {"folder": str(image)}}
    digest = put("manifests", facts | {"config": config})
    run(f"loop deploy {version} --digest {digest} --why '{why}'", expect=expect)
