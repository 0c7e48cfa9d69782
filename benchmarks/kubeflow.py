# /// script
# requires-python = ">=3.11"
# dependencies = ["docker==7.2.0", "kfp==2.17.3"]
#
# [tool.uv]
# exclude-newer = "2026-11-14T00:00:00Z"
# ///
"""Train a new project by kfp's local runner and by `dvc repro`; compare the bundles byte for byte.

    uv run --script benchmarks/kubeflow.py build/flight-delays-local

The argument is a generated project with the store `local`, a commit, and an environment in .venv
with the group pipeline. Needs a Docker engine and `docker-registry`, on 127.0.0.1. The containers
have no network. Prints how long each part took.
"""

import filecmp
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
from kfp import components, local

CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def call(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a program; stop with what it said where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout


def clone(project: Path, folder: Path) -> Path:
    """Clone a project, so that nothing of its work tree counts."""
    call("git", "clone", "--quiet", project, folder, cwd=project)
    return folder


def build(project: Path, port: int) -> str:
    """Build the training image of HEAD and push it; return its name by digest."""
    name = f"127.0.0.1:{port}/flights/training"
    file = os.environ.get("SSL_CERT_FILE", "")
    secret = f"--secret id=ca,src={file}" if Path(file).is_file() else ""
    line = (
        "git archive HEAD | docker build --quiet --file loop/tools/training.Dockerfile "
        f"{secret} --tag {name} -"
    )
    call("sh", "-ec", line, cwd=project, DOCKER_BUILDKIT="1")
    call("docker", "push", "--quiet", name, cwd=project)
    return call(
        "docker", "inspect", "--format", "{{index .RepoDigests 0}}", name, cwd=project
    ).strip()


def train_on_kubeflow(file: Path, project: Path, folder: Path) -> Path:
    """Run all components by kfp's local runner; return the dvc.lock of the last one."""
    store = folder / "store"
    store.mkdir()
    mount = docker.types.Mount(f"/{project.name}-store", str(store), type="bind")
    runner = local.DockerRunner(mounts=[mount], network_mode="none", user="0")
    local.init(runner=runner, pipeline_root=str(folder / "root"), raise_on_error=True)
    components.load_component_from_file(str(file))()
    locks = sorted((folder / "root").rglob("lock"), key=lambda path: path.stat().st_mtime)
    return locks[-1]


def differences(one: Path, other: Path) -> list[str]:
    """Return the files of two bundles that differ in a byte."""
    names = sorted({p.name for folder in (one, other) for p in folder.iterdir()})
    return [n for n in names if not filecmp.cmp(one / n, other / n, shallow=False)]


def main(project: Path) -> None:
    """Train twice, and compare."""
    took, began = {}, time.perf_counter()

    def lap(name: str) -> None:
        nonlocal began
        took[name], began = round(time.perf_counter() - began, 1), time.perf_counter()

    tools = {"PATH": f"{project / '.venv/bin'}:{os.environ['PATH']}"}
    with tempfile.TemporaryDirectory() as place, socket.socket() as free:
        folder = Path(place)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        (folder / "registry.yml").write_text(CONFIG.format(folder=folder / "registry", port=port))
        registry = subprocess.Popen(
            ["docker-registry", "serve", folder / "registry.yml"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            image = build(project, port)
            lap("image")
            call("loop", "kubeflow", "compile", "--image", image, cwd=project, **tools)
            lap("compile")
            lock = train_on_kubeflow(project / "build/kubeflow.yaml", project, folder)
            lap("kfp's local runner")
        finally:
            registry.terminate()
            registry.wait()
            name = f"127.0.0.1:{port}/flights/training"
            subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True)
        plain = clone(project, folder / "plain")
        call("dvc", "repro", "--quiet", cwd=plain, **tools)
        lap("dvc repro")
        taken = clone(project, folder / "taken")
        (taken / "dvc.lock").write_bytes(lock.read_bytes())
        settings = ("remote", "modify", "--local", "store", "url", str(folder / "store"))
        call("dvc", *settings, cwd=taken, **tools)
        call("loop", "store", "pull", "--checkout", cwd=taken, **tools)
        again = call("dvc", "repro", "--dry", cwd=taken, **tools)
        assert "Running stage" not in again, again
        bundles = [where / "models/bundle" for where in (plain, taken)]
        assert not differences(*bundles), differences(*bundles)
        names = sorted(path.name for path in bundles[0].iterdir())
        print(f"{len(names)} files equal, byte for byte: {', '.join(names)}")
        assert (plain / "dvc.lock").read_bytes() == lock.read_bytes(), "dvc.lock differs"
        print("dvc.lock equal, and dvc repro has nothing to do after it was taken", took)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
