"""One turn of the loop on the sample, in build/loop: a copy, so that your work is not touched.

    python loop/tools/demo.py

1. A first model, gated by floors alone, is registered and deployed.
2. A pull request: a month of new data and a better estimator. The challenger is compared with the
   champion on the same held-out rows, and reported.
3. The merge is deployed; the endpoint answers its golden rows, and predicts a flight of the next
   month.
4. A worse model is refused.
5. A broken release is reverted automatically.
6. A rollback, held: later releases are refused until a person lifts the hold.

Registry, deployment and rollback are the project's own. No Docker is needed: a process of this
machine stands in for the container, and `Production` below for the container registry and the host
that follows it.
"""

import hashlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests
import yaml

from mlops_loop import project
from mlops_loop.deployment.image_label import LABEL
from mlops_loop.pipeline import validate
from mlops_loop.sources import csv_files
from mlops_loop.storage.oci import MANIFEST

LOOP = Path("build/loop").resolve()
SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "cache", "tmp", "__pycache__")
CODE = ("src", "loop/src")
with socket.create_server(("127.0.0.1", 0)) as free:
    URL = "http://{}:{}".format(*free.getsockname())


def python_path(folder: Path) -> str:
    """The code of a copy comes before that of the project's environment."""
    return os.pathsep.join(str(folder / code) for code in CODE)


ENVIRONMENT = os.environ | {"PYTHONPATH": python_path(LOOP)}


def run(*commands: str, expect: int = 0) -> None:
    """Run commands in the copy; any other exit code than `expect` ends the demo with it."""
    for command in commands:
        print(f"\n$ {command}", flush=True)
        done = subprocess.run(shlex.split(command), cwd=LOOP, env=ENVIRONMENT, check=False)
        if done.returncode != expect:
            sys.exit(f"demo: exit code {done.returncode} instead of {expect}: {command}")


def copy_project() -> None:
    """The working tree as it is, with a history of its own and the DVC cache shared."""
    shutil.rmtree(LOOP, ignore_errors=True)
    shutil.copytree(".", LOOP, ignore=SKIP)
    for made in ("data/prepared", "models", "reports"):
        shutil.rmtree(LOOP / made, ignore_errors=True)
    cache = Path(".dvc/cache").resolve()
    (LOOP / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")
    run("git init --quiet --initial-branch main")
    run("git config user.name Demo", "git config user.email demo@localhost")


def train(**changes: object) -> None:
    """Run the stages with the project's parameters; `changes` replace those of `train`."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["train"] |= changes
    text = yaml.safe_dump(params, sort_keys=False)
    (LOOP / "params.yaml").write_text(text, encoding="utf-8")
    run("dvc repro --quiet")


class Production(SimpleHTTPRequestHandler):
    """Stands in for the container registry, and for a host that runs its tag `production`.

    A manifest is a file below build/registry; its annotation is a folder with code and model.
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
ENVIRONMENT |= {"IMAGE_URL": f"127.0.0.1:{REGISTRY.server_port}/demo/image", "PRODUCTION_URL": URL}


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


def first_model() -> None:
    train(estimator="linear", grid=None)
    run("loop gate", "git add --all", "git commit --quiet --message 'First model'")
    run("loop registry register")
    deploy("v1.0.0", "the first one")


def pull_request() -> None:
    run("git switch --quiet --create july")
    shutil.copy(LOOP / "data/later/flights-2013-07.csv", LOOP / "data/raw")
    train()
    run("loop gate", "loop report --page reports/promoted.html")
    run("git add --all", "git commit --quiet --message 'July, gradient boosting'")


def merge() -> None:
    run("git switch --quiet main", "git merge --quiet --no-ff --message 'Merge july' july")
    run("loop registry register")
    deploy("v1.1.0", "July, gradient boosting")
    predict_next_month(f"{URL}/predict")


def worse_model() -> None:
    train(grid={"max_iter": [2], "max_leaf_nodes": [3]})
    run("loop gate", expect=1)
    run("loop report --page reports/refused.html")
    run("git restore --staged --worktree .", "dvc checkout --quiet", "loop gate")


def broken_release() -> None:
    """The same model in an image whose code adds 0.1 to each score."""
    code = LOOP / "loop/src/mlops_loop/inference/model.py"
    scores = "self.contract.encode_rows(rows))"
    code.write_text(code.read_text("utf-8").replace(scores, f"{scores} + 0.1"), "utf-8")
    deploy("v1.1.0", "new code of the endpoint", "broken", expect=5)
    run("git restore --staged --worktree .")


def rollback() -> None:
    run("loop rollback --why 'late answers'")
    run("loop deploy v1.1.0", expect=64)
    run("loop registry assign v1.1.0 --lift-hold --why 'it was the network'")
    run("loop deploy v1.1.0", "loop registry history")


def predict_next_month(url: str) -> None:
    """Predict a flight of the month after the newest data, and print its real delay."""
    table = csv_files.read_csv("data/later/flights-2013-08.csv")
    flight = validate.validate(table, project.raw_rows()).rows.dropna().iloc[[0]]
    names = list(project.model_input().to_schema().columns)
    row = project.model_rows(flight)[names].to_json(orient="records", lines=True)
    answer = requests.post(url, data=row, timeout=10)
    [facts] = flight.to_dict("records")
    print(f"\nFlight {facts['carrier']} {facts['flight']}, {facts['origin']} to {facts['dest']}")
    print(f"  request  {row.strip()}\n  answer   {answer.text}")
    print(f"  reality  it was {facts['arr_delay']:g} min late")


STEPS = {
    "A copy of the project in build/loop": copy_project,
    "1. A first model: floors only, as there is no champion yet": first_model,
    "2. A pull request: July arrives, and a better estimator": pull_request,
    "3. The merge is deployed, checked, and predicts": merge,
    "4. A worse model is refused: two small trees": worse_model,
    "5. A broken release is reverted: every score is off by 0.1": broken_release,
    "6. A rollback, held until a person lifts it; then the ledger": rollback,
}


def main() -> None:
    start, times = time.monotonic(), []
    threading.Thread(target=REGISTRY.serve_forever, daemon=True).start()
    try:
        for title, step in STEPS.items():
            print(f"\n=== {title}", flush=True)
            begun = time.monotonic()
            step()
            times.append(f"  {time.monotonic() - begun:6.1f} s  {title}")
    finally:
        Production.stop()
    print("\n=== Time of each step", *times, sep="\n")
    print(f"  {time.monotonic() - start:6.1f} s  in all\n\nLook at it:")
    print(f"  report of the better model   {(LOOP / 'reports/promoted.html').as_uri()}")
    print(f"  report of the refused model  {(LOOP / 'reports/refused.html').as_uri()}")
    print(f"  page, after `make -C {LOOP} serve`  http://127.0.0.1:8000/")


if __name__ == "__main__":
    main()
