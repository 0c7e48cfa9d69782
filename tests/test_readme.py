"""Every command that a README names is run here, or by the fixture `loop` (`make demo`)."""

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

from conftest import DEFAULTS, ROOT, TASKS, check, environment_of, give_environment, run
from loop import PUBLISHED, shell_lines

# What is run elsewhere, and where.
ELSEWHERE = {
    "make demo": "loop.py",
    "make test": "test_loop.py for a project, .ci/run for the template",
    "make -C loop test": "make loop, and the workflow ci in tests/workflows",
    "make lint": "test_loop.py",
    "make .venv": "test_own_table.py",
    "make serve": "test_make_serve",
    "make image": "test_image.py",
    "docker compose up": "test_image.py",
    "uv run loop schema customers.csv --target churned --replace": "test_own_table.py",
    "uv run loop schema customers.csv --replace": "test_own_table.py",
    "uv run loop predict new-customers.csv": "test_own_table.py",
}


def commands(readme: Path) -> list[str]:
    """Return all commands of a README: its shell blocks, then those in code type."""
    text = readme.read_text(encoding="utf-8")
    blocks = [line for block in shell_lines(readme) for line in block]
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    spans = re.findall(r"`((?:make|uv run|docker|pipx run|git|dvc) [^`\n]+)`", prose)
    return list(dict.fromkeys([*blocks, *spans]))


def run_here(readme: Path) -> list[str]:
    """Return the commands of a README that no other test runs."""
    return [name for name in commands(readme) if name not in ELSEWHERE]


def test_template_commands():
    """The template's README names these commands, each of which a test runs."""
    assert commands(ROOT / "README.md") == [
        f"git clone {PUBLISHED} && cd cookiecutter-mlops-actions",  # fixture loop
        "make demo",  # fixture loop
        "pipx run cookiecutter gh:OWNER/cookiecutter-mlops-actions",  # test_generates_from_address
        "make test",  # .ci/run
        "make pictures",  # test_pictures.py
        "make site",  # test_site.py
        "make help",  # test_workflows.py
    ]


def test_generates_from_address(published, tmp_path):
    """cookiecutter takes the published address as it stands in the README, and asks nothing else.

    pipx only brings cookiecutter; the one of the environment stands in for it.
    """
    command = ["cookiecutter", "--no-input", "--default-config"]
    target = commands(ROOT / "README.md")[2].split()[-1].replace("gh:", "https://github.com/")
    assert target == PUBLISHED
    check(*command, target, cwd=tmp_path, env=published)
    assert (tmp_path / "flight-delays" / "README.md").exists()


def test_project_commands(loop, baked, tmp_path):
    """In a project with a champion, the commands of its README work; each task has the same."""
    made = loop("classification")
    folder = Path(shutil.copytree(made.folder, tmp_path / "flight-delays", symlinks=True))
    give_environment(folder, made.project)
    names = run_here(folder / "README.md")
    assert len(names) > 10
    for task in TASKS:
        assert run_here(baked(DEFAULTS | {"task": task}) / "README.md") == names
    environment = environment_of(folder)
    (folder / "CHANGES").write_text("A change to commit.\n")
    # Another test tried the container here, with a latency that other tests made.
    (folder / "reports" / "budgets.json").unlink(missing_ok=True)
    for name in names:
        done = run("bash", "-c", name, cwd=folder, env=environment)
        assert done.returncode == 0, name + done.stdout + done.stderr


def test_make_serve(loop):
    """`make serve` answers on the address in the README and stops when it is interrupted."""
    folder = loop("classification").folder
    server = subprocess.Popen(["make", "serve"], cwd=folder, start_new_session=True)
    try:
        assert "<form" in wait_for("http://127.0.0.1:8000/")
    finally:
        os.killpg(server.pid, signal.SIGINT)
        server.wait(timeout=30)


def wait_for(url: str) -> str:
    """Return the page at an address, once it answers."""
    for _ in range(120):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # loopback
                return answer.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"{url} does not answer")


def test_project_help_lists_all_targets(loop):
    """`make help` names every target that the README does."""
    folder = loop("classification").folder
    shown = check("make", "help", cwd=folder)
    names = [name.split() for name in commands(folder / "README.md")]
    named = {name[1] for name in names if name[0] == "make" and name[1] not in ("-C", ".venv")}
    assert all(f"make {name}" in shown for name in named)
