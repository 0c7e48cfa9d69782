"""`log export|prune|forget`: Parquet by day, and deletion."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from click.testing import CliRunner

from mlops_loop import cli
from mlops_loop.prediction_log import database, log

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def call(tmp_path):
    def run(*args, **env):
        env = {"LOG_URL": f"sqlite:///{tmp_path}/log.db"} | env
        return (
            CliRunner()
            .invoke(cli.cli, ["log", *map(str, args)], env=env, catch_exceptions=False)
            .output
        )

    return run


@pytest.fixture
def days(file_url, monkeypatch, begin, put):
    """A request on each of three days, the last of them today; the first has an outcome."""
    writes, ids = begin(file_url, key="k"), []
    for age in (40, 39, 0):
        moment = int((TODAY - timedelta(days=age)).timestamp() * 1e9) + 10**9
        monkeypatch.setattr(log.time, "time_ns", lambda moment=moment: moment)
        ids.append(put(writes, subject=b"ann" if age == 39 else None))
    monkeypatch.undo()
    writes.close()
    writes.database.keep([database.Outcome(ids[0], 1, "2026-01-02T00:00:00+00:00", '"late"')])
    return ids


def test_export(call, days, tmp_path):
    """One file for each day with rows; all that the log holds, typed."""
    assert "3 days" in call("export", tmp_path / "out")
    files = sorted((tmp_path / "out").glob("*.parquet"))
    assert [f.name for f in files][-1] == f"predictions-{TODAY.date()}.parquet"
    table = pd.concat(map(pd.read_parquet, files))
    assert list(table["prediction_id"]) == [id_ for id_ in days for _ in range(2)]
    assert str(table["at"].dtype) == "datetime64[ms, UTC]"
    assert json.loads(table["inputs"].iloc[0]) == {"dest": "BOS", "temp": 61.5}
    assert table["outcome"].dropna().map(json.loads).tolist() == ["late"]


def test_export_since(call, days, tmp_path):
    call("export", tmp_path / "out", "--since", TODAY.date())
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 1


def test_prune_with_an_archive(call, days, tmp_path, file_url):
    """What goes is in the archive; what is younger stays in the log."""
    assert "2 requests" in call("prune", "--days", 30, "--archive", tmp_path / "old")
    assert len(list((tmp_path / "old").glob("*.parquet"))) == 2
    assert list(database.Database(file_url).n_rows(days)) == days[2:]


def test_forget(call, days, file_url):
    """With the key that the server has; without it, nobody is found."""
    assert "0 requests" in call("forget", "ann")
    assert "1 requests" in call("forget", "ann", LOG_SUBJECT_KEY="k")
    assert set(database.Database(file_url).n_rows(days)) == {days[0], days[2]}
