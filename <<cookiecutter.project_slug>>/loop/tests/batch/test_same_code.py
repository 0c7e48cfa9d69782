"""A model whose raw rows are read by other code than at training says so."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from mlops_loop import project as packages
from mlops_loop.batch import same_code
from mlops_loop.registry import ledger

FEATURES = "src/made_up_project/features.py"


@pytest.fixture
def said(caplog, monkeypatch):
    """`said(root, version)`: the warnings."""
    monkeypatch.setenv(packages.VARIABLE, "made_up_project")

    def call(root, version=None) -> list[str]:
        caplog.clear()
        same_code.warn(root, version)
        return caplog.messages

    return call


def write(root, text: str) -> bytes:
    """The features of a project."""
    file = root / FEATURES
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file.read_bytes()


def test_of_a_version_by_its_commit(project, said):
    """What is neither committed nor registered counts, too."""
    write(project.root, "# one")
    entry, _ = ledger.register(project.root, *project.ship("a"))
    assert said(project.root, entry) == []
    write(project.root, "# two")
    [warning] = said(project.root, entry)
    assert warning.startswith("features.py or schema.py is not that of v1.0.0")
    assert warning.endswith("See: git diff 'model@v1.0.0' -- src")


def test_of_a_bundle_by_the_lock(tmp_path, said):
    """Without a lock, or with one that names other files, nothing is known."""
    content = write(tmp_path, "# one")
    assert said(tmp_path) == []
    (tmp_path / "dvc.lock").write_text("stages: nonsense")
    assert said(tmp_path) == []
    dep = {"path": FEATURES, "hash": "md5", "md5": hashlib.md5(content).hexdigest()}
    stages = {"prepare": {"cmd": "x", "deps": [{"path": "other", "md5": "1"}, dep]}, "demo": {}}
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    assert said(tmp_path) == []
    write(tmp_path, "# two")
    [warning] = said(tmp_path)
    assert warning.startswith(f"{FEATURES} has changed since the model was trained")


def test_without_a_package_there_are_no_raw_rows(tmp_path, said, monkeypatch):
    """And nothing to say."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(packages.VARIABLE, "")
    assert said(tmp_path) == []
