"""A project with stages of DVC, beside uv."""

from __future__ import annotations

import os
import shutil

import pytest
from dvc.repo import Repo

DVC = """
stages:
  ingest: {desc: Read it, cmd: loop ingest, outs: [rows.txt]}
  train: {desc: Fit it, cmd: loop train, deps: [rows.txt], outs: [model.txt]}
  check-rows: {cmd: loop validate, deps: [rows.txt], outs: [checked.txt]}
  evaluate: {cmd: loop evaluate, deps: [model.txt, checked.txt], outs: [bundle.txt]}
"""


@pytest.fixture
def staged(tmp_path, monkeypatch):
    """The root of a project with four stages, as the current folder."""
    Repo.init(str(tmp_path), no_scm=True).close()
    (tmp_path / "dvc.yaml").write_text(DVC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def uv():
    """The program that makes kfp's environment; its cache is that of the machine."""
    found = shutil.which("uv")
    if not found and os.environ.get("CI") == "true":
        pytest.fail("uv is not installed")
    return found or pytest.skip("uv is not installed")
