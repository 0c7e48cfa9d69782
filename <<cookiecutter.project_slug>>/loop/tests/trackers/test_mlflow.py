"""Runs and the alias on a real server of MLflow; servers that refuse, are slow or lie."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import time
from dataclasses import replace

import pytest
import urllib3
from tracker_servers import ask_each

from mlops_loop.trackers import deadline, facts, mlflow_champion, mlflow_run
from mlops_loop.trackers.address import Address
from mlops_loop.trackers.mlflow_champion import Assigned

SECRET = "a-secret-of-the-tracker"
ENOUGH_S = 120.0


@pytest.fixture
def server(mlflow_server, tracker_extras, request):
    """The real server, with an experiment and a model of the test's own."""
    return Address(mlflow_server, request.node.name, request.node.name)


def call(function, *args):
    return deadline.call(function, *args, seconds=ENOUGH_S)


def api(server, route, **query):
    """What a GET of MLflow's REST API answers."""
    url = f"{server.url}/api/2.0/mlflow/{route}"
    return urllib3.request("GET", url, fields=query).json()


def post(server, route, **body):
    """What a POST of it answers."""
    done = urllib3.request("POST", f"{server.url}/api/2.0/mlflow/{route}", json=body)
    assert done.status == 200, done.data
    return done.json()


def runs(server):
    """All runs of the experiment."""
    found = api(server, "experiments/get-by-name", experiment_name=server.experiment)
    ids = [found["experiment"]["experiment_id"]]
    return post(server, "runs/search", experiment_ids=ids).get("runs", [])


def pairs(run, kind):
    return {item["key"]: item["value"] for item in run["data"][kind]}


def files(server, run, folder):
    found = api(server, "artifacts/list", run_id=run["info"]["run_id"], path=folder)
    return {item["path"] for item in found["files"]}


def test_a_run_is_there_once(trained, server):
    """Parameters, metrics, tags and files as they were read; a second time changes nothing."""
    trained()
    told = facts.read()
    first, second = (call(mlflow_run.publish, server, told) for _ in range(2))
    assert (first.is_new, second.is_new, first.url) == (True, False, second.url)
    (run,) = runs(server)
    assert run["info"]["status"] == "FINISHED"
    assert first.url.endswith(run["info"]["run_id"])
    assert pairs(run, "params") == told.params
    assert pairs(run, "metrics") == {**told.metrics, "training.loss": 0.5}
    where = {"run_id": run["info"]["run_id"], "metric_key": "training.loss"}
    steps = api(server, "metrics/get-history", **where)["metrics"]
    assert [(one["step"], one["value"]) for one in steps] == [(0, 0.7), (1, 0.5)]
    assert pairs(run, "tags").items() >= told.tags.items()
    assert pairs(run, "tags")["mlflow.runName"] == told.bundle_id
    for folder, paths in told.files.items():
        assert files(server, run, folder) == {f"{folder}/{path.name}" for path in paths}


def test_a_run_that_was_cut_off_is_completed(trained, server):
    """With more parameters and metrics than one request may have."""
    trained()
    many = {f"p{i}": str(i) for i in range(250)}
    numbers = {k: float(v) for k, v in many.items()}
    told = replace(facts.read(), params=many, metrics=numbers, curves={})
    lost = replace(told, files={"plots": (facts.LOCK.with_name("missing.csv"),)})
    with pytest.raises(deadline.Refused, match=r"missing\.csv"):
        call(mlflow_run.publish, server, lost)
    assert [run["info"]["status"] for run in runs(server)] == ["RUNNING"]
    assert call(mlflow_run.publish, server, told).is_new
    (run,) = runs(server)
    assert run["info"]["status"] == "FINISHED"
    assert len(run["data"]["params"]) == len(run["data"]["metrics"]) == 250
    history = api(server, "metrics/get-history", run_id=run["info"]["run_id"], metric_key="p1")
    assert len(history["metrics"]) == 1


def test_a_run_or_an_experiment_that_was_deleted(trained, server):
    """Without its run the model is published anew; a deleted experiment is for a person."""
    trained()
    told = facts.read()
    first = call(mlflow_run.publish, server, told)
    post(server, "runs/delete", run_id=first.url.rpartition("/")[2])
    second = call(mlflow_run.publish, server, told)
    assert (second.is_new, second.url != first.url) == (True, True)
    experiment = second.url.split("/experiments/")[1].split("/")[0]
    post(server, "experiments/delete", experiment_id=experiment)
    with pytest.raises(deadline.Refused, match=r"was deleted there\. Next: restore it"):
        call(mlflow_run.publish, server, told)


def test_the_alias_follows_the_ledger(trained, server):
    """Forward, back by a rollback, and away; a version keeps its number."""
    made = []
    for mark, version in (("a", "v1.0.0"), ("b", "v1.1.0")):
        model = trained(mark)
        made.append(Assigned(version, model.id, "c" * 40))
        mirrored = call(mlflow_champion.mirror, server, made[-1], facts.read())
        assert (mirrored.number, mirrored.is_new) == (str(len(made)), True)
    again = call(mlflow_champion.mirror, server, made[1], facts.read())
    assert (again.number, again.is_new) == ("2", False)
    back = call(mlflow_champion.mirror, server, made[0], None)  # its files are not here any more
    assert (back.number, back.is_new) == ("1", True)
    found = api(server, "registered-models/alias", name=server.model, alias="champion")
    tags = {tag["key"]: tag["value"] for tag in found["model_version"]["tags"]}
    assert tags == {"version": "v1.0.0", "bundle_id": made[0].bundle_id, "commit": "c" * 40}
    assert found["model_version"]["source"].endswith("/artifacts/bundle")
    gone = [call(mlflow_champion.mirror, server, None, None) for _ in range(2)]
    assert [(one.number, one.is_new) for one in gone] == [("", True), ("", False)]


def test_a_champion_that_mlflow_does_not_know(trained, server):
    """It says how to publish it; another model that is here does not take its place."""
    trained()
    with pytest.raises(deadline.Refused, match=r"it has no run of v1\.0\.0 \(bundle 0{12}\)"):
        call(mlflow_champion.mirror, server, Assigned("v1.0.0", "0" * 12, ""), facts.read())


class Door(http.server.BaseHTTPRequestHandler):
    """Answers every request with the server's status, headers and body."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        status, headers, body = self.server.plan(self.path)
        self.send_response(status)
        for name, value in ({"Content-Length": len(body)} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def door(listening):
    """`door(plan)` starts a server; `plan(path)` gives status, headers and body."""
    opened = []

    def start(plan, context=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        server.handle_error = lambda *_: None  # a client that refuses the certificate
        server.plan, server.seen = plan, []
        scheme = "http"
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        server.url = f"{scheme}://127.0.0.1:{server.server_port}"
        opened.append(listening(server))
        return opened[-1].__enter__()

    yield start
    for server in opened:
        server.__exit__(None, None, None)


def answering(status, body=b"", **headers):
    return lambda _: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def refusal(code, message):
    return json.dumps({"error_code": code, "message": message}).encode()


def test_each_refusal_is_a_sentence(trained, tracker_extras, door, monkeypatch, self_signed):
    """In time, though a server asks to wait for an hour; no login is repeated or sent along."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    other = door(answering(200, b"{}"))
    denied = refusal("PERMISSION_DENIED", f"Bearer {SECRET} may not")
    odd = refusal("INVALID_STATE", f"{SECRET} odd")
    plans = {
        "it refuses the login (401). Next: set MLFLOW_TRACKING_TOKEN": answering(401, b"who"),
        "may not write there": answering(403, denied),
        "its --allowed-hosts lacks this host (403)": answering(403, b"Invalid Host header"),
        "no MLflow server answers at this path (404)": answering(404, b"<html>"),
        "it is too busy (429)": answering(429, b"", Retry_After="3600"),
        "it is broken (500)": answering(500, refusal("INTERNAL_ERROR", "no")),
        "it redirects (302), and no redirect": answering(302, b"", Location=other.url),
        "INVALID_STATE: INVALID_STATE: *** odd": answering(400, odd),
    }  # fmt: skip
    servers = {words: door(plan).url for words, plan in plans.items()}
    servers["its TLS certificate is not valid"] = door(answering(200), self_signed).url
    with socket.create_server(("127.0.0.1", 0)) as free:
        servers["no connection to it"] = f"http://127.0.0.1:{free.getsockname()[1]}"
    trained()
    begin = time.monotonic()
    told = call(ask_each, [Address(url, "e", "m") for url in servers.values()], facts.read())
    assert time.monotonic() - begin < 90
    for words, sentence in zip(servers, told, strict=True):
        assert words in sentence
        assert SECRET not in sentence
    assert other.seen == []


def test_a_silent_server_ends_in_time(trained, tracker_extras):
    """It takes the connection and answers nothing."""
    trained()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_server = Address(f"http://127.0.0.1:{silent.getsockname()[1]}", "e", "m")
        begin = time.monotonic()
        with pytest.raises(deadline.Late):
            deadline.call(mlflow_run.publish, silent_server, facts.read(), seconds=5)
        assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("mlflow-artifacts://127.0.0.1:{port}/0", "for files, which gets no login"),
        ("http://127.0.0.1:{port}/0", "for files, which gets no login"),
        ("/srv/mlruns/0", "start it with --serve-artifacts"),
        ("file:///srv/mlruns/0", "start it with --serve-artifacts"),
    ],
)
def test_files_go_to_the_tracker_alone(trained, tracker_extras, door, monkeypatch, place, words):
    """The login would follow a run's files to any host that the server names."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", SECRET)
    other = door(answering(200, b"{}"))
    info = {"run_id": "1", "experiment_id": "7", "status": "RUNNING", "start_time": 1}
    info |= {"artifact_uri": place.format(port=other.server_port), "lifecycle_stage": "active"}
    answers = {
        "experiments/get-by-name": {"experiment": {"experiment_id": "7", "name": "e",
                                                   "lifecycle_stage": "active"}},
        "runs/search": {},
        "runs/create": {"run": {"info": info, "data": {}}},
    }  # fmt: skip

    def plan(path):
        name = path.split("?")[0].removeprefix("/api/2.0/mlflow/")
        return 200, {}, json.dumps(answers.get(name, {})).encode()

    server = door(plan)
    trained()
    (told,) = call(ask_each, [Address(server.url, "e", "m")], facts.read())
    assert words in told
    assert {login for _, login in server.seen} == {f"Bearer {SECRET}"}
    assert other.seen == []


@pytest.fixture
def self_signed(tmp_path):
    """A server's side of TLS with a certificate that nobody has signed."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, *form)
    (tmp_path / "tls.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem")
    return context
