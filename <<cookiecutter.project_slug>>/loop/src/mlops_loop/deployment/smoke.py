"""Ask a running endpoint the golden rows: does it answer what the gate saw?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from mlops_loop.deployment.client import Client
from mlops_loop.errors import SmokeFailed
from mlops_loop.model.bundle import Bundle

TOLERANCE = 1e-5
UNKNOWN_COLUMN = "no such column"


def smoke(url: str, bundle: Bundle, timeout_s: float = 60.0) -> str:
    """Wait up to `timeout_s` for the endpoint to be ready, try it, and say what was found.

    It must run this very bundle, give each golden row the score that the gate saw, alone and in
    a batch, and refuse an unknown column. Raises SmokeFailed with what was expected and found.
    """
    start = time.monotonic()
    url = url.rstrip("/")
    client = Client(url)
    client.wait_until_ready(timeout_s)
    version = client.ask("/version")
    if version["bundle"] != bundle.id:
        found = f"{url}/version reports bundle {version['bundle']}"
        raise SmokeFailed(f"{found}, expected {bundle.id} ({bundle.folder}).")
    golden = bundle.golden()
    largest = _check_golden(client, golden, bundle.contract.classes)
    _check_refusal(client, golden[0]["row"])
    told = f"{url} runs {version['model_version']} (bundle {bundle.id}) and answers {len(golden)}"
    took = time.monotonic() - start
    return f"smoke: {told} golden rows, equal to {largest:.1e}; {took:.2f} s"


def _check_golden(client: Client, golden: list[dict[str, Any]], classes: Sequence[str]) -> float:
    """The largest difference on any golden row, asked alone and in a batch."""
    url = f"{client.url}/predict"
    alone = [client.ask("/predict", line["row"]) for line in golden]
    batch = client.ask("/predict", [line["row"] for line in golden])["predictions"]
    if len(batch) != len(golden):
        raise SmokeFailed(f"{url} gives {len(batch)} predictions for {len(golden)} rows.")
    return max(
        _difference(f"{url} answers golden row {number % len(golden)}", line, answer, classes)
        for number, (line, answer) in enumerate(zip(golden * 2, alone + batch, strict=True))
    )


def _difference(place: str, line: Any, answer: Any, classes: Sequence[str]) -> float:
    """How far an answer is off, relative to the score for large numbers of a regression."""
    expected = line["score"] if classes else [line["score"]]
    found = [answer["probabilities"][name] for name in classes] or [answer["prediction"]]
    off = [abs(a - b) / max(1.0, abs(a)) for a, b in zip(expected, found, strict=True)]
    if not all(each <= TOLERANCE for each in off):  # so is NaN
        told = f"{place} with {found}, the gate saw {expected} (allowed difference {TOLERANCE:g})"
        raise SmokeFailed(f"{told}. The row: {json.dumps(line['row'])}")
    return max(off)


def _check_refusal(client: Client, row: dict[str, Any]) -> None:
    status, answer = client.send("/predict", row | {UNKNOWN_COLUMN: 1})
    if status != 422 or UNKNOWN_COLUMN not in answer:
        found = (
            f"{client.url} answers a row with the column {UNKNOWN_COLUMN!r} with {status} {answer}"
        )
        raise SmokeFailed(f"{found}, expected 422 naming the column.")
