"""`/metrics`: counted once, by few labels, and true."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families


def read(client):
    """Samples by name and labels."""
    text = client.get("/metrics").text
    families = text_string_to_metric_families(text)
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_requests_by_route_and_status(client, row):
    """Templates of paths, so that a path of anybody's choice makes no new series."""
    for content in (row, row, row | {"weekday": 9}):
        client.post("/predict", json=content)
    for path in ("/health", "/no/such/page", "/static/page.css"):
        client.get(path)
    client.request("BREW", "/coffee")
    found = read(client)
    name = "http_requests_total"
    assert found[name, "POST", "/predict", "200"] == 2
    assert found[name, "POST", "/predict", "422"] == 1
    assert found[name, "GET", "/health", "200"] == 1
    assert found[name, "GET", "other", "404"] == found[name, "GET", "other", "200"] == 1
    assert found[name, "other", "other", "404"] == 1
    assert found["http_request_duration_seconds_count", "/predict"] == 3
    assert 0 < found["http_request_duration_seconds_sum", "/predict"] < 60


def test_rows_predicted(client, row):
    client.post("/predict", json=row)
    client.post("/predict", json=[row] * 3)
    client.post("/predict", json=row | {"weekday": 9})
    assert read(client)["predictions_total",] == 4


def test_refused_values_by_column(client, row):
    """What is wrong with which column; names that the contract does not know are `other`."""
    client.post("/predict", json=[row | {"weekday": 9}, row | {"weekday": None, "x'y": 1}])
    found = {key[1:]: value for key, value in read(client).items()
             if key[0] == "refused_values_total"}  # fmt: skip
    assert found == {
        ("weekday", "is too large"): 1,
        ("weekday", "may not be empty"): 1,
        ("other", "is not a column of this model"): 1,
    }


def test_refused_values_however_they_came(client, row):
    """By the other protocols and by the page as well."""
    bad = row | {"weekday": 9}
    tensors = [
        {"name": key, "shape": [1], "datatype": "BYTES", "data": [value]}
        for key, value in bad.items()
    ]
    name = client.app.state.model_name
    client.post(f"/v1/models/{name}:predict", json={"instances": [bad]})
    client.post(f"/v2/models/{name}/infer", json={"inputs": tensors})
    client.post("/", data=bad | {"holiday": "false"})
    client.post("/batch", content="air temp,weekday,origin,dest\n1,9,JFK,BOS\n")
    client.post("/invocations", json={"dataframe_records": [bad]})
    assert read(client)["refused_values_total", "weekday", "is too large"] == 5


def test_the_model_that_serves(client):
    """One series, whose labels say which."""
    (labels,) = re.findall(r"model_info\{(.*)\} 1\.0", client.get("/metrics").text)
    assert 'version="v1.4.0"' in labels
    assert client.get("/version").json()["bundle"] in labels


def test_the_log(logging_client, row):
    """What waits for the disk and what is on it make all that was predicted."""
    client = logging_client()
    client.post("/predict", json=[row] * 3)
    found = read(client)
    queued, written = "prediction_log_queued_rows", "prediction_log_written_rows_total"
    assert found[queued,] + found[written,] == 3
    assert found["prediction_log_up",] == 1
    assert {("prediction_log_waits_total",), ("prediction_log_refused_total",)} <= set(found)


@pytest.mark.skipif("not __import__('os').path.exists('/proc/self/stat')", reason="needs /proc")
def test_cpu_and_memory(client):
    found = read(client)
    assert found["process_resident_memory_bytes",] > 1e6
    assert found["process_cpu_seconds_total",] > 0


def test_without_a_model(start, tmp_path):
    """Numbers all the same: an endpoint that is not ready is what one wants to see."""
    client = start(tmp_path)
    assert client.get("/ready").status_code == 503
    found = read(client)
    assert found["http_requests_total", "GET", "/ready", "503"] == 1
    assert not [key for key in found if key[0] == "model_info"]
