"""The copy of the project in build/loop, in which the demo works: commands, parameters, data.

It has a history and a store of its own, and the DVC cache of the project.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

from mlops_loop.yaml_text import parse

LOOP = Path("build/loop").resolve()
SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "cache", "tmp", "__pycache__")
CODE = ("src", "loop/src")
REPLAY = {"kind": "replay", "path": "data/later/*.csv"}


def python_path(folder: Path) -> str:
    """The code of a copy comes before that of the project's environment."""
    return os.pathsep.join(str(folder / code) for code in CODE)


# Nothing of the demo reaches a store that the variables of your shell name.
ENVIRONMENT = os.environ | {"PYTHONPATH": python_path(LOOP), "STORE_URL": "", "TQDM_DISABLE": "1"}


def run(*commands: str, expect: int = 0) -> None:
    """Run commands in the copy; any other exit code than `expect` ends the demo with it."""
    for command in commands:
        print(f"\n$ {command}", flush=True)
        done = subprocess.run(shlex.split(command), cwd=LOOP, env=ENVIRONMENT, check=False)
        if done.returncode != expect:
            sys.exit(f"demo: exit code {done.returncode} instead of {expect}: {command}")
        if expect:
            print(f"  (exit code {expect}, as it should)", flush=True)


def copy_project() -> None:
    """The working tree as it is; production's rows are those of data/later, whatever yours are."""
    shutil.rmtree(LOOP, ignore_errors=True)
    shutil.copytree(".", LOOP, ignore=SKIP)
    for made in ("data/prepared", "models", "reports"):
        shutil.rmtree(LOOP / made, ignore_errors=True)
    cache, store = Path(".dvc/cache").resolve(), LOOP / "build/store"
    settings = f"[cache]\n    dir = {cache}\n[core]\n    remote = demo\n"
    settings += f"['remote \"demo\"']\n    url = {store}\n"
    (LOOP / ".dvc/config.local").write_text(settings, encoding="utf-8")
    edit("monitor.yaml", traffic=REPLAY)
    run("git init --quiet --initial-branch main")
    run("git config user.name Demo", "git config user.email demo@localhost")


def edit(name: str, **sections: object) -> None:
    """Write a YAML file of the project into the copy, with these sections in place of its own."""
    content = parse(Path(name).read_text(encoding="utf-8"))
    text = yaml.safe_dump(content | sections, sort_keys=False)
    (LOOP / name).write_text(text, encoding="utf-8")


def train(**changes: object) -> None:
    """Run the stages with the project's parameters; `changes` replace those of `train`."""
    own = parse(Path("params.yaml").read_text(encoding="utf-8"))["train"]
    edit("params.yaml", train=own | changes)
    run("loop repro --quiet")


def silence(column: str, since: str, name: str) -> None:
    """Leave a raw column empty in the rows of a file from a day on."""
    table = pd.read_csv(LOOP / name, dtype=str)
    table.loc[table["time_hour"] >= since, column] = None
    table.to_csv(LOOP / name, index=False)
    print(f"\n({name}: no {column} from {since} on)", flush=True)
