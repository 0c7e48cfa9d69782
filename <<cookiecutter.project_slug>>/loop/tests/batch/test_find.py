"""`load()` finds the model: a folder, a version, production; from a notebook's folder, too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

import mlops_loop
from mlops_loop import paths, project
from mlops_loop.batch import find
from mlops_loop.errors import NoValidBundle, StoreUnreachable, UsageError
from mlops_loop.model import bundle
from mlops_loop.registry import ledger

PYPROJECT = '[tool.mlops-loop]\npackage = "made_up_project"\n'


@pytest.fixture
def root(dvc_project, bundles, monkeypatch):
    """A project with v1.0.0 (regression) in production and v1.1.0 (two classes) as bundle.

    This process is in its folder notebooks/, and no variable names its package.
    """

    def write(folder, mark):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bundles[mark], folder)
        return bundle.load(folder)

    made = replace(dvc_project, _write=write)
    (made.root / "pyproject.toml").write_text(PYPROJECT)
    for mark in ("regression", "binary"):
        ledger.register(made.root, *made.ship(mark))
    ledger.assign(made.root, "v1.0.0", why="first")
    (made.root / "notebooks").mkdir()
    monkeypatch.chdir(made.root / "notebooks")
    monkeypatch.setenv(project.VARIABLE, "")
    return made.root


def test_the_bundle_of_the_project(root):
    """By default; with its version, which the registry knows; the package is known from then on."""
    model = find.load()
    assert (model.version, model.contract.task) == ("v1.1.0", "classification")
    assert os.environ[project.VARIABLE] == "made_up_project"
    assert repr(model).startswith(f"<model v1.1.0 (bundle {model.bundle.id}): classification of ")


def test_a_bundle_by_its_folder(root, bundles):
    """As a text or a path, absolute, or relative to this folder or to the root."""
    assert find.load(str(bundles["many"])).version == "unregistered"
    assert find.load(bundles["many"]).contract.classes[0] == "early"
    assert find.load("models/bundle").version == "v1.1.0"
    assert find.load("../models/bundle").version == "v1.1.0"
    with pytest.raises(NoValidBundle, match=r"No model bundle in .*project/models/nothing"):
        find.load("models/nothing")


@pytest.mark.parametrize("name", ["v1.0.0", "model@v1.0.0", "production"])
def test_a_version_of_the_registry(root, name):
    """It does not replace models/bundle."""
    model = find.load(name)
    assert (model.version, model.contract.task) == ("v1.0.0", "regression")
    assert bundle.load(root / paths.BUNDLE).contract.task == "classification"
    assert find.load("latest").version == "v1.1.0"


def test_a_version_is_fetched_once(root, monkeypatch):
    """What was changed meanwhile is fetched anew."""
    find.load("v1.0.0")
    with monkeypatch.context() as patch:
        patch.setattr(find.champion, "_download", lambda *call: pytest.fail("fetched again"))
        find.load("v1.0.0")
    card = root / paths.VERSIONS / "v1.0.0" / "model_card.md"
    card.write_text("changed")
    shutil.rmtree(root / ".dvc" / "cache")
    with pytest.raises(StoreUnreachable, match=r"v1\.0\.0 is neither in DVC's cache nor in a rem"):
        find.load("v1.0.0")


def test_names_that_are_not_there(root, git):
    """With those that are, and what to do."""
    with pytest.raises(UsageError, match=r"No version 'v7\.0\.0'. There are: v1\.0\.0, v1\.1\.0"):
        find.load("v7.0.0")
    git(root, "tag", "--delete", "model#production#1")
    with pytest.raises(UsageError, match="No version is in production"):
        find.load("production")


def test_without_git_there_is_no_version(bundles, tmp_path, monkeypatch):
    """A bundle can be read."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is no git repository, so it has no version 'production'"):
        find.load("production")
    assert find.load(bundles["binary"]).version == "unregistered"


def test_load_is_at_the_top():
    """And there is nothing else."""
    assert mlops_loop.load is find.load
    with pytest.raises(AttributeError, match="module 'mlops_loop' has no attribute 'other'"):
        _ = mlops_loop.other


def test_to_import_the_loop_needs_no_library():
    """The container imports it without pandas, and every command pays for what it loads."""
    script = (
        "import sys, mlops_loop; print(sorted({'numpy', 'pandas', 'pydantic'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
