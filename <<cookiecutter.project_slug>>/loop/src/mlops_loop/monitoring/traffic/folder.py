"""Traffic of kind `folder`: the files that `loop log export` writes, one for each day.

A day without a file is a day without rows, because the export writes none for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import fsspec
import pandas as pd
import pyarrow.parquet as pq

from mlops_loop.errors import LogUnavailable, ProjectError, UsageError
from mlops_loop.json_texts import parsed
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Folder
from mlops_loop.prediction_log.archive import file_of_day, known_problems
from mlops_loop.prediction_log.database import Problems
from mlops_loop.text import listed

JSON = ("inputs", "output", "outcome")
OTHERS = [name for name in table.COLUMNS if name not in table.MOMENTS]


class FolderTraffic:
    """See `table.Source`; credentials come from where fsspec looks for them."""

    note = ""

    def __init__(self, config: Folder):
        """Raises UsageError where there is no such folder."""
        self._name = config.name
        with self._readable(config.name):
            self._fs, self._root = fsspec.core.url_to_fs(config.path.rstrip("/"))
            exists = self._fs.exists(self._root)
        if not exists:
            raise UsageError(
                f"traffic.path = {config.name!r} is no folder that can be seen from here. Next: "
                "loop log export FOLDER, or see monitor.yaml"
            )

    def day(self, day: date) -> Iterator[pd.DataFrame]:
        """The rows of a day in tables; raises as `table.Source` says."""
        path = f"{self._root}/{file_of_day(day)}"
        with self._readable(f"{self._name}/{file_of_day(day)}"):
            if not self._fs.exists(path):
                return
            with self._fs.open(path, "rb") as file:
                yield from _tables(pq.ParquetFile(file))

    def problems(self, day: date) -> Problems | None:
        """What the file of the day says; None where there is none, or it is an older one."""
        path = f"{self._root}/{file_of_day(day)}"
        with self._readable(f"{self._name}/{file_of_day(day)}"):
            if not self._fs.exists(path):
                return None
            with self._fs.open(path, "rb") as file:
                return known_problems(pq.ParquetFile(file))

    @contextmanager
    def _readable(self, place: str) -> Iterator[None]:
        """Any error of a file system, as one of ours in one sentence."""
        try:
            yield
        except ProjectError:
            raise
        except Exception as error:  # every file system has errors of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            raise LogUnavailable(f"{place} cannot be read: {reason}.") from error


def _tables(file: Any) -> Iterator[pd.DataFrame]:
    if missing := [name for name in table.COLUMNS if name not in file.schema_arrow.names]:
        raise LogUnavailable(f"A file of the log lacks the columns {listed(missing)}.")
    for batch in file.iter_batches(table.CHUNK_ROWS, None, list(table.COLUMNS), use_threads=False):
        columns = {name: batch[name].to_numpy(zero_copy_only=False) for name in OTHERS}
        columns |= {name: batch[name].to_pandas() for name in table.MOMENTS}
        yield table.of_columns(columns | {name: parsed(columns[name]) for name in JSON})
