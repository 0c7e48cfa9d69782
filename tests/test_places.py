"""Where people keep things: folders with blanks in their names, a home that cannot be written."""

import json
import shutil

from conftest import DEFAULTS, check, generate


def test_make_works_where_names_have_blanks(baked, tmp_path, monkeypatch):
    """The project, the home and uv itself lie in such folders."""
    place = tmp_path / "my own projects"
    project = shutil.copytree(baked(DEFAULTS), place / "flight-delays", symlinks=True)
    programs = place / "bin"
    programs.mkdir()
    shutil.copy(shutil.which("uv"), programs)
    home = shutil.copytree(tmp_path.home(), place / "home", symlinks=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    check("make", ".venv", "lint", cwd=project)
    check("make", "-C", "loop", "environment", cwd=project)
    shown = check(project / ".venv" / "bin" / "loop", "registry", "show", "--json", cwd=project)
    assert json.loads(shown) == []
    plan = ("make", "--dry-run", "--always-make", "--no-print-directory")
    planned = check(*plan, "pipeline", "upgrade", cwd=project)
    assert str(place) not in planned


def test_a_project_is_generated_without_a_home(template, tmp_path, monkeypatch):
    """Neither cookiecutter nor the hooks write there: it is a file."""
    home = tmp_path / "home"
    home.touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME")
    done = generate(template, tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out" / "flight-delays" / "params.yaml").exists()
