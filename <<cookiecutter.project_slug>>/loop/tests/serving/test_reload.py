"""Another bundle takes over in a running process; a wrong one does not."""

import json
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import pytest

from mlops_loop.model import bundle


def rewrite(folder, **changes):
    """The same bundle but for some facts of its contract; with a manifest that is true."""
    path = folder / "contract.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return bundle.write_manifest(folder, {})


@pytest.fixture
def folder(copy_of):
    return copy_of("binary")


@pytest.fixture
def reloading(start, folder):
    return start(folder, model_version="v1.4.0")


def test_another_model(reloading, folder, row):
    """It answers, and reports its id: MODEL_VERSION applies to the first."""
    assert reloading.post("/predict", json=row).json()["prediction"] == "late"
    id_ = rewrite(folder, threshold=1.1)
    assert reloading.post("/reload").json() == {"bundle": id_, "model_version": f"bundle-{id_}"}
    answer = reloading.post("/predict", json=row).json()
    assert (answer["prediction"], answer["model_version"]) == ("on time", f"bundle-{id_}")
    assert reloading.get("/version").json()["bundle"] == id_
    assert f'bundle="{id_}"' in reloading.get("/metrics").text


def test_the_first_again(reloading, folder, bundles):
    """Its version is known."""
    rewrite(folder, threshold=0.9)
    assert reloading.post("/reload").json()["model_version"] != "v1.4.0"
    shutil.copytree(bundles["binary"], folder, dirs_exist_ok=True)
    assert reloading.post("/reload").json()["model_version"] == "v1.4.0"


WRONG = {
    "missing": (lambda folder: shutil.rmtree(folder), "No model bundle"),
    "changed": (lambda folder: (folder / "model.onnx").write_bytes(b""), "does not match"),
    "half written": (lambda folder: (folder / "golden.jsonl").unlink(), "is missing"),
    "not a contract": (lambda folder: rewrite(folder, horsepower=1), "is not a contract"),
    "another promise": (lambda folder: rewrite(folder, classes=["late", "on time"]), "another"),
}


@pytest.mark.parametrize(("damage", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_bundle(reloading, folder, row, damage, reason):
    """The current model keeps serving, and the answer says why."""
    before = reloading.post("/predict", json=row).json()
    contract = reloading.get("/contract").json()
    damage(folder)
    answer = reloading.post("/reload")
    assert answer.status_code == 409
    assert reason in answer.json()["detail"]
    assert answer.json()["detail"].endswith("The current model keeps serving.")
    assert reloading.post("/predict", json=row).json() == before
    assert reloading.get("/ready").status_code == 200
    assert reloading.get("/contract").json() == contract


def test_a_first_model(start, tmp_path, bundles, row):
    """A process that started without a bundle gets ready."""
    client = start(tmp_path / "bundle", model_version="v1.4.0")
    assert client.post("/predict", json=row).status_code == 503
    shutil.copytree(bundles["binary"], tmp_path / "bundle")
    assert client.post("/reload").json()["model_version"] == "v1.4.0"
    assert client.post("/predict", json=row).status_code == 200


def test_hangup_under_load_loses_no_request(folder, row, serve_process):
    """SIGHUP replaces the model while requests are on their way, and every one is answered."""
    env = {"BUNDLE_DIR": str(folder), "PORT": "0"}
    with serve_process(env, stderr=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().split()[1]
        ids, body = [], json.dumps(row).encode()

        def load():
            for _ in range(150):
                with urllib.request.urlopen(f"{address}predict", body, timeout=10) as answer:
                    ids.append(json.load(answer)["model_version"])

        while "startup complete" not in server.stderr.readline():
            pass
        loads = [threading.Thread(target=load) for _ in range(3)]
        for each in loads:
            each.start()
        time.sleep(0.1)
        made = rewrite(folder, threshold=0.9)
        server.send_signal(signal.SIGHUP)
        assert made in server.stderr.readline()
        for each in loads:
            each.join()
        (folder / "model.onnx").write_bytes(b"")
        server.send_signal(signal.SIGHUP)
        assert "Not reloaded, the current model keeps serving" in server.stderr.readline()
        server.terminate()
    assert len(ids) == 450
    assert set(ids) == {"unregistered", f"bundle-{made}"}
