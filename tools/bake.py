"""Generate a project from this working tree, without questions, into the folder build/.

    python tools/bake.py                                  build/flight-delays
    python tools/bake.py task=regression license=MIT      the same, other answers
    python tools/bake.py --name demo                      build/demo, whatever the answers
    python tools/bake.py --each                           build/TASK-REMOTE for each of these two

ANSWERS_JSON in the environment gives answers too, for values that must not meet a shell; what is
empty there, or no question, is left out.

A folder of that name is replaced: what lies in build/ can always be made again.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# All that cookiecutter and cruft read. It copies the whole folder before its first question, so
# it is not shown the environment, the history and the projects that lie beside them.
TEMPLATE = (
    "cookiecutter.json",
    "hooks",
    "<<cookiecutter.project_slug>>",
    "{{cookiecutter.cruft}}",
)
# What tools leave where the loop is tested in place.
LITTER = shutil.ignore_patterns(
    *("__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"),
    *(".venv", ".DS_Store"),
)


def export(target):
    """Copy the template, and nothing that tools left in it, into the folder target."""
    target.mkdir(parents=True, exist_ok=True)
    for name in TEMPLATE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=LITTER)
        else:
            shutil.copy2(source, target / name)
    return target


def command(template, output, answers):
    """Return the command that generates a project from template inside the folder output.

    Nothing is read from or written to the home, which may be read-only: cookiecutter keeps its
    notes beside the template.
    """
    config = template.with_name("cookiecutter.yaml")
    folders = {name: str(template.parent) for name in ("cookiecutters_dir", "replay_dir")}
    part = config.with_suffix(f".{os.getpid()}")  # others may read the file just now
    part.write_text(json.dumps(folders), encoding="utf-8")
    part.replace(config)
    options = ["--no-input", "--config-file", str(config), "--output-dir", str(output)]
    return [sys.executable, "-m", "cookiecutter", *options, str(template), *answers]


def bake(name, answers):
    """Generate a project as build/name, or under its slug; return its folder, None on failure."""
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build, prefix=".bake-") as scratch:
        template = export(Path(scratch, ROOT.name))
        output = Path(scratch, "output")
        # The closing advice of the hook names the folder, which is not the final one here.
        done = subprocess.run(command(template, output, answers), stdout=subprocess.PIPE, text=True)
        if done.returncode:
            return None
        sys.stdout.writelines(line for line in done.stdout.splitlines(True) if "Note:" in line)
        (project,) = output.iterdir()
        target = build / (name or project.name)
        if target.exists():
            shutil.rmtree(target)
        return project.rename(target)


def questions():
    """Return the questions of cookiecutter.json with their defaults, or their choices."""
    found = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    return {name: default for name, default in found.items() if not name.startswith("_")}


def given(text):
    """Return as QUESTION=ANSWER what an object in JSON answers."""
    answers = json.loads(text or "{}")
    return [f"{name}={answers[name]}" for name in questions() if answers.get(name)]


def option_sets():
    """Return answers by name: every task with both remotes that need no server, and each answer."""
    asked = questions()
    tasks, remotes = asked["task"], asked["dvc_remote"]
    others = zip(itertools.cycle(tasks), remotes[2:])
    pairs = [*itertools.product(tasks, remotes[:2]), *others]
    names = ("task", "dvc_remote", "deploy_target", "license")
    host, *elsewhere = asked["deploy_target"]
    targets = itertools.chain([host] * 2 * len(tasks), itertools.cycle(elsewhere))
    sets = zip(pairs, targets, itertools.cycle(asked["license"]), strict=False)
    answers = [(*pair, *others) for pair, *others in sets]
    return {
        f"{task}-{remote}": [
            f"{name}={a}" for name, a in zip(names, (task, remote, *others), strict=True)
        ]
        for task, remote, *others in answers
    }


def main():
    """Read the command line, generate, and say where the projects are."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="example: python tools/bake.py task=regression --name minutes",
    )
    parser.add_argument("answers", nargs="*", metavar="QUESTION=ANSWER")
    parser.add_argument("--name", help="folder inside build/ (default: the project's slug)")
    parser.add_argument("--each", action="store_true", help="every answer at least once")
    arguments = parser.parse_args()
    answers = given(os.environ.get("ANSWERS_JSON")) + arguments.answers
    for name, more in (option_sets() if arguments.each else {arguments.name: []}).items():
        project = bake(name, [*answers, *more])
        if project is None:
            return 1
        print(f"Generated {project.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
