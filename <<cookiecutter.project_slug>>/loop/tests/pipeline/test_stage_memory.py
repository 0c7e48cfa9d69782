"""A stage holds a few tables at most: what it allocates at its peak, by the table it reads.

Counted by the allocators of Python, numpy and Arrow, so that the figures are the same on every
machine. The second size is ten times the first, and only what is added counts.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pytest
from pandera.typing import Series
from threadpoolctl import threadpool_limits

from mlops_loop import project
from mlops_loop.pipeline import evaluate, export, ingest, prepare, train, validate

SIZES = (4_000, 40_000)
CHANGES = {
    "source": {"kind": "files", "path": "source.parquet", "fingerprint": "source.parquet"},
    "source.format": "parquet",
    "split": {"strategy": "time", "column": "day", "validation": 0.2, "holdout": 0.3},
}
# So many times the table as pandas holds it; of few columns, so keys and times weigh much.
MOST = {ingest: 2.5, validate: 1.9, prepare: 4.2, train: 1.9, export: 1, evaluate: 1.6}


class RawRows(pa.DataFrameModel):
    """Types for most of the columns, so that most are read anew."""

    id: Series[int]
    count: Series[int] = pa.Field(ge=0)
    size: Series[float] = pa.Field(nullable=True)


class Peak:
    """`most`: bytes at the peak, of all allocators together at most."""

    most = 0


@contextmanager
def peak() -> Iterator[Peak]:
    """What is allocated within, by tracemalloc and by a pool of Arrow's of its own."""
    found, before = Peak(), pyarrow.default_memory_pool()
    pool = pyarrow.proxy_memory_pool(before)
    pyarrow.set_memory_pool(pool)
    tracemalloc.start()
    try:
        yield found
    finally:
        found.most = tracemalloc.get_traced_memory()[1] + pool.max_memory()
        tracemalloc.stop()
        pyarrow.set_memory_pool(before)


@pytest.fixture(scope="module")
def costs(tmp_path_factory, make_params, make_rows, model_input, estimators):
    """By size the bytes of the table, and by stage those of its peak."""
    found = {}
    own = make_params("binary", CHANGES)
    for n in (SIZES[0], *SIZES):  # the first run loads what stages import
        rows = make_rows(n, "binary")
        rows = rows[[name for name in rows if not name.startswith("_")]]
        moments = pd.date_range("2020-01-01", periods=n, freq="min", tz="UTC")
        rows = rows.assign(day=np.repeat(moments[::60], 60)[:n])
        table = int(rows.memory_usage(deep=True).sum())
        with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
            patch.chdir(tmp_path_factory.mktemp(str(n)))
            patch.setattr(project, "estimators", estimators)
            patch.setattr(project, "raw_rows", lambda: RawRows)
            patch.setattr(project, "model_rows", lambda raw: raw)
            patch.setattr(project, "model_input", lambda: model_input)
            rows.to_parquet("source.parquet", index=False)
            peaks = {}
            for stage in MOST:
                with peak() as measured:
                    stage.run(own)
                peaks[stage] = measured.most
        found[n] = (table, peaks)
    return found


@pytest.mark.parametrize("stage", MOST, ids=lambda stage: stage.__name__.rpartition(".")[2])
def test_a_stage_holds_few_tables(costs, stage):
    """Ten times the rows, and at most so many times the table more."""
    (small, before), (large, after) = (costs[n] for n in SIZES)
    assert after[stage] - before[stage] < MOST[stage] * (large - small)
