"""Files by day, as `loop log export` writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.folder import FolderTraffic
from mlops_loop.monitoring.traffic.kinds import Folder
from mlops_loop.prediction_log.archive import write_days
from mlops_loop.prediction_log.database import Database
from mlops_loop.prediction_log.records import FIRST

from .conftest import DAY, MOMENTS, NEXT, PROBLEMS

END = NEXT + timedelta(days=2)


@pytest.fixture
def folder(log_url, tmp_path):
    write_days(Database(log_url), tmp_path / "log", FIRST, datetime(2026, 2, 1, tzinfo=UTC))
    return tmp_path / "log"


@pytest.mark.parametrize("form", ["{}", "{}/", "file://{}"])
def test_days(folder, form):
    """As the log has them; a day without a file has no rows."""
    first, second = table.read(FolderTraffic(Folder(path=form.format(folder))), DAY, END)
    assert (first.day, len(first.rows), second.day, len(second.rows)) == (DAY, 4, NEXT, 2)
    assert first.rows["outcome"].tolist() == [None, "late", None, None]
    assert first.rows["outcome_at"].tolist()[:2] == [pd.NaT, pd.Timestamp(MOMENTS[2])]
    assert first.rows.loc[1, "inputs"] == {"dest": "BOS", "temp": 62.5}
    assert tuple(first.rows) == table.COLUMNS


def test_problems_are_in_the_file_of_their_day(folder):
    """A day without a file, and a file of before, do not say."""
    source = FolderTraffic(Folder(path=str(folder)))
    assert (source.problems(DAY), source.problems(NEXT)) == (PROBLEMS, {})
    assert source.problems(END.replace(day=28)) is None
    path = folder / "predictions-2026-01-05.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata(), path)
    assert source.problems(DAY) is None
    pq.write_table(pq.read_table(path).replace_schema_metadata({"problems": "{"}), path)
    with pytest.raises(LogUnavailable, match="predictions-2026-01-05"):
        source.problems(DAY)


def test_no_folder(tmp_path):
    """Is no folder without rows."""
    with pytest.raises(UsageError, match=r"none' is no folder .*loop log export"):
        FolderTraffic(Folder(path=str(tmp_path / "none")))


def test_a_file_that_is_damaged(folder):
    """Names the file."""
    (folder / "predictions-2026-01-05.parquet").write_bytes(b"PAR1")
    with pytest.raises(LogUnavailable, match=r"predictions-2026-01-05\.parquet cannot be read"):
        list(table.read(FolderTraffic(Folder(path=str(folder))), DAY, NEXT))


def test_a_file_of_another_table(folder):
    """Names the columns."""
    pd.DataFrame({"at": [1]}).to_parquet(folder / "predictions-2026-01-05.parquet")
    with pytest.raises(LogUnavailable, match="lacks the columns 'prediction_id', 'row'"):
        list(table.read(FolderTraffic(Folder(path=str(folder))), DAY, NEXT))


def test_a_password_in_the_path():
    """The file is committed."""
    with pytest.raises(ValueError, match="has a password in it"):
        Folder(path="ftp://me:secret@host/log")
