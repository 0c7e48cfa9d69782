"""The log's own database, which is only read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Postgres
from mlops_loop.monitoring.traffic.postgres import DatabaseTraffic
from mlops_loop.prediction_log.database import Database

from .conftest import DAY, MOMENTS, NEXT, PROBLEMS


def test_days(log_url):
    """As the log has them, from the variable that the section names."""
    source = DatabaseTraffic(Postgres(url_env="MINE"), {"MINE": log_url})
    first, second = table.read(source, DAY, NEXT + timedelta(days=1))
    assert (len(first.rows), len(second.rows)) == (4, 2)
    assert first.rows["outcome"].tolist() == [None, "late", None, None]


def test_problems(log_url):
    """As the log has them; a role that may not read them, or a log of before, does not say."""
    source = DatabaseTraffic(Postgres(), {"LOG_URL": log_url})
    assert (source.problems(DAY), source.problems(NEXT)) == (PROBLEMS, {})
    with Database(log_url).cursor() as cursor:
        cursor.run("DROP TABLE problems")
    assert source.problems(DAY) is None


def test_no_variable():
    """Says which one, and what it holds."""
    with pytest.raises(UsageError, match=r"LOG_URL is not set.*traffic\.url_env"):
        DatabaseTraffic(Postgres(), {})


def test_a_database_that_is_not_there(tmp_path):
    """It is not made by looking."""
    source = DatabaseTraffic(Postgres(), {"LOG_URL": f"sqlite:///{tmp_path}/none.db"})
    with pytest.raises(LogUnavailable, match="cannot be used"):
        list(table.read(source, DAY, NEXT))
    assert list(tmp_path.iterdir()) == []


def test_nothing_can_be_changed(log_url):
    """The database itself refuses."""
    reader = Database(log_url, read_only=True)
    with pytest.raises(LogUnavailable, match="readonly"):
        reader.prune(MOMENTS[2])
    assert reader.count(MOMENTS[0], MOMENTS[2]) == 4
