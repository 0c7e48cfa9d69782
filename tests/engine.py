"""Fixtures for a real Docker engine and the image of a trained project."""

import json
import os
import pwd
import subprocess
from pathlib import Path

import pytest
from conftest import require_tool


@pytest.fixture(scope="session")
def docker():
    """Give a function that runs docker; skip without the program or without an engine."""
    program = require_tool("docker")
    # Its plugins lie in the real home, which the tests do not otherwise use.
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    environment = os.environ | {"DOCKER_CONFIG": str(home / ".docker"), "DOCKER_BUILDKIT": "1"}

    def call(*arguments, succeed=True, **more):
        options = {"env": environment | more.pop("env", {}), "timeout": 600} | more
        done = subprocess.run(
            [program, *map(str, arguments)], capture_output=True, text=True, **options
        )
        assert done.returncode == 0 or not succeed, done.stdout + done.stderr
        return done

    if call("info", succeed=False).returncode:
        require_tool("a running docker engine")
    call.environment = environment
    return call


@pytest.fixture(scope="session")
def image(docker, trained_project):
    """Give a function that builds the image of a task once and returns its name."""
    built = {}

    def build(task):
        if task not in built:
            project = trained_project(task)
            name = f"{project.name}-{task}:test-{os.getpid()}"
            facts = ["--build-arg=MODEL_VERSION=v1.4.0", "--build-arg=GIT_COMMIT=0123abc"]
            facts.append(f"--build-arg=BUNDLE_ID={bundle_id(project)}")
            docker("build", *facts, *certificates(), "--tag", name, project)
            built[task] = name
        return built[task]

    yield build
    for name in built.values():
        docker("image", "rm", "--force", name)


def bundle_id(project):
    """Return the id of the project's model."""
    return json.loads((project / "models/bundle/manifest.json").read_text())["id"]


def certificates():
    """Return the option that hands the build this machine's certificates, where it has own ones."""
    file = os.environ.get("SSL_CERT_FILE")
    return [f"--secret=id=ca,src={file}"] if file and Path(file).exists() else []
