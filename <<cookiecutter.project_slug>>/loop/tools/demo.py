"""One turn of the loop on the sample, in build/loop: a copy, so that your work is not touched.

    python loop/tools/demo.py

1. A first model, gated by floors alone, is registered and deployed.
2. A pull request: a month of new data and a better estimator. The challenger is compared with the
   champion on the same held-out rows, and reported.
3. The merge is deployed; the endpoint answers its golden rows, and predicts a flight of the next
   month.
4. A worse model is refused.
5. A broken release is reverted automatically.
6. A rollback, held: later releases are refused until a person lifts the hold.
7. The monitor looks at the next month, day by day; a sensor falls silent, and is repaired.

Registry, deployment, rollback and monitor are the project's own. Production is a stand-in, see
demo_host.py.
"""

import shutil
import time
from dataclasses import dataclass
from typing import Any

import requests
from demo_copy import LOOP, copy_project, run, silence, train
from demo_host import URL, Production, deploy, start

from mlops_loop import params, project
from mlops_loop.pipeline import validate
from mlops_loop.sources import csv_files


@dataclass(frozen=True)
class Story:
    """What differs between tasks: `train` of three models, and the raw column that falls silent.

    better: beside what params.yaml has. actual: what a flight turned out to be, if that is known.
    before: commands before the better model is trained.
    """

    first: dict[str, Any]
    better: dict[str, Any]
    worse: dict[str, Any]
    silent: str
    actual: str = ""
    before: tuple[str, ...] = ()


def story() -> Story:
    """Of the task in params.yaml."""
    if params.load().task == "clustering":
        # The same clusters, found less exactly: where they are others, a person decides.
        first = {"grid": {"n_clusters": [5], "n_init": [10], "max_iter": [5]}}
        worse = {"n_clusters": [5], "init": ["random"], "n_init": [1], "max_iter": [1]}
        better, before = {"grid": {"n_clusters": [5]}}, ("loop anchors",)
        return Story(first, better, {"grid": worse}, "distance", before=before)
    worse = {"max_iter": [2], "max_leaf_nodes": [3]}
    first = {"estimator": "linear", "grid": None}
    return Story(first, {}, {"grid": worse}, "pressure", "arr_delay")


def first_model() -> None:
    train(**story().first)
    run("loop gate", "git add --all", "git commit --quiet --message 'First model'")
    run("loop registry register")
    deploy("v1.0.0", "the first one")


def pull_request() -> None:
    run("git switch --quiet --create july")
    shutil.move(LOOP / "data/later/flights-2013-07.csv", LOOP / "data/raw")
    run(*story().before)
    train(**story().better)
    run("loop gate", "loop report --page reports/promoted.html")
    run("git add --all", "git commit --quiet --message 'July, a better estimator'")


def merge() -> None:
    run("git switch --quiet main", "git merge --quiet --no-ff --message 'Merge july' july")
    run("loop registry register")
    deploy("v1.1.0", "July, a better estimator")
    predict_next_month(f"{URL}/predict")


def worse_model() -> None:
    train(**story().worse)
    run("loop gate", expect=1)
    run("loop report --page reports/refused.html")
    run("git restore --staged --worktree .", "dvc checkout --quiet", "loop gate")


def broken_release() -> None:
    """The same model in an image whose code adds 0.1 to each score."""
    code = LOOP / "loop/src/mlops_loop/inference/model.py"
    scores, text = "predictor.scores(coded)", code.read_text("utf-8")
    assert scores in text
    code.write_text(text.replace(scores, f"{scores} + 0.1"), "utf-8")
    deploy("v1.1.0", "new code of the endpoint", "broken", expect=5)
    run("git restore --staged --worktree .")


def rollback() -> None:
    run("loop rollback --why 'late answers'")
    run("loop deploy v1.1.0", expect=64)
    run("loop registry assign v1.1.0 --lift-hold --why 'it was the network'")
    run("loop deploy v1.1.0", "loop registry history")


def predict_next_month(url: str) -> None:
    """Predict a flight of the month after the newest data, and print its real delay."""
    table = csv_files.read_csv("data/later/flights-2013-08.csv")
    flight = validate.validate(table, project.raw_rows()).rows.dropna().iloc[[0]]
    names = list(project.model_input().to_schema().columns)
    row = project.model_rows(flight)[names].to_json(orient="records", lines=True)
    answer = requests.post(url, data=row, timeout=10)
    [facts] = flight.to_dict("records")
    print(f"\nFlight {facts['carrier']} {facts['flight']}, {facts['origin']} to {facts['dest']}")
    print(f"  request  {row.strip()}\n  answer   {answer.text}")
    if actual := story().actual:
        print(f"  reality  it was {facts[actual]:g} min late")


def monitor() -> None:
    """A month of production as training knows it; then the last week of it without a sensor."""
    run("loop monitor evaluate")
    silence(story().silent, "2013-08-22", "data/later/flights-2013-08.csv")
    run("loop monitor evaluate", expect=8)
    shutil.copy(LOOP / "reports/dashboard.html", LOOP / "reports/alarm.html")
    run("git restore data/later", "loop monitor evaluate")


STEPS = {
    "A copy of the project in build/loop": copy_project,
    "1. A first model: floors only, as there is no champion yet": first_model,
    "2. A pull request: July arrives, and a better estimator": pull_request,
    "3. The merge is deployed, checked, and predicts": merge,
    "4. A worse model is refused: it hardly learns": worse_model,
    "5. A broken release is reverted: every score is off by 0.1": broken_release,
    "6. A rollback, held until a person lifts it; then the ledger": rollback,
    "7. The monitor looks at August; then a sensor is silent for its last week": monitor,
}
PAGES = {
    "report of the better model": "promoted",
    "report of the refused model": "refused",
    "dashboard, silent sensor": "alarm",
    "dashboard, repaired": "dashboard",
}


def main() -> None:
    begun, times = time.monotonic(), []
    start()
    try:
        for title, step in STEPS.items():
            print(f"\n=== {title}", flush=True)
            since = time.monotonic()
            step()
            times.append(f"  {time.monotonic() - since:6.1f} s  {title}")
    finally:
        Production.stop()
    print("\n=== Time of each step", *times, sep="\n")
    print(f"  {time.monotonic() - begun:6.1f} s  in all\n\nLook at it:")
    for what, name in PAGES.items():
        print(f"  {what:27}  {(LOOP / f'reports/{name}.html').as_uri()}")
    print(f"  page, after `make -C {LOOP} serve`  http://127.0.0.1:8000/")


if __name__ == "__main__":
    main()
