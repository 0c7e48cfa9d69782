"""Ask a running endpoint for the golden rows, and compare its answers with the gate's scores."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from mlops_loop import tasks
from mlops_loop.deployment.client import Client
from mlops_loop.errors import SmokeFailed
from mlops_loop.model.bundle import Bundle
from mlops_loop.model.contract import Contract

TOLERANCE = 1e-5
UNKNOWN_COLUMN = "no such column"
ROW = ". The row: "  # in a message, what follows holds a row of data


@dataclass(frozen=True)
class SmokeResult:
    """An endpoint that gave every golden row the score that the gate saw.

    largest_difference: from the gate's score; relative to it where that is greater than 1.
    seconds: what the test took, with the time until the endpoint was ready.
    """

    url: str
    model_version: str
    bundle_id: str
    n_golden_rows: int
    largest_difference: float
    seconds: float


def smoke(url: str, bundle: Bundle, timeout_s: float = 60.0) -> SmokeResult:
    """Wait up to `timeout_s` for the endpoint to be ready, then test it.

    It must run this very bundle, give each golden row the score that the gate saw, alone and in
    a batch, and refuse an unknown column. Raises SmokeFailed with what was expected and what it
    answered.
    """
    start = time.monotonic()
    url = url.rstrip("/")
    client = Client(url)
    client.wait_until_ready(timeout_s)
    version = client.ask("/version")
    if version["bundle"] != bundle.id:
        reported = f"{url}/version reports bundle {version['bundle']}"
        raise SmokeFailed(f"{reported}, expected {bundle.id} ({bundle.folder}).")
    golden = bundle.golden()
    largest = _check_golden(client, golden, bundle.contract)
    _check_refusal(client, golden[0]["row"])
    facts = url, version["model_version"], bundle.id, len(golden), largest
    return SmokeResult(*facts, time.monotonic() - start)


def _check_golden(client: Client, golden: list[dict[str, Any]], contract: Contract) -> float:
    """The largest difference on any golden row, asked alone and in a batch."""
    url = f"{client.url}/predict"
    alone = [client.ask("/predict", line["row"]) for line in golden]
    batch = client.ask("/predict", [line["row"] for line in golden])["predictions"]
    if len(batch) != len(golden):
        raise SmokeFailed(f"{url} gives {len(batch)} predictions for {len(golden)} rows.")
    return max(
        _difference(f"{url} answers golden row {number % len(golden)}", line, answer, contract)
        for number, (line, answer) in enumerate(zip(golden * 2, alone + batch, strict=True))
    )


def _difference(place: str, line: Any, answer: Any, contract: Contract) -> float:
    """How far the scores of an answer are off, relative to the expected one if that is large."""
    expected = line["score"] if isinstance(line["score"], list) else [line["score"]]
    answered = tasks.of(contract).scores_of(answer, contract)
    off = [abs(a - b) / max(1.0, abs(a)) for a, b in zip(expected, answered, strict=True)]
    if not all(value <= TOLERANCE for value in off):  # NaN is not
        raise SmokeFailed(
            f"{place} with {answered}, the gate saw {expected} (allowed difference {TOLERANCE:g})"
            f"{ROW}{json.dumps(line['row'])}"
        )
    return max(off)


def _check_refusal(client: Client, row: dict[str, Any]) -> None:
    status, answer = client.send("/predict", row | {UNKNOWN_COLUMN: 1})
    if status != 422 or UNKNOWN_COLUMN not in answer:
        raise SmokeFailed(
            f"{client.url} answers a row with the column {UNKNOWN_COLUMN!r} with {status} "
            f"{answer}, expected 422 naming the column."
        )
