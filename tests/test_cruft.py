"""A project stays linked to the template: cruft creates it, checks it and brings it up to date."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import check


@pytest.fixture
def repository(template, tmp_path) -> Path:
    """Return the template as a git repository with one commit, as cruft clones it."""
    folder = Path(shutil.copytree(template, tmp_path / "template"))
    check("git", "init", "--quiet", "-b", "main", cwd=folder)
    commit_all(folder, "first")
    return folder


def commit_all(folder: Path, message: str) -> None:
    """Commit everything that is in the folder."""
    check("git", "add", "--all", cwd=folder)
    check("git", "commit", "--quiet", "-m", message, cwd=folder)


@pytest.fixture
def linked(repository, tmp_path) -> Path:
    """Return a project that cruft created and its owner committed."""
    output = tmp_path / "out"
    output.mkdir()
    check("cruft", "create", "--no-input", "--default-config", str(repository), cwd=output)
    project = output / "flight-delays"
    check("git", "init", "--quiet", "-b", "main", cwd=project)
    commit_all(project, "Start")
    return project


def test_cruft_creates_a_project_through_the_decoy(linked, repository):
    """The decoy satisfies cruft's look for double braces, and is not generated."""
    state = json.loads((linked / ".cruft.json").read_text())
    assert state["commit"] == check("git", "rev-parse", "HEAD", cwd=repository).strip()
    assert (linked / "gate.yaml").exists() and (linked / "LICENSE").exists()
    assert list(linked.glob("*{{*")) == []


def test_cruft_finds_the_project_up_to_date(linked):
    """A new project has no difference to its template."""
    check("cruft", "check", cwd=linked)
    assert "diff --git" not in check("cruft", "diff", cwd=linked)


def test_cruft_brings_a_change_of_the_template(linked, repository):
    """Only the changed file changes; the owner's own work stays."""
    (linked / "notes.md").write_text("mine\n")
    commit_all(linked, "Own work")
    attributes = repository / "<<cookiecutter.project_slug>>" / ".gitattributes"
    attributes.write_text(attributes.read_text() + "*.gif binary\n")
    commit_all(repository, "second")
    check("cruft", "update", "--skip-apply-ask", cwd=linked)
    changed = check("git", "status", "--porcelain", cwd=linked).split()
    assert sorted(changed[1::2]) == [".cruft.json", ".gitattributes"]
    assert (linked / "notes.md").read_text() == "mine\n"
