"""What all protocols share: limits, readiness, the log, and what the OpenAPI document says."""

import json
import keyword
from collections import Counter

import pytest

from mlops_loop import project

NAME = project.model_name()
PREDICT = (f"/v1/models/{NAME}:predict", f"/v2/models/{NAME}/infer", "/invocations")
READY = ("/ready", "/v2/health/ready", f"/v2/models/{NAME}/ready", "/ping")


def test_limits(start, bundles):
    """More rows or bytes than one request may hold."""
    few = start(bundles["binary"], max_rows=2)
    for path, body in {
        PREDICT[0]: {"instances": [{}] * 3},
        PREDICT[1]: {
            "inputs": [{"name": "a", "shape": [3], "datatype": "FP64", "data": [1, 2, 3]}]
        },
        PREDICT[2]: {"inputs": {"a": [1, 2, 3]}},
    }.items():
        answer = few.post(path, json=body)
        assert (answer.status_code, "too many rows" in answer.json()["error"]) == (422, True)
    small = start(bundles["binary"], max_body_bytes=1_024)
    for path in PREDICT:
        answer = small.post(path, content=b" " * 1_025)
        assert (answer.status_code, "1024 bytes" in answer.json()["error"]) == (413, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v2/trace/setting", 404), ("GET", PREDICT[1], 405), ("POST", "/v1/models", 404)],
)
def test_what_there_is_not(client, method, path, status):
    """A route or a method that is not offered is refused as these clients read it."""
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"] == answer.json()["detail"]


def test_without_a_model(start, tmp_path):
    """Alive, and not ready; every other route says why."""
    client = start(tmp_path)
    assert client.get("/v2/health/live").status_code == 200
    assert client.post("/v2/repository/index").json()[0]["state"] == "UNAVAILABLE"
    for path in (
        *READY[1:],
        f"/v1/models/{NAME}",
        f"/v2/models/{NAME}/versions/v1",
        "/v2/models/stats",
    ):
        answer = client.get(path)
        assert (answer.status_code, "No model bundle" in answer.json()["error"]) == (503, True)


def test_readiness_is_one(logging_client):
    """A log that cannot be written is not ready on any route."""
    client = logging_client()
    assert {client.get(path).status_code for path in READY} == {200}
    client.app.state.log.close()  # else its writer finds out that nothing is wrong
    client.app.state.log.reason = "The disk is full."
    for path in READY:
        assert (client.get(path).status_code, "disk is full" in client.get(path).text) == (
            503,
            True,
        )
    client.app.state.log.reason = ""


@pytest.fixture
def document(client):
    """The OpenAPI document."""
    return client.get("/openapi.json").json()


def test_examples_work(client, document):
    """The OpenAPI document's examples can be sent."""
    n = 0
    for path, methods in document["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        if not path.startswith(("/v1", "/v2", "/inv")) or not content:
            continue
        (example,) = content["application/json"]["examples"].values()
        given = path.replace("{name}", NAME).replace("{version}", "v1.4.0")
        answer = client.post(given, json=example["value"])
        assert answer.status_code == 200, answer.text
        n += 1
    assert n == 5


def test_names_of_operations(document):
    """A generated client has a method for each, with a name that people can say."""
    names = Counter(
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    )
    assert set(names.values()) == {1}
    assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
    assert {"predict", "ready", "version", "contract", "v2_infer", "v1_predict"} <= set(names)
    assert not [name for name in names if "__" in name or name.endswith(("_get", "_post"))]


def test_all_are_logged(logging_client, row):
    """As /predict is: each answer has the id of what was kept."""
    client = logging_client()
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in row.items()
    ]
    bodies = {"instances": [row, row]}, {"inputs": tensors}, {"dataframe_records": [row]}
    answers = [
        client.post(path, json=body).json() for path, body in zip(PREDICT, bodies, strict=True)
    ]
    assert answers[0]["prediction_id"]
    assert answers[1]["parameters"]["prediction_id"]
    assert answers[2]["prediction_id"]
    assert client.app.state.log.close() == 0
    lines = client.get("/logs/export").text.splitlines()
    assert len(lines) == 4


def test_large_tables_are_logged_as_rows(logging_client, row):
    """A table that the model gets as it is: log and answer are those of its rows."""
    client, many = logging_client(), 200
    rows = [row | {"weekday": number % 7} for number in range(many)]
    columns = {name: [each[name] for each in rows] for name in row if name != "holiday"}
    answer = client.post("/invocations", json={"inputs": columns}).json()
    known = [{name: each[name] for name in columns} for each in rows]
    expected = client.post("/predict", json=known).json()
    assert answer["predictions"] == expected["predictions"]
    assert client.app.state.log.close() == 0
    records = [json.loads(line) for line in client.get("/logs/export").text.splitlines()]
    by_id = {answer["prediction_id"]: [], expected["prediction_id"]: []}
    for record in records:
        by_id[record["prediction_id"]].append((record["row"], record["inputs"], record["output"]))
    first, second = map(sorted_by_row, by_id.values())
    assert (len(first), first) == (many, second)


def sorted_by_row(records):
    return sorted(records, key=lambda record: record[0])
