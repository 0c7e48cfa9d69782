"""One turn of the loop on the sample, in build/loop: a copy, so that your work is not touched.

    python tools/demo.py

1. A first model, gated by floors alone, is registered and put into production.
2. A month of new data and a better estimator: the challenger is compared with the champion on
   the same held-out rows and promoted.
3. A worse model is refused.
4. The champion is served, asked for its golden rows, and predicts a flight of the next month.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import yaml

from <<cookiecutter.__package_name>> import features, schema

PACKAGE = "<<cookiecutter.__package_name>>"
LOOP = Path("build/loop")
IDENTITY = {
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@localhost",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@localhost",
}
SKIP = shutil.ignore_patterns(".git", ".venv", ".uv", "build", "cache", "tmp", "__pycache__")


class Demo:
    """Runs commands in the copy, prints them, and keeps the time of each step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.times: list[tuple[str, float]] = []
        source = str((folder / "src").resolve())
        self.environment = os.environ | IDENTITY | {"PYTHONPATH": source}

    def step(self, title: str) -> None:
        print(f"\n=== {title}", flush=True)
        self.times.append((title, time.monotonic()))

    def run(self, *command: str, expect: int = 0) -> None:
        """Run a command; any other exit code than `expect` ends the demo with it."""
        print(f"\n$ {' '.join(command)}", flush=True)
        done = subprocess.run(command, cwd=self.folder, env=self.environment, check=False)
        if done.returncode != expect:
            sys.exit(f"demo: exit code {done.returncode} instead of {expect}: {command}")

    def verb(self, *arguments: str, expect: int = 0) -> None:
        self.run("python", "-m", PACKAGE, *arguments, expect=expect)

    def train(self, **changes: object) -> None:
        """Run the stages with the project's own parameters, but for these of `train`."""
        params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        params["train"] |= changes
        text = yaml.safe_dump(params, sort_keys=False)
        (self.folder / "params.yaml").write_text(text, encoding="utf-8")
        self.run("dvc", "repro", "--quiet")

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def promote(self, why: str) -> None:
        self.verb("gate")
        self.commit(why)
        self.verb("registry", "register")
        self.verb("registry", "assign", "latest", "--why", why)


def copy_project(folder: Path) -> None:
    """The working tree as it is, with a history of its own and the DVC cache shared."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(".", folder, ignore=SKIP)
    for made in ("data/prepared", "models", "reports"):
        shutil.rmtree(folder / made, ignore_errors=True)
    cache = Path(".dvc/cache").resolve()
    (folder / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n", encoding="utf-8")


def predict_next_month(url: str) -> None:
    """Ask for a flight of the month after the newest data, and print what happened to it."""
    flight = pd.read_csv("data/later/flights-2013-08.csv").dropna().iloc[[0]]
    names = list(schema.ModelInput.to_schema().columns)
    row = features.model_rows(flight)[names].to_json(orient="records", lines=True)
    request = urllib.request.Request(
        f"{url}/predict", row.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    [facts] = flight.to_dict("records")
    print(f"\nFlight {facts['carrier']} {facts['flight']}, {facts['origin']} to {facts['dest']}")
    print(f"  request  {row.strip()}\n  answer   {text}")
    print(f"  in truth it was {facts['arr_delay']:g} min late")


def serve_and_ask(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", PACKAGE, "serve", "--port", port]
    print(f"\n$ python -m {PACKAGE} serve --port {port} &", flush=True)
    server = subprocess.Popen(command, cwd=demo.folder, env=demo.environment)
    try:
        demo.verb("smoke", url)
        predict_next_month(url)
    finally:
        server.terminate()
        server.wait(timeout=20)


def main() -> None:
    demo = Demo(LOOP)
    demo.step("A copy of the project in build/loop")
    copy_project(LOOP)
    demo.run("git", "init", "--quiet", "--initial-branch", "main")
    demo.step("1. A first model: floors only, as there is no champion yet")
    demo.train(estimator="linear", grid=None)
    demo.promote("First model")
    demo.step("2. July arrives, and a better estimator: challenger against champion")
    later = LOOP / "data/later/flights-2013-07.csv"
    shutil.copy(later, LOOP / "data/raw" / later.name)
    demo.train()
    demo.promote("July, gradient boosting")
    demo.step("3. A worse model: two small trees")
    demo.train(grid={"max_iter": [2], "max_leaf_nodes": [3]})
    demo.verb("gate", expect=1)
    demo.verb("report")
    shutil.copy(LOOP / "reports/index.html", LOOP / "reports/refused.html")
    demo.step("4. The champion is served, asked, and predicts")
    demo.run("git", "restore", "--staged", "--worktree", ".")
    demo.run("dvc", "checkout", "--quiet")
    demo.verb("gate", expect=2)
    serve_and_ask(demo)
    demo.verb("report")
    demo.verb("registry", "history")
    finish(demo)


def finish(demo: Demo) -> None:
    demo.times.append(("end", time.monotonic()))
    print("\n=== Time of each step")
    for (title, start), (_, end) in zip(demo.times, demo.times[1:], strict=False):
        print(f"  {end - start:6.1f} s  {title}")
    print(f"  {demo.times[-1][1] - demo.times[0][1]:6.1f} s  in all")
    print("\nLook at it:")
    print(f"  report of the champion       {(LOOP / 'reports/index.html').resolve().as_uri()}")
    print(f"  report of the refused model  {(LOOP / 'reports/refused.html').resolve().as_uri()}")
    print(f"  page, after `make -C {LOOP.resolve()} serve`  http://127.0.0.1:8000/")


if __name__ == "__main__":
    main()
