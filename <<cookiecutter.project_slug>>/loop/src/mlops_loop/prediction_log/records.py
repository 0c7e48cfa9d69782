"""The log as records, one for each predicted row.

prediction_id, row   the request, and which of its rows, counted from 0
at                   when it was predicted (UTC)
model_version, image_digest, latency_ms
subject              the hash of the person or thing that it is about; None where not named
inputs, output       the model's input and output
outcome, outcome_at  the true outcome and when it was reported; None where unknown
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from mlops_loop.json_texts import parsed
from mlops_loop.prediction_log.database import Page, Problems

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
Record = dict[str, Any]


def records(page: Page) -> Iterator[Record]:
    """The records of a page of requests, oldest first."""
    requests, outcomes = page
    texts = [request.inputs for request in requests], [request.predictions for request in requests]
    for request, *many in zip(requests, *map(parsed, texts), strict=True):
        for row, (inputs, output) in enumerate(zip(*many, strict=True)):
            outcome = outcomes.get((request.id, row))
            yield {
                "prediction_id": request.id,
                "row": row,
                "at": request.at,
                "model_version": request.model_version,
                "image_digest": request.image_digest,
                "latency_ms": request.latency_ms,
                "subject": request.subject,
                "inputs": inputs,
                "output": output,
                "outcome": outcome and json.loads(outcome.outcome),
                "outcome_at": outcome and outcome.at,
            }


def as_json(problems: Problems) -> list[dict[str, Any]]:
    """As a list of `column`, `problem` and `n`."""
    return [{"column": c, "problem": p, "n": n} for (c, p), n in sorted(problems.items())]


def problems_of(data: list[dict[str, Any]]) -> Problems:
    """Of such a list; raises KeyError, TypeError or ValueError where it is none."""
    return {(str(row["column"]), str(row["problem"])): int(row["n"]) for row in data}
