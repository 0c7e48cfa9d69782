"""TF Serving's and the Open Inference Protocol's routes, asked by real clients on loopback."""

import json

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from mlops_loop import project
from mlops_loop.model import bundle

NAME = project.model_name()
DTYPES = {"FP64": float, "INT64": np.int64, "BOOL": bool, "BYTES": object}
RAW = "<script>alert(1)</script>"


@pytest.fixture
def client_of(live):
    """A client of NVIDIA's library, which KServe and Triton users have."""
    clients = []

    def connect(kind):
        host, port = live(kind=kind)
        clients.append(triton.InferenceServerClient(f"{host}:{port}"))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def tensors(columns, names, rows):
    """Columns as numpy arrays; what numpy cannot leave out is NaN or an empty text."""
    made = []
    for column in columns:
        if column["name"] not in names:
            continue
        kind = column["datatype"]
        absent = {"FP64": float("nan"), "BYTES": ""}.get(kind)
        values = [row.get(column["name"]) for row in rows]
        values = [absent if value is None else value for value in values]
        made.append(triton.InferInput(column["name"], [len(rows)], kind))
        array = np.array(values, dtype=DTYPES[kind])
        made[-1].set_data_from_numpy(array, binary_data=False)
    return made


def test_client_asks_what_there_is(client_of):
    """Live, ready, and which inputs and outputs there are."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)
    assert (client.is_server_live(), client.is_server_ready()) == (True, True)
    assert (client.is_model_ready(NAME), client.is_model_ready("other")) == (True, False)
    assert client.get_server_metadata()["name"] == NAME
    kinds = {each["name"]: each["datatype"] for each in about["inputs"]}
    assert kinds == {
        "air temp": "FP64", "weekday": "INT64", "origin": "BYTES",
        "dest": "BYTES", "holiday": "BOOL", RAW: "FP64",
    }  # fmt: skip
    assert about["outputs"][2] == {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}
    assert about["classes"] == ["on time", "late"]


@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_client_predicts(client_of, start, bundles, kind):
    """The client's arrays get what `/predict` gives the same rows, missing numbers too."""
    client, plain = client_of(kind), start(bundles[kind])
    rows = [line["row"] for line in bundle.load(bundles[kind]).golden()]
    about = client.get_model_metadata(NAME)["inputs"]
    names = {"air temp", "weekday", "origin", "dest", RAW}
    answer = client.infer(NAME, tensors(about, names, rows), request_id="mine")
    known = [{name: row.get(name) for name in names} for row in rows]
    expected = plain.post("/predict", json=known).json()["predictions"]
    found = answer.as_numpy("prediction").tolist()
    assert answer.get_response()["id"] == "mine"
    assert found == pytest.approx([each["prediction"] for each in expected])
    if kind != "regression":
        shares = [list(each["probabilities"].values()) for each in expected]
        assert answer.as_numpy("probabilities") == pytest.approx(np.array(shares))


def test_client_names_its_outputs(client_of, row):
    """Only what was asked for comes back."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)["inputs"]
    wanted = [triton.InferRequestedOutput("probability", binary_data=False)]
    answer = client.infer(NAME, tensors(about, set(row), [row]), outputs=wanted)
    assert [each["name"] for each in answer.get_response()["outputs"]] == ["probability"]


def test_client_sees_refusals(client_of, row):
    """A refusal reaches the client as a sentence: contract, binary tensors, unknown model."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)["inputs"]
    wrong = tensors(about, set(row), [row | {"weekday": 9}])
    with pytest.raises(InferenceServerException, match=r"column weekday: 9.* is too large"):
        client.infer(NAME, wrong)
    with pytest.raises(InferenceServerException, match="There is no model 'other'"):
        client.infer("other", wrong)
    wrong[0].set_data_from_numpy(np.array([1.0]), binary_data=True)
    with pytest.raises(InferenceServerException, match="send values as JSON"):
        client.infer(NAME, wrong)


def infer(client, *changes, **more):
    columns = {"weekday": [4], "origin": ["JFK"], "dest": ["BOS"]}
    given = [
        {"name": name, "shape": [len(data)], "datatype": "FP64", "data": data}
        for name, data in columns.items()
    ]
    body = json.dumps({"inputs": [*given, *changes], **more})
    return client.post(f"/v2/models/{NAME}/infer", content=body)


MISSING = {
    "null": [None],
    "NaN": [float("nan")],
    "empty text": [""],
    "nested null": [[None]],
}


@pytest.mark.parametrize("data", MISSING.values(), ids=MISSING)
def test_missing_values(client, data):
    """Each way to say missing predicts as the column left out does."""
    shape = [1, 1] if isinstance(data[0], list) else [1]
    tensor = {"name": "air temp", "shape": shape, "datatype": "FP64", "data": data}
    assert infer(client, tensor).json() == infer(client).json()
    other = infer(client, tensor | {"data": [12.5], "shape": [1]}).json()
    assert other != infer(client).json()


def tensor(**changed):
    return {"name": "air temp", "shape": [1], "datatype": "FP64", "data": [1.5]} | changed


REFUSED = {
    "infinity": (tensor(data=[float("inf")]), 422, "is not a finite number"),
    "unknown column": (tensor(name="air tmp"), 422, "did you mean air temp"),
    "shape": (tensor(shape=[2]), 400, "has 1 values, and the shape [2]"),
    "wide": (tensor(shape=[1, 2]), 400, "Allowed: [n] or [n, 1]"),
    "huge shape": (tensor(shape=[10**18]), 400, "has 1 values"),
    "another length": (tensor(shape=[2], data=[1, 2]), 400, "has another length"),
    "twice": (tensor(name="weekday", data=[3]), 400, "comes twice"),
    "datatype": (tensor(datatype="FP65"), 400, "inputs.3.datatype"),
    "no tensor": ("air temp", 400, "inputs.3"),
    "text": (tensor(data=["1.5"]), 422, "is not a number"),
    "nested": (tensor(data=[[1.5, 2]]), 422, "is not a number"),
}


@pytest.mark.parametrize(("given", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_tensors(client, given, status, words):
    """What is no column of the contract is refused with a sentence under `error`."""
    answer = infer(client, given)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


def test_refused_requests(client, start, bundles):
    """An unknown output, no JSON, and more rows than one request may hold."""
    assert "no output 'x'. Allowed: prediction" in infer(client, outputs=[{"name": "x"}]).text
    assert client.post(f"/v2/models/{NAME}/infer", content=b"{").status_code == 400
    few = start(bundles["binary"], max_rows=2)
    answer = few.post(f"/v1/models/{NAME}:predict", json={"instances": [{}] * 3})
    assert (answer.status_code, "too many rows" in answer.json()["error"]) == (422, True)
    small = start(bundles["binary"], max_body_bytes=1_024)
    answer = small.post(f"/v1/models/{NAME}:predict", content=b" " * 1_025)
    assert (answer.status_code, "1024 bytes" in answer.json()["error"]) == (413, True)


def test_instances(client, row):
    """TF Serving's predictions are those of `/predict`."""
    rows = [row, row | {"air temp": None, "dest": "LAX"}]
    answer = client.post(f"/v1/models/{NAME}:predict", json={"instances": rows}).json()
    assert answer == {"predictions": client.post("/predict", json=rows).json()["predictions"]}


@pytest.mark.parametrize("body", [{}, {"instances": {}}, {"instances": [1]}, {"inputs": {}}, []])
def test_no_instances(client, body):
    """Another shape is 400 and says where."""
    answer = client.post(f"/v1/models/{NAME}:predict", json=body)
    assert (answer.status_code, answer.json()["error"][:3]) == (400, "In ")


def test_state_of_the_model(client):
    """As TF Serving reports it, and as KServe's first protocol does."""
    state = client.get(f"/v1/models/{NAME}").json()
    assert state["model_version_status"][0]["state"] == "AVAILABLE"
    assert state["model_version_status"][0]["version"] == "v1.4.0"
    assert state["ready"] is True
    assert client.get("/v1/models/other").status_code == 404


def test_without_a_model(start, tmp_path):
    """Alive, and not ready; every other route says why."""
    client = start(tmp_path)
    assert client.get("/v2/health/live").status_code == 200
    for path in ("/v2/health/ready", f"/v2/models/{NAME}/ready", f"/v1/models/{NAME}"):
        answer = client.get(path)
        assert (answer.status_code, "No model bundle" in answer.json()["error"]) == (503, True)


def test_examples_work(client):
    """The OpenAPI document's examples can be sent."""
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/models/{name}:predict", "/v2/models/{name}/infer"):
        content = paths[path]["post"]["requestBody"]["content"]["application/json"]
        (example,) = content["examples"].values()
        answer = client.post(path.replace("{name}", NAME), json=example["value"])
        assert answer.status_code == 200, answer.text


def test_both_are_logged(logging_client, row):
    """As /predict is: each answer has the id of what was kept."""
    client = logging_client()
    answer = client.post(f"/v1/models/{NAME}:predict", json={"instances": [row, row]}).json()
    assert answer["prediction_id"]
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in row.items()
    ]
    answer = client.post(f"/v2/models/{NAME}/infer", json={"inputs": tensors}).json()
    assert answer["parameters"]["prediction_id"]
    assert client.app.state.log.close() == 0
    lines = client.get("/logs/export").text.splitlines()
    assert len(lines) == 3
