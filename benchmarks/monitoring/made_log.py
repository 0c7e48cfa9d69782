"""A prediction log, and its export, with as many rows as one likes: drawn from rows of the year."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from mlops_loop.model.contract import Contract
from mlops_loop.prediction_log.database import Database, Logged, Outcome
from mlops_loop.prediction_log.ids import new_id, utc
from mlops_loop.prediction_log.records import file_of_day

from .flights import Flights

DAYS, DISTINCT, BATCH = 28, 50_000, 5_000
DAY_NS = 86_400 * 10**9
VERSION, IMAGE, LATENCY_MS = "v1.0.0", "sha256:0", 2.5

MOMENT = pa.timestamp("ms", "UTC")
SCHEMA = pa.schema({
    "prediction_id": pa.string(), "row": pa.int32(), "at": MOMENT, "model_version": pa.string(),
    "image_digest": pa.string(), "latency_ms": pa.float64(), "subject": pa.string(),
    "inputs": pa.string(), "output": pa.string(), "outcome": pa.string(), "outcome_at": MOMENT,
})  # fmt: skip


@dataclass(frozen=True)
class Texts:
    """Input, output and outcome of some rows, as JSON."""

    inputs: list[str]
    outputs: list[str]
    outcomes: list[str]

    @classmethod
    def of(cls, flights: Flights) -> Texts:
        """Of rows that are drawn from July to December."""
        contract = flights.model.contract
        late = flights.rows[flights.rows["day"] >= "2013-07-01"]
        rows = late.sample(DISTINCT, random_state=0)
        inputs = rows[contract.names].astype(object)
        records = inputs.where(inputs.notna(), None).to_dict("records")
        return cls(
            [json.dumps(record) for record in records],
            [json.dumps(_output(p, contract)) for p in rows["p"]],
            [json.dumps(contract.classes[y]) for y in rows["y"]],
        )


def _output(p: float, contract: Contract) -> dict[str, object]:
    low, high = contract.classes
    name = high if p >= contract.threshold else low
    return {"prediction": name, "probability": p, "probabilities": {low: 1 - p, high: p}}


def _start() -> datetime:
    return datetime.combine(datetime.now(UTC).date() - timedelta(days=DAYS), time(), UTC)


def _batches(start: datetime, step_ns: int, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Moments in ns since 1970, and which text each row has."""
    rng, first = np.random.default_rng(0), int(start.timestamp()) * 10**9
    for begin in range(0, n, BATCH):
        size = min(BATCH, n - begin)
        yield first + np.arange(begin, begin + size) * step_ns, rng.integers(DISTINCT, size=size)


def write_log(texts: Texts, file: Path, n: int) -> None:
    """Write n requests of one row, each with its outcome, evenly over the days before today."""
    database = Database(f"sqlite:///{file}", writes=True)
    for moments, which in _batches(_start(), DAYS * DAY_NS // n, n):
        rows = [_request(texts, *pair) for pair in zip(moments.tolist(), which, strict=True)]
        with database.cursor() as cursor:
            cursor.insert("predictions", [request for request, _ in rows], "DO NOTHING")
            cursor.insert("outcomes", [outcome for _, outcome in rows], "DO NOTHING")
    database.close()


def _request(texts: Texts, at: int, i: int) -> tuple[Logged, Outcome]:
    id_, inputs, outputs = new_id(at), f"[{texts.inputs[i]}]", f"[{texts.outputs[i]}]"
    return (
        Logged(id_, utc(at), VERSION, IMAGE, LATENCY_MS, None, 1, inputs, outputs),
        Outcome(id_, 0, utc(at + DAY_NS // 2), texts.outcomes[i]),
    )


def write_days(texts: Texts, folder: Path, n: int) -> None:
    """Write the files that `loop log export` would write of such a log."""
    folder.mkdir()
    known = [pa.array(part) for part in (texts.inputs, texts.outputs, texts.outcomes)]
    for number in range(DAYS):
        start, per_day = _start() + timedelta(days=number), n // DAYS
        path = folder / file_of_day(start.date())
        with pq.ParquetWriter(path, SCHEMA) as writer:
            for moments, which in _batches(start, DAY_NS // per_day, per_day):
                writer.write_table(_arrow(known, moments, pa.array(which)))


def _arrow(known: list[pa.Array], moments: np.ndarray, which: pa.Array) -> pa.Table:
    inputs, outputs, outcomes = (texts.take(which) for texts in known)
    at = moments // 10**6
    facts = {
        "prediction_id": [f"{moment:032x}" for moment in moments.tolist()],
        "row": np.zeros(len(at), dtype=np.int32),
        "at": at.astype("datetime64[ms]"),
        "model_version": [VERSION] * len(at),
        "image_digest": [IMAGE] * len(at),
        "latency_ms": np.full(len(at), LATENCY_MS),
        "subject": [None] * len(at),
        "inputs": inputs,
        "output": outputs,
        "outcome": outcomes,
        "outcome_at": (at + DAY_NS // 2 // 10**6).astype("datetime64[ms]"),
    }
    return pa.table(facts).cast(SCHEMA)
