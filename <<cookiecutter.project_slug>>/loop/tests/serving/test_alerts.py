"""deploy/monitoring: alerts and dashboard ask for what `/metrics` has; a Prometheus runs them."""

import http.server
import json
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3
import yaml
from prometheus_client.parser import text_string_to_metric_families

LOOP = Path(__file__).parents[2]
FOLDER = LOOP.parent / "deploy" / "monitoring"
PAGE = LOOP / "docs" / "alerts.md"
SELECTOR = re.compile(r"(\w+)\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
OF_PROMETHEUS = {"up": {"job", "instance"}}  # made by the scrape itself
KEY = "a key that the proxy knows"


def rules():
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def dashboard_queries():
    text = (FOLDER / "grafana" / "dashboards" / "endpoint.json").read_text(encoding="utf-8")
    panels = json.loads(text)["panels"]
    named = {f"{p['title']}/{t['refId']}": t["expr"] for p in panels for t in p["targets"]}
    return {name: expr.replace("$__rate_interval", "1m") for name, expr in named.items()}


def in_annotations(rule):
    """Queries that an annotation asks when the alert is sent."""
    return re.findall(r'query "((?:[^"\\]|\\.)*)"', rule["annotations"].get("description", ""))


QUERIES = dashboard_queries() | {name: rule["expr"] for name, rule in rules().items()}
QUERIES |= {
    f"{name}/{n}": expr.replace('\\"', '"')
    for name, rule in rules().items()
    for n, expr in enumerate(in_annotations(rule))
}


@pytest.fixture(name="labels_of")
def _labels_of(logging_client, row):
    """The labels of every metric of a running app that predicted, refused and logged."""
    client = logging_client()
    client.post("/predict", json=row)
    client.post("/predict", json=row | {"weekday": 9})
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    found = {name: {"job", "instance"} for name in {sample.name for sample in samples}}
    for sample in samples:
        found[sample.name] |= set(sample.labels)
    return found | OF_PROMETHEUS


@pytest.mark.parametrize("expr", QUERIES.values(), ids=QUERIES)
def test_every_metric_and_label_is_one_of_the_endpoint(labels_of, expr):
    """A name that no longer exists would make an alert that never fires."""
    found = SELECTOR.findall(expr)
    assert len(found) >= 1
    known = set()
    for name, matchers in found:
        assert name in labels_of
        known |= labels_of[name]
        assert set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', matchers)) <= labels_of[name], name
        assert 'job="endpoint"' in matchers
    for names in re.findall(r"\b(?:by|on) \(([^)]*)\)", expr):
        assert set(re.findall(r"\w+", names)) <= known


def test_every_alert_has_a_section_and_says_what_is_wrong():
    """The link leads to the heading of the same name; no heading is left over."""
    headings = re.findall(r"^## (\w+)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert headings == list(rules())
    for name, rule in rules().items():
        assert rule["annotations"]["runbook_url"].endswith(f"loop/docs/alerts.md#{name.lower()}")
        section = PAGE.read_text(encoding="utf-8").split(f"## {name}\n")[1]
        assert section.strip().startswith(f"`{rule['labels']['severity']}`. ")


def test_every_alert_is_tried_firing_and_silent():
    """In alerts.test.yaml: at least one moment of each kind, beside that of a healthy endpoint."""
    tests = yaml.safe_load((FOLDER / "alerts.test.yaml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    count = Counter((case["alertname"], bool(case["exp_alerts"])) for case in cases)
    assert [name for name in rules() if not count[name, True]] == []
    assert [name for name in rules() if count[name, False] < 2] == []


def tool(name):
    if not (path := shutil.which(name)):
        pytest.skip(f"{name} is not installed (Debian's package prometheus)")
    return path


def promtool(*command, cwd=FOLDER):
    done = subprocess.run(
        [tool("promtool"), *command], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    ["check config prometheus.yaml", "check rules alerts.yaml", "test rules alerts.test.yaml"],
)
def test_promtool_takes_it(command):
    code, printed = promtool(*command.split())
    assert code == 0, printed


def test_the_unit_tests_notice_every_lost_alert(tmp_path):
    """An alert that can no longer fire is found by promtool, whichever it is."""
    content = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in content["groups"][0]["rules"]:
        rule["expr"] = "vector(1) < 0"
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shutil.copy(FOLDER / "alerts.test.yaml", tmp_path)
    code, printed = promtool("test", "rules", "alerts.test.yaml", cwd=tmp_path)
    assert code == 1
    assert set(re.findall(r"alertname: (\w+),", printed)) == set(rules())


class Prometheus:
    """Asks the API of a running Prometheus."""

    def __init__(self, url):
        self._url = url

    def get(self, path, **fields):
        """`data` of an answer; None while it does not listen."""
        try:
            url = f"{self._url}/api/v1/{path}"
            answer = urllib3.request("GET", url, fields=fields, retries=False)
        except urllib3.exceptions.HTTPError:
            return None
        if answer.status == 503:  # it is still starting
            return None
        content = answer.json()
        assert content["status"] == "success", content
        return content["data"]

    def wait(self, what, timeout_s=120):
        """The first true value of `what()`."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if found := what():
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {timeout_s} s: {self.get('targets')}")

    def query(self, expr):
        return (self.get("query", query=expr) or {"result": []})["result"]

    def alerts(self):
        """Annotations of the alerts that fire, by name."""
        found = (self.get("alerts") or {"alerts": []})["alerts"]
        return {a["labels"]["alertname"]: a["annotations"] for a in found if a["state"] == "firing"}


def free_address():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def prometheus(folder, target, login=False):
    """A real Prometheus with the files of deploy/monitoring, every second and without waiting."""
    program = tool("prometheus")
    for name in ("alerts.yaml", "prometheus.yaml"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        text = re.sub(r"\bfor: \w+", "for: 0s", text).replace("endpoint:8000", target)
        text = re.sub(r"(_interval): 15s", r"\1: 1s", text)
        if login:
            text = text.replace("# authorization:", "authorization:")
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "metrics-key").write_text(KEY, encoding="utf-8")
    address = free_address()
    options = [f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    command = [program, f"--config.file={folder}/prometheus.yaml", *options]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield Prometheus(f"http://{address}")
        finally:
            process.terminate()


def test_a_real_prometheus_scrapes_evaluates_and_alerts(running, row, tmp_path):
    """Every query has an answer while the endpoint runs, and what is wrong is said."""
    with running(log_url=f"sqlite:///{tmp_path}/log.db", model_version="v1.4.0") as (host, port):
        target, body = f"{host}:{port}", json.dumps(row)
        bad = json.dumps(row | {"weekday": 9})
        with prometheus(tmp_path, target) as server:

            def ask(content):
                url = f"http://{target}/predict"
                return urllib3.request("POST", url, body=content).status

            server.wait(lambda: ask(body) and ask(bad) and ask(bad) and server.query("up == 1"))
            refused = 'rate(refused_values_total{column="weekday"}[1m]) > 0'
            server.wait(lambda: ask(body) and ask(bad) and server.query(refused))
            for name, expr in dashboard_queries().items():
                assert server.query(expr.replace("$instance", ".+")), name
            alert = server.wait(lambda: server.alerts().get("PredictionsRefused"))
            assert alert["description"].endswith("weekday is too large;")
            (group,) = server.get("rules")["groups"]
            health = {rule["name"]: rule["health"] for rule in group["rules"]}
            assert health == dict.fromkeys(rules(), "ok")
            quiet = {"EndpointDown", "EndpointWithoutModel", "PredictionLogDown"}
            assert quiet & set(server.alerts()) == set()


def test_alerts_end_by_what_their_sections_say(bundles, serve_process, tmp_path):
    """No model: the bundle, then POST /reload. No log: room for it, and nothing else."""
    place, target = tmp_path / "place", free_address()
    place.write_text("a file where the log's folder should be")
    env = {"BUNDLE_DIR": f"{tmp_path}/bundle", "LOG_URL": f"sqlite:///{place}/log.db"}
    env |= {"PORT": target.rpartition(":")[2], "REQUIRE_BUNDLE": "false", "API_KEY": KEY}
    with serve_process(env) as process:
        try:
            with prometheus(tmp_path, target) as server:
                wrong = {"EndpointWithoutModel", "PredictionLogDown"}
                server.wait(lambda: wrong <= set(server.alerts()))
                assert "EndpointDown" not in server.alerts()
                ready = urllib3.request("GET", f"http://{target}/ready").json()
                assert "No model bundle in" in ready["detail"]
                shutil.copytree(bundles["binary"], tmp_path / "bundle")
                key = {"X-API-Key": KEY}
                reloaded = urllib3.request("POST", f"http://{target}/reload", headers=key)
                assert reloaded.status == 200
                server.wait(lambda: set(server.alerts()) & wrong == {"PredictionLogDown"})
                ready = urllib3.request("GET", f"http://{target}/ready").json()
                assert "File exists" in ready["detail"]
                place.unlink()
                server.wait(lambda: set(server.alerts()) & wrong == set())
        finally:
            process.terminate()


def test_a_real_prometheus_notices_an_endpoint_that_is_gone(tmp_path):
    target = free_address()
    with prometheus(tmp_path, target) as server:
        alert = server.wait(lambda: server.alerts().get("EndpointDown"))
    assert alert["summary"] == f"{target} does not answer /metrics."


def test_a_login_by_file(listening, tmp_path):
    """With the two lines of prometheus.yaml, a proxy that wants a key gets it."""

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.headers.get("Authorization") == f"Bearer {KEY}"
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(b'model_info{version="v1"} 1\n' if known else b"")

        def log_message(self, *_):
            pass

    with listening(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)) as proxy:
        target = f"127.0.0.1:{proxy.server_port}"
        with prometheus(tmp_path, target) as server:
            server.wait(lambda: server.query("up == 0"))
        with prometheus(tmp_path, target, login=True) as server:
            assert server.wait(lambda: server.query("model_info"))
