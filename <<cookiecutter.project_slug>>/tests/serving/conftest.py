"""Small bundles with real ONNX models, and clients of apps that serve them."""

import json
import shutil
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from skl2onnx import to_onnx
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from <<cookiecutter.__package_name>> import bundle, contract, files, settings
from <<cookiecutter.__package_name>>.serving import app

Column = contract.Column
COLUMNS = (
    Column("air temp", "number", True, -60, 130, unit="°F", title="Temperature", example=61.5),
    Column("weekday", "integer", minimum=0, maximum=6, description="0 is Monday"),
    Column("origin", "category", levels=("EWR", "JFK", "LGA"), closed=True),
    Column("dest", "category", levels=("BOS", "<b>MIA</b>"), pattern="[A-Z]{3}$|<b>"),
    Column("holiday", "boolean", nullable=True),
    Column("<script>alert(1)</script>", "number", nullable=True),
)
ROW = {"air temp": 61.5, "weekday": 4, "origin": "JFK", "dest": "BOS", "holiday": False}
ROWS = [
    ROW,
    ROW | {"air temp": None, "origin": "EWR", "weekday": 0},
    ROW | {"dest": "<b>MIA</b>", "holiday": None, "<script>alert(1)</script>": 2.5},
    ROW | {"dest": "LAX", "weekday": 6.0},
]
CARD = """# Model card

| column | type |
|---|---:|
| weekday | integer |

<script>alert(1)</script> [x](javascript:alert(1))
"""


def contract_of(task, classes):
    return contract.Contract(
        task, "arr_delay", COLUMNS, classes, 0.4, "min" if task == "regression" else ""
    )


def fit(contract_, matrix):
    """A model that depends on every column, fitted on made-up targets."""
    rng = np.random.default_rng(0)
    many = np.repeat(matrix, 20, axis=0) + rng.normal(size=(20 * len(matrix), matrix.shape[1]))
    score = np.nan_to_num(many).sum(axis=1)
    if contract_.task == "regression":
        return make_pipeline(SimpleImputer(), Ridge()).fit(many, score)
    n_classes = len(contract_.classes)
    cuts = np.quantile(score, np.arange(1, n_classes) / n_classes)
    model = make_pipeline(SimpleImputer(), LogisticRegression(max_iter=5000))
    return model.fit(many, np.digitize(score, cuts))


def write_bundle(
    folder: Path, task="classification", classes=("on time", "late"), form="onnx"
) -> Path:
    """A bundle whose golden rows carry the scores of the scikit-learn pipeline itself."""
    folder.mkdir(parents=True)
    made = contract_of(task, classes if task == "classification" else ())
    matrix = made.encode_rows(ROWS)
    model = fit(made, matrix)
    if form == "skops":
        files.write_skops(model, folder / "model.skops")
    else:
        onnx = to_onnx(model, matrix, options={"zipmap": False} if made.classes else None)
        (folder / "model.onnx").write_bytes(onnx.SerializeToString())
    scores = model.predict_proba(matrix) if made.classes else model.predict(matrix)
    lines = [
        json.dumps({"row": row, "score": score})
        for row, score in zip(ROWS, scores.tolist(), strict=True)
    ]
    (folder / "golden.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in ("reference.json", "metrics.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    (folder / "model_card.md").write_text(CARD, encoding="utf-8")
    made.save(folder / "contract.json")
    bundle.write_manifest(folder, {})
    return folder


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """Bundles by kind: binary, many (three classes) and regression."""
    root = tmp_path_factory.mktemp("bundles")
    return {
        "binary": write_bundle(root / "binary"),
        "skops": write_bundle(root / "skops", form="skops"),
        "many": write_bundle(root / "many", classes=("early", "on time", "late")),
        "regression": write_bundle(root / "regression", task="regression"),
    }


@pytest.fixture(name="start")
def _start():
    """Start an app over a bundle folder; returns its client. Stops them all afterwards."""
    clients = []

    def start(folder, **given):
        made = settings.Settings.from_environment({}, bundle_dir=folder, **given)
        here = "http://127.0.0.1"  # to others operators' routes are closed
        client = TestClient(app.create_app(made), here, raise_server_exceptions=False)
        clients.append(client.__enter__())
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(start, bundles):
    return start(bundles["binary"], model_version="v1.4.0")


@pytest.fixture
def logging_client(start, bundles, tmp_path):
    """`logging_client("binary")`: a client whose predictions are logged."""

    def begin(kind="binary", **given):
        given = {"log_url": f"sqlite:///{tmp_path}/log/log.db"} | given
        return start(bundles[kind], **given)

    return begin


@pytest.fixture
def copy_of(bundles, tmp_path):
    """A bundle of one's own to damage."""

    def copy(kind):
        return Path(shutil.copytree(bundles[kind], tmp_path / kind))

    return copy


@pytest.fixture
def row():
    return dict(ROW)


@pytest.fixture(scope="session")
def running(bundles):
    """`with running(**settings) as address:` a real server on loopback, which is `serve`'s own."""

    @contextmanager
    def run(kind="binary", **given):
        made = settings.Settings.from_environment({}, bundle_dir=bundles[kind], **given)
        server, listener = (
            app.server_of(app.create_app(made)),
            socket.create_server(("127.0.0.1", 0)),
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        assert server.started
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()

    return run


@pytest.fixture
def live(running):
    """`live(**settings)`: the address of a server for one test."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(running(**given))
