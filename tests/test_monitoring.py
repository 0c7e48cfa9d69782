"""deploy/monitoring: Compose and Grafana take its files, and its numbers are those of the project.

Rules and queries are tested where the endpoint is: loop/tests/serving/test_alerts.py.
"""

import json
import os
import re
import typing
import warnings

import pytest
import yaml
from conftest import DEFAULTS, TASKS, TEMPLATE, check, require_tool, run
from documents import shell
from pydantic import ConfigDict, TypeAdapter

FOLDER = TEMPLATE / "deploy" / "monitoring"
DASHBOARD = FOLDER / "grafana" / "dashboards" / "endpoint.json"


def text(path) -> str:
    """Return a file of the template."""
    return (TEMPLATE / path).read_text(encoding="utf-8")


def alert(name: str) -> str:
    """Return the expression of an alert."""
    (group,) = yaml.safe_load(text("deploy/monitoring/alerts.yaml"))["groups"]
    return next(rule["expr"] for rule in group["rules"] if rule["alert"] == name)


@pytest.fixture
def composed(docker, baked):
    """Return a function that gives `docker compose config` of a folder as data."""

    def config(folder: str, **variables: str) -> dict:
        where = baked(DEFAULTS) / folder
        environment = docker.environment | variables
        command = ["docker", "compose", "config", "--format=json"]
        return json.loads(check(*command, cwd=where, env=environment))

    return config


def test_the_services_are_locked_down(composed):
    """Read-only, without rights and root, on loopback, by version and digest."""
    services = composed("deploy/monitoring", GRAFANA_PASSWORD="x")["services"]  # noqa: S106  # made up
    assert set(services) == {"prometheus", "grafana"}
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert int(service["user"].split(":")[0]) > 0
        assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}
        assert re.fullmatch(r"[\w/]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}", service["image"])
        assert {"mem_limit", "pids_limit"} <= set(service)
    files = [
        volume for s in services.values() for volume in s["volumes"] if volume["type"] == "bind"
    ]
    assert [volume for volume in files if not volume.get("read_only")] == []


def test_there_is_no_default_password(docker, baked):
    """Compose stops with a sentence that names the variable."""
    where = baked(DEFAULTS) / "deploy" / "monitoring"
    environment = {k: v for k, v in docker.environment.items() if k != "GRAFANA_PASSWORD"}
    done = run("docker", "compose", "config", cwd=where, env=environment)
    assert done.returncode != 0
    assert "set GRAFANA_PASSWORD, the password of Grafana's user admin" in done.stderr


@pytest.mark.parametrize("folder", [".", "deploy/host"])
def test_prometheus_finds_the_endpoint(composed, folder):
    """In the network and under the name that either compose file gives it."""
    monitoring = composed("deploy/monitoring", GRAFANA_PASSWORD="x")  # noqa: S106  # made up
    endpoint = composed(folder)
    assert monitoring["networks"]["endpoint"]["name"] == endpoint["networks"]["default"]["name"]
    assert "endpoint" in monitoring["services"]["prometheus"]["networks"]
    (scrape,) = yaml.safe_load(text("deploy/monitoring/prometheus.yaml"))["scrape_configs"]
    (target,) = scrape["static_configs"][0]["targets"]
    name, _, port = target.partition(":")
    service = endpoint["services"].get(name) or endpoint["services"]["address"]
    aliases = (service["networks"]["default"] or {}).get("aliases", [])
    assert name in endpoint["services"] or name in aliases
    assert [p["target"] for p in service["ports"]] == [int(port)]


def test_every_mounted_file_is_there(composed, baked):
    """And Grafana finds Prometheus and the dashboard under the names of the mounts."""
    services = composed("deploy/monitoring", GRAFANA_PASSWORD="x")["services"]  # noqa: S106  # made up
    mounts = {
        volume["target"]: volume["source"]
        for service in services.values()
        for volume in service["volumes"]
        if volume["type"] == "bind"
    }
    assert [source for source in mounts.values() if not os.path.exists(source)] == []  # noqa: PTH110
    (config,) = [c for c in services["prometheus"]["command"] if c.startswith("--config.file=")]
    assert config.partition("=")[2] in mounts
    (source,) = yaml.safe_load(
        (FOLDER / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load(
        (FOLDER / "grafana/provisioning/dashboards/endpoint.yaml").read_text()
    )["providers"]
    assert provider["options"]["path"] in mounts


def test_numbers_are_those_of_the_project():
    """The limit of memory, the budget of the gate, and the queue of the prediction log."""
    for path in ("compose.yaml", "deploy/host/compose.yaml"):
        assert "mem_limit: 512m\n" in text(path)
    assert alert("EndpointMemory").endswith("> 0.9 * 512 * 1024 * 1024")
    for task in TASKS:
        budget = yaml.safe_load(text(f"gate.{task}.yaml"))["budgets"]["latency_p95_ms"]["at_most"]
        assert alert("EndpointSlow").split()[-1] == f"{budget / 1000:g}"
    assert alert("EndpointSlow").startswith("histogram_quantile(0.95,")
    buckets = re.search(r"BUCKETS_S = (\(.*\))", text("loop/src/mlops_loop/serving/prometheus.py"))
    assert "0.05" in buckets[1].strip("()").split(", ")
    rows = re.search(r"MAX_ROWS = ([\d_]+)", text("loop/src/mlops_loop/prediction_log/log.py"))
    assert alert("PredictionLogBehind").split()[-1] == str(int(rows[1]) // 2)


@pytest.fixture(scope="module")
def model():
    """Return Grafana's own model of a dashboard; it warns that there is a newer kind, too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from grafana_foundation_sdk.cog import plugins
        from grafana_foundation_sdk.models import dashboard

        plugins.register_default_plugins()
    return dashboard.Dashboard


def lost(given, made, path="") -> list[str]:
    """Return what a model made from data does not have, or has otherwise."""
    if hasattr(made, "to_json"):
        made = made.to_json()
    if isinstance(given, dict) and isinstance(made, dict):
        return [e for key in given for e in lost(given[key], made.get(key), f"{path}.{key}")]
    if isinstance(given, list) and isinstance(made, list) and len(given) == len(made):
        return [e for n in range(len(given)) for e in lost(given[n], made[n], f"{path}[{n}]")]
    return [] if given == made else [path]


def wrong_types(made, path="") -> list[str]:
    """Return the fields of a model, and of what it holds, whose value is not of their type."""
    if isinstance(made, list):
        return [e for n, each in enumerate(made) for e in wrong_types(each, f"{path}[{n}]")]
    if not hasattr(made, "to_json"):
        return []
    found = []
    for name, hint in typing.get_type_hints(type(made)).items():
        value = getattr(made, name)
        found += [] if fits(value, hint) else [f"{path}.{name}"]
        found += wrong_types(value, f"{path}.{name}")
    return found


def fits(value, hint) -> bool:
    """Tell whether a value is of a type; a plain one as it stands in JSON, where `1` is no text."""
    kind = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True, strict=True))
    try:
        if isinstance(value, str | int | float):
            kind.validate_json(json.dumps(value))
        else:
            kind.validate_python(value)
    except ValueError:
        return False
    return True


def test_the_dashboard_is_one_of_grafana(model):
    """Nothing is unknown to Grafana's model, and every value has its type."""
    given = json.loads(DASHBOARD.read_text())
    made = model.from_json(given)
    assert lost(given, made) == []
    assert wrong_types(made) == []
    places = [panel["gridPos"] for panel in given["panels"]]
    assert all(p["x"] + p["w"] <= 24 for p in places)
    cells = [
        (x, y)
        for p in places
        for x in range(p["x"], p["x"] + p["w"])
        for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert len({panel["id"] for panel in given["panels"]}) == len(given["panels"])


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["refersh"], "30s"),
        (["refresh"], 30),
        (["panels", 7, "fieldConfig", "defaults", "custom", "drawStyle"], "lines"),
        (["panels", 7, "targets", 0, "query"], "up"),
        (["panels", 0, "options", "graphMode"], None),
        (["panels", 0, "gridPos", "w"], "3"),
    ],
    ids=["a key", "a type", "an option of a series", "a key of a query", "nothing", "a number"],
)
def test_a_wrong_dashboard_is_noticed(model, place, value):
    """A name or a value that Grafana does not know."""
    given = json.loads(DASHBOARD.read_text())
    at = given
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    made = model.from_json(given)
    assert lost(given, made) + wrong_types(made) != []


def test_commands_of_the_readme_name_what_is_there(baked):
    """The password is made as the page says; promtool takes the generated files as they are."""
    folder = baked(DEFAULTS) / "deploy" / "monitoring"
    (block,) = shell(folder / "README.md")
    assert (
        len(check("bash", "-c", f"{block.splitlines()[0]}; printenv GRAFANA_PASSWORD", cwd=folder))
        > 30
    )
    for command in ("test rules alerts.test.yaml", "check config prometheus.yaml"):
        assert f"promtool {command}" in (folder / "README.md").read_text()
        check(require_tool("promtool"), *command.split(), cwd=folder)
