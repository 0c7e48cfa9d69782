"""What was refused or failed is counted by day, without any value."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from mlops_loop.prediction_log.database import FAILED, REFUSED


def problems(client, n: int) -> dict:
    """Those of today by column and problem, as soon as there are `n` in all."""
    found: list = []
    for _ in range(100):
        found = client.get("/logs/problems", params={"day": str(datetime.now(UTC).date())}).json()
        if sum(row["n"] for row in found) >= n:
            return {(row["column"], row["problem"]): row["n"] for row in found}
        time.sleep(0.05)
    pytest.fail(f"{found} instead of {n}")


def test_refused_requests_and_values(logging_client, row):
    """Names that the contract does not know are `other`; what was answered is no problem."""
    client, late = logging_client(), row | {"weekday": 9}
    client.post("/predict", json=row)
    client.post("/predict", json=[late, row | {"weekday": None, "x'y": 1}])
    client.post("/predict", content=b"no JSON")
    client.post(f"/v1/models/{client.app.state.model_name}:predict", json={"instances": [late]})
    client.post("/invocations", json={"dataframe_records": [late]})
    assert problems(client, 9) == {
        ("weekday", "is too large"): 3, ("weekday", "may not be empty"): 1,
        ("other", "is not a column of this model"): 1, ("", REFUSED): 4,
    }  # fmt: skip


def test_requests_that_fail(logging_client, row):
    """As where no model is loaded; probes and other routes do not count."""
    client = logging_client()
    client.app.state.model = None
    assert client.post("/predict", json=row).status_code == 503
    client.get("/ready")
    client.get("/nowhere")
    client.post("/feedback", json={})
    client.app.state.model = None
    assert problems(client, 1) == {("", FAILED): 1}


def test_a_day_is_named(logging_client):
    """And another day has problems of its own."""
    client = logging_client()
    assert client.get("/logs/problems", params={"day": "2026-01-01"}).json() == []
    assert client.get("/logs/problems").status_code == 422


def test_without_a_log_nothing_is_counted(client, row):
    """The answers are the same."""
    assert client.post("/predict", json=row | {"weekday": 9}).status_code == 422
    assert client.get("/logs/problems", params={"day": "2026-01-01"}).status_code == 404
