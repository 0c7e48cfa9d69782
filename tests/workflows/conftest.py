"""Fixtures of the rig: scenes made once a run, worlds for each scenario, the table of what ran."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEFAULTS, check, locked, require_tool

from . import scenes
from .double import Double
from .executed import RECORD
from .rig import LOOP, Run
from .world import REPOSITORY, World, boosted, copy

BYTECODE = "bytecode"
ENVIRONMENTS = "environments"  # of jobs, see bin/make


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="session")
def registry() -> Iterator[Callable[[Path], str]]:
    """Give a function that serves a folder as a container registry and returns its address."""
    program, running = require_tool("docker-registry"), []

    def serve(folder: Path) -> str:
        port = free_port()
        settings = folder.parent / f"registry-{port}.yml"
        settings.write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}, "
            f"delete: {{enabled: true}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
        )
        command = [program, "serve", settings]
        with (folder.parent / f"registry-{port}.log").open("w") as log:
            running.append(subprocess.Popen(command, stdout=log, stderr=log))
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.05)
        pytest.fail(f"the registry does not start: {command}")

    yield serve
    for process in running:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def begun(baked, shared: Path) -> Path:
    """Return the scene before the first push: a project with a quick model, nothing stored."""
    return scenes.begun(shared, "begun", baked(DEFAULTS))


@pytest.fixture(scope="session")
def laptop(baked, shared: Path) -> Path:
    """Return a generated project with its environment."""
    folder = shared / "doctor" / "flight-delays"
    with locked(shared / "doctor.lock"):
        if not folder.exists():
            shutil.copytree(baked(DEFAULTS), folder, symlinks=True)
            check("uv", "sync", "--frozen", "--quiet", cwd=folder)
    return folder


def keep_bytecode(project: Path, target: Path) -> None:
    """Keep what the interpreter made of the libraries, for environments of the same lock."""
    (libraries,) = project.glob(".venv/lib/python3.*/site-packages")
    for found in libraries.rglob("__pycache__"):
        shutil.copytree(found, target / found.relative_to(libraries), dirs_exist_ok=True)


@pytest.fixture(scope="session")
def champion(begun: Path, shared: Path, registry) -> Path:
    """Return the scene with a model in production, its data and runs in the store."""
    scene = shared / "scenes" / "champion"
    with locked(shared / "scene-champion.lock"):
        if not scene.exists():
            part = copy(begun, scene.with_suffix(".part"))
            laptop = part / "laptop"
            store = {"STORE_URL": f"{registry(part / 'registry')}/{REPOSITORY}/store"}
            for step in (
                "make pipeline gate",
                "git add --all && git commit --quiet --message 'First model'",
                f"{LOOP} registry register",
                f"{LOOP} registry assign latest --why 'the first'",
                f"{LOOP} store push --runs",
                "git push --quiet origin main --tags",
            ):
                check("bash", "-ec", step, cwd=laptop, env=os.environ | store)
            if shutil.which("docker"):
                scenes.keep_layers(laptop, store["STORE_URL"].removesuffix("/store"))
            _try_out(laptop, os.environ | store)
            keep_bytecode(laptop, shared / BYTECODE)
            shutil.rmtree(laptop / ".venv")
            part.rename(scene)
    os.environ["RIG_BYTECODE"] = str(shared / BYTECODE)
    return scene


def _try_out(laptop: Path, environment: dict[str, str]) -> None:
    """Train `boosted()` on the laptop, and store the results of its stages: jobs need not."""
    params = laptop / "params.yaml"
    params.write_text(boosted()(params.read_text()))
    for step in (
        "uv run --frozen loop repro --quiet",
        f"{LOOP} store push --runs",
        "git reset --quiet --hard && uv run --frozen dvc checkout --quiet",  # DVC stages its lock
    ):
        check("bash", "-ec", step, cwd=laptop, env=environment)


@pytest.fixture(scope="session")
def retrained(champion: Path, shared: Path, registry) -> Path:
    """Return the scene with a second version, of data that are not in the repository."""
    return scenes.retrained(champion, shared, registry)


@pytest.fixture(scope="session")
def queried(champion: Path, shared: Path, registry, postgres) -> Path:
    """Return the scene whose rows are in a database with a password."""
    postgres.load("flights", *sorted((champion / "laptop" / "data" / "raw").glob("*.csv")))
    return scenes.queried(champion, shared, registry, postgres.url())


@pytest.fixture(scope="session")
def released(retrained: Path, shared: Path, registry) -> Path:
    """Return that scene with the images of both versions, the second one in production."""
    require_tool("docker")
    return scenes.released(retrained, shared, registry)


@pytest.fixture
def world(request, tmp_path: Path, shared: Path) -> Iterator[Callable[..., World]]:
    """Give a function that starts a copy of a scene: `world("champion", private=True)`.

    At the end of the test, every request must have been one that GitHub understands.
    """
    require_tool("act")
    started, worlds, environments = [], [], shared / ENVIRONMENTS
    environments.mkdir(exist_ok=True)

    def start(scene: str = "champion", **options) -> World:
        folder = copy(request.getfixturevalue(scene), tmp_path / f"world-{len(started)}")
        github = Double(REPOSITORY, origin=folder / "origin.git", **options)
        github.__enter__()
        started.append(github)
        found = World(folder, github, record)
        found.env["RIG_ENVIRONMENTS"] = str(environments)
        worlds.append(found)
        return found

    def record(run: Run) -> None:
        scenario = request.node.function.__doc__.splitlines()[0]
        whose = "template" if "test_template" in request.node.nodeid else "project"
        workflow = f"{whose}: {run.workflow}"
        facts = {"workflow": workflow, "scenario": scenario, "jobs": run.results}
        with locked(shared / "executed.lock"), (shared / RECORD).open("a") as file:
            file.write(json.dumps(facts) + "\n")

    yield start
    for each in worlds if shutil.which("docker") else ():
        each.remove_images()
    for github in started:
        github.__exit__(None, None, None)


@pytest.fixture
def host() -> Iterator[Callable[[World], str]]:
    """Give a function that lets a host follow a world's production; it returns the address.

    The job that deploys learns it from the world's variable PRODUCTION_URL.
    """
    started = []

    def follow(world: World) -> str:
        folder = Path(shutil.copytree(world.laptop / "deploy" / "host", world.folder / "host"))
        port = str(free_port())
        # Docker's plugins lie in the real home, which the tests do not otherwise use.
        env = os.environ | {"DOCKER_CONFIG": f"{pwd.getpwuid(os.getuid()).pw_dir}/.docker"}
        env |= {"IMAGE": world.registry.url.partition("://")[2], "PUBLISHED_PORT": port}
        env |= {"COMPOSE_PROJECT_NAME": f"host-{port}"}
        command = (folder / "pull.sh", "1")
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
            )
        started.append((process, folder, env))
        world.variables["PRODUCTION_URL"] = f"http://127.0.0.1:{port}"
        return world.variables["PRODUCTION_URL"]

    yield follow
    for process, folder, env in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        check("docker", "compose", "down", "--timeout=5", "--volumes", cwd=folder, env=env)
