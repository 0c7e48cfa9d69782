"""The log as a Parquet file for each day (UTC); a file that is there only gains rows.

Rows of the file that the log has deleted since, or that another log wrote, stay. Of a row that
both have, the one with the later outcome counts. So several logs may write into one folder; they
take turns by a lock on it (a network's file system must support flock).

The columns are those of records.py; inputs, output and outcome are JSON texts. The metadata hold
the problems of the day, see database.py: their sum, and the part of each log.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic_core import to_json

from mlops_loop.errors import UsageError
from mlops_loop.prediction_log.database import PAGE_ROWS, Database, Problems
from mlops_loop.prediction_log.records import FIRST, Record, as_json, problems_of, records

PROBLEMS, PARTS = "problems", "problems_by_log"  # in the metadata of a file
JSON, MOMENTS = ("inputs", "output", "outcome"), ("at", "outcome_at")
_MOMENT = pa.timestamp("ms", "UTC")
_TYPES = {
    "prediction_id": pa.string(),
    "row": pa.int32(),
    "at": _MOMENT,
    "model_version": pa.string(),
    "image_digest": pa.string(),
    "latency_ms": pa.float64(),
    "subject": pa.string(),
    "inputs": pa.string(),
    "output": pa.string(),
    "outcome": pa.string(),
    "outcome_at": _MOMENT,
}


def write_days(database: Database, folder: Path, since: datetime, until: datetime) -> list[Path]:
    """Write the days with rows from `since` up to `until`; returns their files, oldest first.

    Each appears when it is complete and on disk. Raises LogUnavailable, and UsageError where a
    file that is there is no such file; that one stays as it is.
    """
    with _turn(folder):
        return list(_written(database, folder, since, until))


def prune(database: Database, folder: Path, until: datetime) -> tuple[int, int]:
    """Write what is older than `until`, and delete what was written; returns days and requests.

    A request that came into the log meanwhile, or one with a newer outcome, stays for the next
    time. Raises as `write_days` does; then nothing more is deleted.
    """
    began, deleted, days = datetime.now(UTC), 0, 0
    with _turn(folder):
        for path in _written(database, folder, FIRST, until):
            deleted += sum(database.delete(ids, began) for ids in _ids(path))
            days += 1
    return days, deleted


def file_of_day(day: date) -> str:
    """The name of the file with the rows of a day (UTC)."""
    return f"predictions-{day}.parquet"


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _written(database: Database, folder: Path, since: datetime, until: datetime) -> Iterator[Path]:
    while first := database.first(since, until):
        day = first.astimezone(UTC).date()
        since = datetime.combine(day, time(), UTC)
        end = min(since + timedelta(days=1), until)
        path = folder / file_of_day(day)
        _write_day(database, path, since, end)
        yield path
        since = end


def _write_day(database: Database, path: Path, since: datetime, until: datetime) -> None:
    part, old = path.with_name(path.name + ".part"), _existing(path)
    tables = (_table(records(page)) for page in database.pages(since, until))
    known = _metadata(database, since.date(), old)
    with pq.ParquetWriter(part, pa.schema(_TYPES, known)) as file:
        for table in _merged(old, tables) if old else tables:
            file.write_table(table.replace_schema_metadata(known))
    _sync(part)
    part.replace(path)
    _sync(path.parent)  # in a moment the log may delete these rows


def _existing(path: Path) -> pq.ParquetFile | None:
    if not path.exists():
        return None
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise UsageError(
            f"{path} is no Parquet file ({error}): it was cut or edited, and nothing was written "
            f"to it. Next: mv {path} {path}.broken, then the same command again"
        ) from error


def _merged(old: pq.ParquetFile, new: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of both, in the order of their ids, each once."""
    batches = old.iter_batches(
        PAGE_ROWS, columns=[n for n in old.schema_arrow.names if n in _TYPES]
    )
    rows = heapq.merge(_rows(batches), _rows(new), key=_key)
    once = (max(same, key=_reported) for _, same in groupby(rows, _key))
    while some := list(islice(once, PAGE_ROWS)):
        yield pa.Table.from_pylist(some, pa.schema(_TYPES))


def _rows(tables: Iterable[Any]) -> Iterator[Record]:
    for table in tables:
        yield from table.to_pylist()


def _key(row: Record) -> tuple[str, int]:
    return row["prediction_id"], row["row"]


def _reported(row: Record) -> datetime:
    return row.get("outcome_at") or datetime.min.replace(tzinfo=UTC)


def _ids(path: Path) -> Iterator[list[str]]:
    """The requests of a file, some at a time."""
    for batch in pq.ParquetFile(path).iter_batches(PAGE_ROWS, columns=["prediction_id"]):
        yield batch["prediction_id"].unique().to_pylist()


def _metadata(database: Database, day: date, old: pq.ParquetFile | None) -> dict[str, str] | None:
    """Problems of a log only grow, until it forgets them: of its two counts the larger holds."""
    parts, found = _parts(old), database.problems(day)
    if found is not None:
        mine = database.identity()
        before = parts.pop("", Counter()) | parts.get(mine, Counter())
        parts[mine] = before | Counter(found)  # of each count the larger one
    if not parts:
        return None
    total = sum(parts.values(), Counter())
    by_log = {name: as_json(part) for name, part in sorted(parts.items())}
    return {PROBLEMS: json.dumps(as_json(total)), PARTS: json.dumps(by_log)}


def _parts(old: pq.ParquetFile | None) -> dict[str, Counter[tuple[str, str]]]:
    """By log; those of a file that does not tell logs apart, as an older one, by an empty name."""
    known: Mapping[bytes, bytes] = (old.schema_arrow.metadata if old else None) or {}
    whole = {"": json.loads(known[PROBLEMS.encode()])} if PROBLEMS.encode() in known else {}
    parts = json.loads(known[PARTS.encode()]) if PARTS.encode() in known else whole
    return {name: Counter(problems_of(part)) for name, part in parts.items()}


def _table(rows: Iterable[Record]) -> pa.Table:
    found = list(rows)
    columns = {name: [row[name] for row in found] for name in _TYPES}
    columns |= {n: [v if v is None else to_json(v).decode() for v in columns[n]] for n in JSON}
    columns |= {n: [v and datetime.fromisoformat(v) for v in columns[n]] for n in MOMENTS}
    return pa.Table.from_pydict(columns, pa.schema(_TYPES))


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


def known_problems(file: pq.ParquetFile) -> Problems | None:
    """What the metadata of a file count; None where it is an older one, which did not count."""
    text = (file.schema_arrow.metadata or {}).get(PROBLEMS.encode())
    return None if text is None else problems_of(json.loads(text))
