"""Workflows with a tracker: a real server of MLflow, in an environment of its own."""

import importlib.util
import json
import urllib.request

from conftest import TEMPLATE, check

from .test_ci import gated
from .test_release import DEPLOYED
from .test_rollback import JOBS, roll_back
from .world import boosted

_file = TEMPLATE / "loop" / "tests" / "fixtures" / "tracker_servers.py"
_spec = importlib.util.spec_from_file_location("tracker_servers", _file)
servers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(servers)
tracker_python, mlflow_server = servers.tracker_python, servers.mlflow_server

EXTRA = "mlops-loop[mlflow]"
CHAMPION = "registered-models/alias?name=flight_delays&alias=champion"
FILES = ("pyproject.toml", "uv.lock")


def with_the_extra(world) -> dict[str, str]:
    """Return the files of the project after an owner has added MLflow's client."""
    check("uv", "add", "--quiet", "--no-sync", "--group", "pipeline", EXTRA, cwd=world.laptop)
    edits = {name: (world.laptop / name).read_text() for name in FILES}
    world.git("checkout", "--quiet", "--", *FILES)
    return edits


def ask(url: str, **body) -> dict:
    """Return the answer of MLflow's API."""
    request = urllib.request.Request(url, headers={"Content-Type": "application/json"})  # noqa: S310
    request.data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


def test_a_pull_request_and_a_rollback_are_shown(world, mlflow_server):
    """MLflow shows the model of a pull request, refused by the gate or not, and the champion."""
    here = world("released")
    here.push(with_the_extra(here))
    here.variables["MLFLOW_TRACKING_URI"] = mlflow_server
    here.secrets["MLFLOW_TRACKING_TOKEN"] = "a-token-of-the-tracker"  # noqa: S105
    first = here.git("show", "model@v1.0.0:params.yaml") + "\n"
    pull = here.pull_request("as-before", {"params.yaml": first})
    run = gated(here, pull)
    assert f"Published: {mlflow_server}" in run.jobs["experiment"].log
    api = f"{mlflow_server}/api/2.0/mlflow"
    known = ask(f"{api}/experiments/get-by-name?experiment_name=flight_delays")["experiment"]
    (shown,) = ask(f"{api}/runs/search", experiment_ids=[known["experiment_id"]])["runs"]
    tags = {tag["key"]: tag["value"] for tag in shown["data"]["tags"]}
    head = pull.payload["pull_request"]["head"]["sha"]
    assert (tags["commit"], shown["info"]["status"]) == (head, "FINISHED")
    assert tags["gate.champion"] == "v1.1.0" and tags["gate"]
    back = roll_back(here)
    assert back.results == dict.fromkeys(JOBS, "success")
    assert "Champion: v1.0.0 is 1, " in back.jobs["rollback"].log
    alias = f"{api}/{CHAMPION}"
    named = {tag["key"]: tag["value"] for tag in ask(alias)["model_version"]["tags"]}
    assert (named["version"], named["bundle_id"]) == ("v1.0.0", tags["bundle_id"])
    assert "a-token-of-the-tracker" not in run.log + back.log


def test_a_release_names_the_new_champion(world, mlflow_server):
    """A better model is merged: MLflow's alias moves to it."""
    here = world()
    here.push(with_the_extra(here))
    here.variables["MLFLOW_TRACKING_URI"] = mlflow_server
    here.pull_request("better", {"params.yaml": boosted()})
    run = here.run("release", here.merge("better"))
    assert run.results == dict.fromkeys(DEPLOYED, "success"), run.log[-3000:]
    assert "Champion: v1.1.0 is " in run.jobs["production"].log
    alias = f"{mlflow_server}/api/2.0/mlflow/{CHAMPION}"
    named = {tag["key"]: tag["value"] for tag in ask(alias)["model_version"]["tags"]}
    assert named["version"] == "v1.1.0"


def test_a_tracker_that_is_down_fails_no_rollback(world):
    """The tracker is down: the rollback says so, and stands."""
    here = world("released")
    here.push(with_the_extra(here))
    here.variables["MLFLOW_TRACKING_URI"] = "http://127.0.0.1:9"
    run = roll_back(here)
    assert run.results == dict.fromkeys(JOBS, "success")
    assert "MLflow at 127.0.0.1:9: no connection to it." in run.log
