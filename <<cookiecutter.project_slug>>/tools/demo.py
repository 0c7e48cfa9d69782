"""One turn of the loop on the sample, in build/loop: a copy, so that your work is not touched.

    python tools/demo.py

1. A first model, gated by floors alone, is registered and put into production.
2. A month of new data and a better estimator: the challenger is compared with the champion on
   the same held-out rows and promoted.
3. A worse model is refused.
4. The champion is served, asked for its golden rows, and predicts a flight of the next month.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import requests
import yaml

from <<cookiecutter.__package_name>> import features, schema

LOOP = Path("build/loop").resolve()
VERB = "python -m <<cookiecutter.__package_name>>"
SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "cache", "tmp", "__pycache__")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(LOOP / "src")}


def run(*commands: str, expect: int = 0) -> None:
    """Run commands in the copy; any other exit code than `expect` ends the demo with it."""
    for command in commands:
        print(f"\n$ {command}", flush=True)
        done = subprocess.run(shlex.split(command), cwd=LOOP, env=ENVIRONMENT, check=False)
        if done.returncode != expect:
            sys.exit(f"demo: exit code {done.returncode} instead of {expect}: {command}")


def copy_project() -> None:
    """The working tree as it is, with a history of its own and the DVC cache shared."""
    shutil.rmtree(LOOP, ignore_errors=True)
    shutil.copytree(".", LOOP, ignore=SKIP)
    for made in ("data/prepared", "models", "reports"):
        shutil.rmtree(LOOP / made, ignore_errors=True)
    cache = Path(".dvc/cache").resolve()
    (LOOP / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")
    run("git init --quiet --initial-branch main")
    run("git config user.name Demo", "git config user.email demo@localhost")


def train(**changes: object) -> None:
    """Run the stages with the project's own parameters, but for these of `train`."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["train"] |= changes
    text = yaml.safe_dump(params, sort_keys=False)
    (LOOP / "params.yaml").write_text(text, encoding="utf-8")
    run("dvc repro --quiet")


def promote(why: str, *look: str) -> None:
    run(f"{VERB} gate", *look, "git add --all", f"git commit --quiet --message '{why}'")
    run(f"{VERB} registry register", f"{VERB} registry assign latest --why '{why}'")


def first_model() -> None:
    train(estimator="linear", grid=None)
    promote("First model")


def better_model() -> None:
    shutil.copy(LOOP / "data/later/flights-2013-07.csv", LOOP / "data/raw")
    train()
    promote("July, gradient boosting", f"{VERB} report --page reports/promoted.html")


def worse_model() -> None:
    train(grid={"max_iter": [2], "max_leaf_nodes": [3]})
    run(f"{VERB} gate", expect=1)
    run(f"{VERB} report --page reports/refused.html")


def serve_champion() -> None:
    run("git restore --staged --worktree .", "dvc checkout --quiet")
    run(f"{VERB} gate")
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = "http://{}:{}".format(*free.getsockname())
    command = f"{VERB} serve --port {url.rpartition(':')[2]}"
    print(f"\n$ {command} &", flush=True)
    server = subprocess.Popen(shlex.split(command), cwd=LOOP, env=ENVIRONMENT)
    try:
        run(f"{VERB} smoke {url}")
        predict_next_month(f"{url}/predict")
    finally:
        server.terminate()
        server.wait(timeout=20)
    run(f"{VERB} report --page reports/index.html", f"{VERB} registry history")


def predict_next_month(url: str) -> None:
    """Ask for a flight of the month after the newest data, and print what happened to it."""
    flight = pd.read_csv("data/later/flights-2013-08.csv").dropna().iloc[[0]]
    names = list(schema.ModelInput.to_schema().columns)
    row = features.model_rows(flight)[names].to_json(orient="records", lines=True)
    answer = requests.post(url, data=row, timeout=10)
    [facts] = flight.to_dict("records")
    print(f"\nFlight {facts['carrier']} {facts['flight']}, {facts['origin']} to {facts['dest']}")
    print(f"  request  {row.strip()}\n  answer   {answer.text}")
    print(f"  in truth it was {facts['arr_delay']:g} min late")


STEPS = {
    "A copy of the project in build/loop": copy_project,
    "1. A first model: floors only, as there is no champion yet": first_model,
    "2. July arrives, and a better estimator: challenger against champion": better_model,
    "3. A worse model: two small trees": worse_model,
    "4. The champion is served, asked, and predicts": serve_champion,
}


def main() -> None:
    start, times = time.monotonic(), []
    for title, step in STEPS.items():
        print(f"\n=== {title}", flush=True)
        begun = time.monotonic()
        step()
        times.append(f"  {time.monotonic() - begun:6.1f} s  {title}")
    print("\n=== Time of each step", *times, sep="\n")
    print(f"  {time.monotonic() - start:6.1f} s  in all\n\nLook at it:")
    print(f"  report of the better model   {(LOOP / 'reports/promoted.html').as_uri()}")
    print(f"  report of the refused model  {(LOOP / 'reports/refused.html').as_uri()}")
    print(f"  page, after `make -C {LOOP} serve`  http://127.0.0.1:8000/")


if __name__ == "__main__":
    main()
