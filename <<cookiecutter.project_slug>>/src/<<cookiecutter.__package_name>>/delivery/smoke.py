"""Ask a running endpoint the golden rows: does it answer what the gate saw?

Standard library only, so that it runs wherever Python does.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..bundle import Bundle
from ..errors import SmokeFailed

TOLERANCE = 1e-5
REQUEST_TIMEOUT_S = 10.0
PAUSE_S = 0.25
UNKNOWN_COLUMN = "no such column"

Json = Any


@dataclass(frozen=True)
class SmokeReport:
    """What was asked and found; `largest_difference` is None where no golden scores were given."""

    url: str
    bundle: str
    model_version: str
    n_rows: int
    largest_difference: float | None
    seconds: float

    def __str__(self) -> str:
        asked = "the example row"
        if self.largest_difference is not None:
            asked = f"{self.n_rows} golden rows, equal to {self.largest_difference:.1e}"
        what = f"{self.model_version} (bundle {self.bundle})"
        return f"smoke: {self.url} runs {what} and answers {asked}; {self.seconds:g} s"


def smoke(url: str, bundle: Bundle | None = None, timeout_s: float = 60.0) -> SmokeReport:
    """Wait up to `timeout_s` for the endpoint to be ready, then try it.

    With a `bundle`, the endpoint must run that bundle and give its golden rows
    their scores, one by one and as a batch. Without one, the endpoint must answer the example
    of its own documentation. In both cases it must refuse a row with an unknown column.
    Raises SmokeFailed naming the address, the row, and what was expected and found.
    """
    start = time.monotonic()
    url = url.rstrip("/")
    wait_until_ready(url, timeout_s)
    version = _get(f"{url}/version")
    if bundle:
        _check_bundle(url, version, bundle)
        rows = [line["row"] for line in bundle.golden()]
        largest = _check_golden(url, bundle)
    else:
        rows, largest = [_example(url)], None
        _post(f"{url}/predict", rows[0])
    _check_refusal(url, rows[0])
    return SmokeReport(
        url=url,
        bundle=version["bundle"],
        model_version=version["model_version"],
        n_rows=len(rows),
        largest_difference=largest,
        seconds=round(time.monotonic() - start, 2),
    )


def wait_until_ready(url: str, timeout_s: float) -> None:
    """Return once `/ready` answers 200; raises SmokeFailed with the last reason otherwise."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            status, body = _ask(f"{url}/ready")
            reason = f"{status} {_text(body)}"
        except SmokeFailed as error:
            status, reason = 0, str(error)
        if status == 200:
            return
        if time.monotonic() + PAUSE_S > deadline:
            raise SmokeFailed(f"{url} was not ready within {timeout_s:g} s: {reason}")
        time.sleep(PAUSE_S)


def _check_bundle(url: str, version: Json, expected: Bundle) -> None:
    if version["bundle"] != expected.id:
        raise SmokeFailed(
            f"{url}/version reports bundle {version['bundle']}, expected {expected.id} "
            f"({expected.folder}). Was the image built from this bundle?"
        )


def _check_golden(url: str, expected: Bundle) -> float:
    """The largest difference on any golden row, asked alone and in a batch."""
    golden = expected.golden()
    classes = expected.contract.classes
    alone = [_post(f"{url}/predict", line["row"]) for line in golden]
    batch = _post(f"{url}/predict", [line["row"] for line in golden])["predictions"]
    if len(batch) != len(golden):
        raise SmokeFailed(f"{url}/predict gave {len(batch)} predictions for {len(golden)} rows.")
    return max(
        _check_scores(f"{url}/predict", number, line, answer, classes)
        for answers in (alone, batch)
        for number, (line, answer) in enumerate(zip(golden, answers, strict=True))
    )


def _check_scores(url: str, number: int, line: Json, answer: Json, classes: Sequence[str]) -> float:
    """The difference of one row, relative to the score for large numbers of a regression."""
    expected = line["score"] if classes else [line["score"]]
    found = [answer["probabilities"][name] for name in classes] or [answer["prediction"]]
    differences = [
        abs(one - other) / max(1.0, abs(one)) for one, other in zip(expected, found, strict=True)
    ]
    if not max(differences) <= TOLERANCE:
        raise SmokeFailed(
            f"{url} answers golden row {number} with {found}, the gate saw {expected} "
            f"(allowed difference {TOLERANCE:g}). The row: {json.dumps(line['row'])}"
        )
    return max(differences)


def _check_refusal(url: str, row: Json) -> None:
    status, body = _ask(f"{url}/predict", {**row, UNKNOWN_COLUMN: 1})
    if status != 422 or UNKNOWN_COLUMN not in _text(body):
        raise SmokeFailed(
            f"{url}/predict answers a row with the column {UNKNOWN_COLUMN!r} with {status} "
            f"{_text(body)}, expected 422 naming the column."
        )


def _example(url: str) -> Json:
    document = _get(f"{url}/openapi.json")
    body = document["paths"]["/predict"]["post"]["requestBody"]
    return body["content"]["application/json"]["examples"]["row"]["value"]


def _get(url: str) -> Json:
    return _success(url, *_ask(url))


def _post(url: str, content: Json) -> Json:
    return _success(url, *_ask(url, content))


def _success(url: str, status: int, body: bytes) -> Json:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise SmokeFailed(f"{url} answers {status} with no JSON: {_text(body)}") from error
    if status != 200:
        raise SmokeFailed(f"{url} answers {status} instead of 200: {_text(body)}")
    return answer


def _ask(url: str, content: Json = None) -> tuple[int, bytes]:
    """Status and body; a POST where there is content. Raises SmokeFailed without an answer."""
    data = None if content is None else json.dumps(content).encode()
    try:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, ValueError) as error:
        raise SmokeFailed(f"{url} gives no answer: {error}") from error


def _text(body: bytes) -> str:
    return body[:500].decode(errors="replace")
