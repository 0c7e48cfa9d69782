"""A table that does not fit into this machine's memory is refused before a stage reads it.

Otherwise the system ends the stage half-way, without a word. How much a stage takes was measured
on a year of flights (the template's docs/full-data.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlops_loop import paths
from mlops_loop.errors import UsageError
from mlops_loop.pipeline import memory

PREPARED = (paths.TRAIN, paths.VALIDATION, paths.HOLDOUT)
# By stage the files of its table, and the peak of its memory in times what they take as a table.
STAGES: dict[str, tuple[Sequence[Path], float]] = {
    "validate": ((paths.INGESTED,), 2.5),
    "prepare": ((paths.VALIDATED,), 5.3),
    "train": (PREPARED, 2.3),
    "export": (PREPARED, 1.5),
    "evaluate": (PREPARED, 2.4),
}
SAMPLE = 10_000  # rows that tell how many bytes a row takes
START = 250e6  # bytes of the program and its libraries, before it reads
ADVICE = (
    "Next: run it on a machine with more; or make the table smaller, by fewer rows or columns of "
    "the source in params.yaml"
)


def check(stage: str) -> None:
    """Raise UsageError where the stage would take more memory than this machine has.

    A stage that reads no table, or whose table is not there yet, passes: it says so itself.
    """
    files, times = STAGES.get(stage, ((), 0.0))
    if not files or not all(path.exists() for path in files):
        return
    rows, size = (sum(numbers) for numbers in zip(*map(_size, files), strict=True))
    room = memory.total() - START
    if size * times <= room:
        return
    needed, here = memory.shown(size * times + START), memory.shown(room + START)
    fits = int(rows * max(room, 0) / (size * times))
    raise UsageError(
        f"{rows:,} rows of {_named(files)} take about {memory.shown(size)} as a table, and {stage} "
        f"about {needed}. This machine has {here}, so about {fits:,} rows would fit. {ADVICE}"
    )


def _named(files: Sequence[Path]) -> str:
    return str(files[0] if len(files) == 1 else files[0].parent)


def _size(path: Path) -> tuple[int, float]:
    """Rows of a Parquet file, and the bytes that they take as a table of pandas."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        n = file.metadata.num_rows
        some = next(file.iter_batches(SAMPLE, use_threads=False), None)
    if not n or some is None:
        return 0, 0.0
    return n, n * some.to_pandas().memory_usage(deep=True).sum() / some.num_rows
