"""Traffic of kind `postgres`: the prediction log's own database, which is only read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain

import pandas as pd

from mlops_loop.errors import UsageError
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Postgres
from mlops_loop.prediction_log.database import Database, Problems
from mlops_loop.prediction_log.records import records


class DatabaseTraffic:
    """See `table.Source`. A log in SQLite on this machine is read as well."""

    note = ""

    def __init__(self, config: Postgres, env: Mapping[str, str] = os.environ):
        """Raises UsageError where the variable `url_env` holds no address of a log."""
        if not (url := env.get(config.url_env, "").strip()):
            raise UsageError(
                f"The environment variable {config.url_env} is not set: it needs the URL of the "
                "prediction log, postgresql://USER:PASSWORD@HOST/DATABASE. It is named by "
                "traffic.url_env in monitor.yaml"
            )
        self._database = Database(url, read_only=True)

    def day(self, day: date) -> Iterator[pd.DataFrame]:
        """The rows of a day in tables; raises as `table.Source` says."""
        pages = self._database.pages(*table.bounds(day))
        yield from table.chunks(chain.from_iterable(map(records, pages)))

    def problems(self, day: date) -> Problems | None:
        """What the log counted; None where it does not, or the role may not read it."""
        return self._database.problems(day)
