"""The log as records, one for each predicted row; and as a Parquet file for each day.

prediction_id, row   the request, and which of its rows, counted from 0
at                   when it was predicted (UTC)
model_version, image_digest, latency_ms
subject              the hash of the person or thing that it is about; None where not named
inputs, output       the model's input and output
outcome, outcome_at  the true outcome and when it was reported; None where unknown

The metadata of a file hold the problems of its day, see database.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from mlops_loop.json_texts import parsed
from mlops_loop.prediction_log.database import Database, Page, Problems

PROBLEMS = "problems"  # in the metadata of a file
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


def write_days(database: Database, folder: Path, since: datetime, until: datetime) -> list[Path]:
    """Write a Parquet file for each day (UTC) with rows; inputs, output and outcome are JSON texts.

    Returns the files. Each appears when it is complete, and replaces an older one of that day.
    Raises LogUnavailable.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    while first := database.first(since, until):
        day = first.astimezone(UTC).date()
        since = datetime.combine(day, time(), UTC)
        end = min(since + timedelta(days=1), until)
        written.append(folder / file_of_day(day))
        _write_day(database, written[-1], since, end)
        since = end
    return written


def file_of_day(day: date) -> str:
    """The name of the Parquet file with the rows of a day (UTC)."""
    return f"predictions-{day}.parquet"


def _write_day(database: Database, path: Path, since: datetime, until: datetime) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    moment, text = pa.timestamp("ms", "UTC"), pa.string()
    names = "prediction_id row at model_version image_digest latency_ms subject inputs output"
    types = dict.fromkeys([*names.split(), "outcome", "outcome_at"], text)
    types |= {"row": pa.int32(), "latency_ms": pa.float64(), "at": moment, "outcome_at": moment}
    part = path.with_name(path.name + ".part")
    problems = database.problems(since.date())
    schema = pa.schema(types, _metadata(problems))
    with pq.ParquetWriter(part, schema) as file:
        for page in database.pages(since, until):
            file.write_table(pa.Table.from_pydict(_columns(records(page), types), schema))
    part.replace(path)


def as_json(problems: Problems) -> list[dict[str, Any]]:
    """As a list of `column`, `problem` and `n`."""
    return [{"column": c, "problem": p, "n": n} for (c, p), n in sorted(problems.items())]


def problems_of(data: list[dict[str, Any]]) -> Problems:
    """Of such a list; raises KeyError, TypeError or ValueError where it is none."""
    return {(str(row["column"]), str(row["problem"])): int(row["n"]) for row in data}


def _metadata(problems: Problems | None) -> dict[str, str] | None:
    return None if problems is None else {PROBLEMS: json.dumps(as_json(problems))}


def _columns(rows: Iterable[Record], names: Iterable[str]) -> dict[str, list[Any]]:
    """Columns by name; what is not plain as JSON, moments as datetimes."""
    found = list(rows)
    columns = {name: [row[name] for row in found] for name in names}
    texts, moments = ("inputs", "output", "outcome"), ("at", "outcome_at")
    return (
        columns
        | {name: [v if v is None else to_json(v).decode() for v in columns[name]] for name in texts}
        | {name: [v and datetime.fromisoformat(v) for v in columns[name]] for name in moments}
    )
