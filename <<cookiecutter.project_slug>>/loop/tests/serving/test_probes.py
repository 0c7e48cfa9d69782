"""Alive, ready, version, contract: with a model, without one, and with a damaged one."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures
from contextlib import suppress

import pytest
from fastapi.testclient import TestClient

from mlops_loop import errors, settings
from mlops_loop.model import bundle
from mlops_loop.serving import app


def test_with_a_model(client, bundles):
    """Ready, and `/version` reports which bundle answers."""
    loaded = bundle.load(bundles["binary"])
    assert client.get("/ready").json() == {"status": "ready", "bundle": loaded.id}
    assert client.get("/version").json() == {
        "model_version": "v1.4.0",
        "bundle": loaded.id,
        "task": "classification",
        "git_commit": None,
        "image_digest": None,
        "deploy_note": None,
    }


def test_the_hosts_note(bundles, tmp_path):
    """What the host last said stands at `/version`, until it takes it back."""
    note = tmp_path / "refused"
    made = settings.Settings(bundle_dir=bundles["binary"], note_file=note)
    with TestClient(app.create_app(made)) as client:
        note.write_text("it did not get healthy\n")
        assert client.get("/version").json()["deploy_note"] == "it did not get healthy"
        note.unlink()
        assert client.get("/version").json()["deploy_note"] is None


def test_contract(client, bundles):
    """`/contract` is the file of the bundle."""
    assert client.get("/contract").json() == json.loads(
        (bundles["binary"] / "contract.json").read_text(encoding="utf-8")
    )


def test_without_a_bundle(start, tmp_path, row):
    """Alive but not ready: the app starts, and every answer says what is missing."""
    client = start(tmp_path)
    assert client.get("/health").status_code == 200
    assert client.get("/version").json()["bundle"] is None
    for answer in (
        client.get("/ready"),
        client.get("/contract"),
        client.post("/predict", json=row),
    ):
        assert answer.status_code == 503
        assert f"No model bundle in {tmp_path}" in answer.json()["detail"]


def damage_model(folder):
    (folder / "model.onnx").write_bytes(b"other bytes")


def damage_with_matching_hash(folder):
    damage_model(folder)
    bundle.write_manifest(folder, {})


def narrow_contract(folder):
    text = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
    text["columns"].pop()
    (folder / "contract.json").write_text(json.dumps(text), encoding="utf-8")
    bundle.write_manifest(folder, {})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damage_model, "does not match its manifest"),
        (damage_with_matching_hash, "cannot answer its golden rows"),
        (narrow_contract, "cannot answer its golden rows"),
    ],
)
def test_damaged_bundle(start, copy_of, row, damage, reason):
    """A bundle that was changed, or that cannot answer, is refused with the reason."""
    folder = copy_of("binary")
    damage(folder)
    client = start(folder)
    assert client.post("/predict", json=row).status_code == 503
    assert reason in client.get("/ready").json()["detail"]


def test_serve_requires_a_bundle(monkeypatch, tmp_path):
    """On a laptop, `serve` without a bundle ends before it listens."""
    monkeypatch.setenv("BUNDLE_DIR", str(tmp_path))
    with pytest.raises(errors.NoValidBundle, match="make pipeline"):
        app.serve(settings.Settings.from_environment(port=0))


def test_serve_on_a_taken_port(monkeypatch, bundles):
    """A port that is taken is named, with the next command."""
    monkeypatch.setenv("BUNDLE_DIR", str(bundles["binary"]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(errors.UsageError, match=f"port {port}: .* serve --port {port + 1}"):
            app.serve(settings.Settings.from_environment(port=port))


def test_leaves_a_shared_port_without_losing_a_request(bundles, serve_process):
    """It no longer listens, answers what is still sent, and asks the client to connect anew."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as one:
        shared = one.getsockname()[1]
    env = {"BUNDLE_DIR": str(bundles["binary"]), "SHARED_PORT": str(shared), "PORT": "0"}
    with serve_process(env) as server:
        assert str(shared) in server.stdout.readline().decode()
        for _ in range(100):
            with suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", shared)).close()
                break
            time.sleep(0.05)
        client = http.client.HTTPConnection("127.0.0.1", shared)
        client.request("GET", "/health")
        assert client.getresponse().read() == b'{"status":"alive"}'
        server.terminate()
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", shared)).close()
            except ConnectionRefusedError:
                break
            time.sleep(0.01)
        client.request("GET", "/health")
        answer = client.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (200, "close")
        client.close()
        assert server.wait(30) == -signal.SIGTERM  # raised once more after a graceful stop


def test_a_stop_loses_no_request(bundles, serve_process, row):
    """Clients that ask on and on, or now and then, each on its connection, and a plain SIGTERM."""
    env = {"BUNDLE_DIR": str(bundles["binary"]), "PORT": "0"}
    with serve_process(env) as server, futures.ThreadPoolExecutor(8) as threads:
        port = int(server.stdout.readline().split()[1].split(b":")[2].strip(b"/"))
        body, some = json.dumps(row), threading.Semaphore(0)
        asked = [threads.submit(ask_until_closed, port, body, some, n % 2 / 20) for n in range(8)]
        for _ in range(100):
            assert some.acquire(timeout=20)
        server.terminate()
        answered = [each.result() for each in asked]
        assert server.wait(30) == -signal.SIGTERM
    assert {tuple(each[-1:]) for each in answered} == {((200, True),)}
    assert {pair for each in answered for pair in each[:-1]} == {(200, False)}


def ask_until_closed(port, body, some, pause_s):
    """Of each answer, its status and whether it is the connection's last; a lost one raises."""
    client, answers = http.client.HTTPConnection("127.0.0.1", port, timeout=20), []
    while not answers or not answers[-1][1]:
        client.request("POST", "/predict", body)
        answer = client.getresponse()
        answer.read()
        answers.append((answer.status, answer.will_close))
        some.release()
        threading.Event().wait(pause_s)
    return answers


def test_serving_needs_neither_pandas_nor_sklearn(bundles):
    """The container has no training library, so importing and answering must not ask for one."""
    code = f"""
import sys
from mlops_loop import settings
from mlops_loop.inference import model
from mlops_loop.serving import app
made = settings.Settings.from_environment(bundle_dir={str(bundles["binary"])!r})
loaded = model.load(settings.Settings(bundle_dir=__import__("pathlib").Path(made.bundle_dir)))
app.create_app(made)
loaded.predict(loaded.examples)
training = {{"pandas", "sklearn", "pandera", "skl2onnx", "yaml", "dvc", "pyarrow", "psycopg"}}
print(sorted(training & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_nothing_is_left_for_telemetry(bundles, tmp_path):
    """ONNX Runtime would keep an id of the device in the home folder."""
    code = "import sys; from mlops_loop.model import bundle; from pathlib import Path"
    code += f"; bundle.load(Path({str(bundles['binary'])!r})).predictor"
    code += "; assert 'onnxruntime' in sys.modules"
    env = os.environ | {"HOME": str(tmp_path), "XDG_CACHE_HOME": ""}
    env.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    assert list(tmp_path.iterdir()) == []
