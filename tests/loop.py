"""Fixtures for a project whose loop has run: generated once per task, as the READMEs say."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import ROOT, check, locked

PUBLISHED = "https://github.com/OWNER/cookiecutter-mlops-actions"


@dataclass(frozen=True)
class Loop:
    """A generated `project`, the copy of it in which `make demo` ran, and what that printed."""

    project: Path
    folder: Path
    output: str


def shell_lines(readme: Path) -> list[list[str]]:
    """Return the lines of every `sh` block of a README, block by block."""
    text = readme.read_text(encoding="utf-8")
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", text, re.S)]


@pytest.fixture(scope="session")
def published(shared: Path) -> dict[str, str]:
    """Return an environment in which git finds this working tree at the published address."""
    origin = shared / "origin"
    with locked(shared / "origin.lock"):
        if not origin.exists():
            listed = check("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
            for name in filter(None, listed.split("\0")):
                (origin / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, origin / name)
            check("git", "init", "--quiet", cwd=origin)
            check("git", "add", "--all", cwd=origin)
            check("git", "commit", "--quiet", "--message", "Template", cwd=origin)
    return os.environ | {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{origin}.insteadOf",
        "GIT_CONFIG_VALUE_0": PUBLISHED,
    }


@pytest.fixture(scope="session")
def loop(shared: Path, published: dict[str, str], baked) -> Callable[[str], Loop]:
    """Return a function that runs a task's loop once and gives what it left.

    Classification takes the first block of the template's README, word by word, in an empty
    folder; regression a generated project with its own `make demo`.
    """

    def run(task: str) -> Loop:
        log = shared / f"demo-{task}.log"
        with locked(shared / f"demo-{task}.lock"):
            is_first = task == "classification"
            project = _classification(shared) if is_first else _other(baked, task, shared)
            if not log.exists():
                start = shell_lines(ROOT / "README.md")[0] if is_first else None
                _demonstrate(start, shared if start else project, published, log)
            copy = project / "build" / "loop"
            if not (copy / ".venv").exists():
                (copy / ".venv").symlink_to(project / ".venv")
        return Loop(project, copy, log.read_text(encoding="utf-8"))

    return run


def _classification(shared: Path) -> Path:
    return shared / "cloned" / "cookiecutter-mlops-actions" / "build" / "demo"


def _other(baked, task: str, shared: Path) -> Path:
    """Return a copy of a generated project, at which others look meanwhile."""
    folder = shared / task / "flight-delays"
    if not folder.exists():
        options = {
            "task": task,
            "dvc_remote": "ghcr",
            "deploy_target": "host",
            "license": "BSD-3-Clause",
        }
        shutil.copytree(baked(options), folder, symlinks=True)
    return folder


def _demonstrate(
    start: list[str] | None, folder: Path, environment: dict[str, str], log: Path
) -> None:
    part = log.with_suffix(".part")
    assert not part.exists(), f"the loop failed before in this run, see {part}"
    if start:
        folder = folder / "cloned"
        folder.mkdir()
    with part.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            ["bash", "-c", " && ".join(start or ["make demo"])],
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=1200,
        )
    assert done.returncode == 0, part.read_text(encoding="utf-8")[-6000:]
    part.replace(log)


@pytest.fixture(scope="session")
def trained_project(loop) -> Callable[[str], Path]:
    """Return a function that gives a task's project with a champion in `models/bundle`."""
    return lambda task: loop(task).folder
