"""TF Serving's routes; their first form is KServe's first protocol as well."""

import pytest

from mlops_loop import project

NAME = project.model_name()
VERSION = f"/v1/models/{NAME}/versions/v1.4.0"


def test_instances(client, row):
    """TF Serving's predictions are those of `/predict`."""
    rows = [row, row | {"air temp": None, "dest": "LAX"}]
    answer = client.post(f"/v1/models/{NAME}:predict", json={"instances": rows}).json()
    assert answer == {"predictions": client.post("/predict", json=rows).json()["predictions"]}


@pytest.mark.parametrize("body", [{}, {"instances": {}}, {"instances": [1]}, {"inputs": []}, []])
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


def test_columns(client, row):
    """By column in, by column out: the predictions of the same rows."""
    rows = [row, row | {"weekday": 0, "dest": "LAX"}]
    inputs = {name: [each[name] for each in rows] for name in row}
    body = {"signature_name": "serving_default", "inputs": inputs}
    outputs = client.post(f"/v1/models/{NAME}:predict", json=body).json()["outputs"]
    expected = client.post("/predict", json=rows).json()["predictions"]
    assert outputs["prediction"] == [each["prediction"] for each in expected]
    assert outputs["probability"] == [each["probability"] for each in expected]
    shares = [list(each["probabilities"].values()) for each in expected]
    assert outputs["probabilities"] == shares


def test_one_output_has_no_name(start, bundles, row):
    """As TF Serving answers for a model of one output."""
    client = start(bundles["regression"])
    inputs = {name: [value] for name, value in row.items()}
    outputs = client.post(f"/v1/models/{NAME}:predict", json={"inputs": inputs}).json()["outputs"]
    assert outputs == [client.post("/predict", json=row).json()["prediction"]]


REFUSED = {
    "both": ({"instances": [], "inputs": {}}, 400, "either `instances`"),
    "neither": ({}, 400, "either `instances`"),
    "another signature": ({"instances": [{}], "signature_name": "x"}, 400, "signature_name"),
    "lengths": ({"inputs": {"weekday": [4, 5], "origin": ["JFK"]}}, 400, "'weekday' has another"),
    "no column": ({"inputs": {}}, 422, "holds no row"),
    "contract": (
        {"inputs": {"weekday": [9], "origin": ["JFK"], "dest": ["BOS"]}},
        422,
        "too large",
    ),
}


@pytest.mark.parametrize(("body", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(client, body, status, words):
    """With a sentence under `error`."""
    answer = client.post(f"/v1/models/{NAME}:predict", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


def test_metadata(client):
    """Types and shapes as TensorFlow names them."""
    found = client.get(f"/v1/models/{NAME}/metadata").json()
    assert found["model_spec"] == {"name": NAME, "signature_name": "", "version": "v1.4.0"}
    signature = found["metadata"]["signature_def"]["signature_def"]["serving_default"]
    kinds = {name: each["dtype"] for name, each in signature["inputs"].items()}
    assert (kinds["air temp"], kinds["origin"]) == ("DT_DOUBLE", "DT_STRING")
    sizes = signature["outputs"]["probabilities"]["tensor_shape"]["dim"]
    assert [each["size"] for each in sizes] == ["-1", "2"]


def test_versions(client, row):
    """The version that serves answers; any other is refused by name."""
    body = {"instances": [row]}
    plain = client.post(f"/v1/models/{NAME}:predict", json=body)
    assert client.post(f"{VERSION}:predict", json=body).json() == plain.json()
    for path in ("", "/metadata"):
        assert client.get(VERSION + path).json() == client.get(f"/v1/models/{NAME}{path}").json()
    other = VERSION.replace("v1.4.0", "7")
    for answer in (client.get(other), client.post(f"{other}:predict", json=body)):
        words = "There is no version '7'. Allowed: v1.4.0."
        assert (answer.status_code, answer.json()["error"]) == (404, words)
