"""The last hook finishes the project with what the machine has, and says what it has not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import check, files, generate, require_tool
from test_answers import load_hook

finish = load_hook("post_gen_project")


@pytest.fixture
def tools_on_path(tmp_path, monkeypatch):
    """Return a function that leaves only the named programs on PATH."""

    def only(*names: str):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in names:
            # git and uv find their helpers beside their real file, so they are called in place.
            script = folder / name
            script.write_text(f'#!/bin/sh\nexec "{Path(require_tool(name)).resolve()}" "$@"\n')
            script.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return only


@pytest.fixture
def bake_here(template, tmp_path):
    """Return a function that generates the default project here and returns it with the output."""

    def bake(**answers: str) -> tuple[Path, str]:
        done = generate(template, tmp_path / "out", **answers)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return tmp_path / "out" / "flight-delays", done.stdout

    return bake


def notes(output: str) -> list[str]:
    """Return what the hook says is missing."""
    return [line for line in output.splitlines() if line.startswith("Note: ")]


def test_with_everything_there_is_a_lock_and_a_first_commit(bake_here):
    """A complete machine gets a locked project, committed on main, and three commands."""
    project, output = bake_here()
    assert notes(output) == []
    assert output.splitlines()[-4:] == [
        "The project is ready. Next:",
        *["  cd flight-delays", "  make demo", "  make test"],
    ]
    assert "everybody can read the store" in output
    assert (project / "uv.lock").exists()
    assert check("git", "log", "--format=%s %an", cwd=project).strip() == (
        "Start the project from its template A tester"
    )
    assert check("git", "branch", "--show-current", cwd=project).strip() == "main"


def test_a_store_elsewhere_is_not_warned_of(bake_here, tools_on_path):
    """GitHub makes only its own packages public, so only they are mentioned."""
    tools_on_path()
    project, output = bake_here(dvc_remote="s3")
    assert "The project is ready" in output and "everybody" not in output
    assert "ghcr.io" not in (project / "README.md").read_text(encoding="utf-8")


def test_without_git_and_uv_the_project_is_complete(bake_here, tools_on_path):
    """Both are named in one line each, with what to do later."""
    tools_on_path()
    project, output = bake_here()
    assert [note[:20] for note in notes(output)] == ["Note: uv is not inst", "Note: git is not ins"]
    assert not (project / ".git").exists() and not (project / "uv.lock").exists()
    assert (project / "LICENSE").exists()


def test_without_uv_the_first_commit_is_made(bake_here, tools_on_path):
    """A missing lock does not keep git from starting."""
    tools_on_path("git")
    project, output = bake_here()
    assert len(notes(output)) == 1
    assert check("git", "status", "--porcelain", cwd=project) == ""


def test_without_an_identity_nothing_is_committed(bake_here, tools_on_path, monkeypatch, tmp_path):
    """The hook does not let git invent an address from the names of user and machine."""
    tools_on_path("git")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("EMAIL", "tester@users.noreply.github.com")  # git would take it
    project, output = bake_here()
    assert "user.name and user.email" in notes(output)[1]
    assert check("git", "rev-list", "--all", "--count", cwd=project).strip() == "0"


def test_offline_the_lock_is_left_for_later(bake_here, monkeypatch, tmp_path):
    """An index that does not answer costs seconds and one line."""
    require_tool("uv")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    project, output = bake_here()
    (note,) = notes(output)
    assert note.startswith("Note: uv.lock was not made") and "the first make" in note
    assert not (project / "uv.lock").exists()
    assert check("git", "status", "--porcelain", cwd=project) == ""
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    check("make", "uv.lock", cwd=project)
    check("uv", "lock", "--check", cwd=project)


def test_a_person_s_list_of_ignored_files_does_not_thin_out_the_commit(
    bake_here, monkeypatch, tmp_path
):
    """The first commit holds every generated file."""
    ignore = tmp_path / "config" / "git" / "ignore"
    ignore.parent.mkdir(parents=True)
    ignore.write_text("*.md\n*.csv\n*.lock\n")
    # Not in the home that other tests share at the same time.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project, _ = bake_here()
    tracked = check("git", "ls-files", "-z", cwd=project).split("\0")[:-1]
    assert sorted(tracked) == files(project)


def test_a_refused_commit_is_said_in_one_line(bake_here, monkeypatch, tmp_path):
    """A commit hook of the person may refuse; the project stays, uncommitted."""
    hooks = tmp_path / "templates" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-commit").write_text("#!/bin/sh\necho no unsigned work >&2; exit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(hooks.parent))
    _, output = bake_here()
    assert notes(output) == [
        "Note: git made no first commit (no unsigned work); later: git commit -m Start"
    ]


def test_an_existing_repository_is_left_alone(template, tmp_path):
    """Generating again over a project neither starts a repository nor commits."""
    output = tmp_path / "out"
    generate(template, output)
    command = [sys.executable, "-m", "cookiecutter", "--no-input", "--default-config", "-f"]
    done = subprocess.run(
        [*command, "-o", output, template], capture_output=True, text=True, check=True
    )
    assert "There is a git repository already" in done.stdout
    project = output / "flight-delays"
    assert check("git", "rev-list", "--all", "--count", cwd=project).strip() == "1"


def test_a_missing_template_file_is_one_sentence(template, tmp_path):
    """A damaged template is reported by file, and the half-made project is removed."""
    damaged = Path(shutil.copytree(template, tmp_path / "damaged"))
    (damaged / "<<cookiecutter.project_slug>>" / "licenses" / "MIT").unlink()
    done = generate(damaged, tmp_path / "out")
    assert done.returncode == 1 and not (tmp_path / "out" / "flight-delays").exists()
    assert "The project is not complete: No such file" in done.stderr


def test_a_command_that_never_ends_is_stopped(tmp_path, monkeypatch):
    """A hanging index or key agent does not hang the generation."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 30\n")
    sleeper.chmod(0o755)
    assert finish.run(str(sleeper), timeout_s=0.2) == "no end after 0.2 s"


def test_a_command_that_cannot_start_is_said():
    """A broken program is a sentence, not a traceback."""
    assert finish.run(os.devnull, timeout_s=1) == "Permission denied"


def test_the_option_table_offers_what_is_asked(template):
    """Each choice of each option question has its file in the template.

    Where only some have one, the others keep a file that already has the name, or have none.
    """
    from test_answers import CONTEXT

    folder = template / "<<cookiecutter.project_slug>>"
    package = "<<cookiecutter.__package_name>>"
    for question, _, pattern, offered in finish.OPTIONS:
        assert set(offered) <= set(CONTEXT[question])
        paths = [folder / pattern.format(choice, package=package) for choice in offered]
        assert [path for path in paths if not path.exists()] == []
    assert {p.name for p in (folder / "licenses").iterdir()} == set(CONTEXT["license"])
