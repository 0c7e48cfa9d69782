"""Days as Parquet files, which only gain rows."""

import threading
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlops_loop import errors
from mlops_loop.prediction_log import archive, database, log, records

DAY = datetime(2026, 3, 5, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)
FILE = archive.file_of_day(DAY.date())


@pytest.fixture
def at(monkeypatch, begin, put):
    """`at(url, moment, ...)` logs requests of two rows at these moments, and returns their ids."""

    def at(url, *moments):
        writes, ids = begin(url), []
        for moment in moments:
            ns = int(moment.timestamp() * 1e9)
            monkeypatch.setattr(log.time, "time_ns", lambda ns=ns: ns)
            ids.append(put(writes))
        monkeypatch.undo()
        writes.close()
        return ids

    return at


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "archive"


def logged(path):
    return list(dict.fromkeys(pd.read_parquet(path)["prediction_id"]))


def hours(*values):
    return [DAY + timedelta(hours=value) for value in values]


def test_a_later_run_keeps_what_an_earlier_one_wrote(url, at, folder):
    """The log has forgotten the first rows, and has got one more of that day."""
    first = at(url, *hours(1, 2, 3))
    assert archive.prune(database.Database(url), folder, NEXT) == (1, 3)
    second = at(url, *hours(2.5))
    assert archive.prune(database.Database(url), folder, NEXT) == (1, 1)
    assert logged(folder / FILE) == sorted(first + second)
    assert len(pd.read_parquet(folder / FILE)) == 8
    assert archive.write_days(database.Database(url), folder, records.FIRST, NEXT) == []


def test_two_logs_share_a_folder(tmp_path, at, folder):
    """Rows and problems of both are there, however often each is written."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two")]
    ids = at(urls[0], *hours(1, 3)) + at(urls[1], *hours(2, 4))
    for n, url in enumerate(urls, 1):
        refused = database.Problem(str(DAY.date()), "", database.REFUSED, n)
        database.Database(url).add_problems([refused])
    for url in (*urls, *urls):
        archive.write_days(database.Database(url), folder, records.FIRST, NEXT)
    assert logged(folder / FILE) == sorted(ids)
    known = archive.known_problems(pq.ParquetFile(folder / FILE))
    assert known == {("", database.REFUSED): 3}


def test_two_writers_at_once(tmp_path, at, folder):
    """They take turns."""
    urls = [f"sqlite:///{tmp_path}/{n}.db" for n in range(4)]
    ids = [id_ for n, url in enumerate(urls) for id_ in at(url, *hours(n, n + 10))]
    logs = [database.Database(url) for url in urls]
    threads = [threading.Thread(target=archive.prune, args=(one, folder, NEXT)) for one in logs]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert logged(folder / FILE) == sorted(ids)
    assert [one.count(records.FIRST, NEXT) for one in logs] == [0] * 4


def test_problems_survive_being_pruned(url, at, folder):
    """What the log has forgotten counts on; what it counts more counts once."""
    base, problem = database.Database(url), (str(DAY.date()), "temp", "is too large")
    for n, total in ((5, 5), (2, 7)):
        at(url, *hours(n))
        base.add_problems([database.Problem(*problem, n)])
        archive.write_days(base, folder, records.FIRST, NEXT)
        assert archive.known_problems(pq.ParquetFile(folder / FILE)) == {problem[1:]: total}
    base.prune(NEXT)
    at(url, *hours(3))
    archive.write_days(base, folder, records.FIRST, NEXT)
    assert archive.known_problems(pq.ParquetFile(folder / FILE)) == {problem[1:]: 7}


@pytest.mark.parametrize("late_first", [True, False])
def test_the_later_outcome_counts(tmp_path, at, folder, late_first):
    """Of a row that is in the file and in the log; none is earlier than any."""
    url = f"sqlite:///{tmp_path}/log.db"
    (id_,) = at(url, *hours(1))
    base = database.Database(url)
    reported = [(f"2026-03-0{n}T00:00:00.000+00:00", f'"{n}"') for n in (6, 7)]
    for moment, outcome in reversed(reported) if late_first else reported:
        archive.write_days(base, folder, records.FIRST, NEXT)
        base.keep([database.Outcome(id_, 1, moment, outcome)])
    archive.write_days(base, folder, records.FIRST, NEXT)
    assert pd.read_parquet(folder / FILE)["outcome"].dropna().tolist() == ['"7"']


def test_only_what_was_written_is_deleted(url, at, folder, monkeypatch):
    """A request and an outcome come while the file is written."""
    ids = at(url, *hours(1, 2))
    base, sync = database.Database(url), archive._sync

    def meanwhile(path):
        sync(path)
        if path.suffix == ".part":
            late.extend(at(url, *hours(0.5)))
            now = f"{datetime.now(UTC).isoformat(timespec='milliseconds')}"
            base.keep([database.Outcome(ids[1], 0, now, '"late"')])

    late: list[str] = []
    monkeypatch.setattr(archive, "_sync", meanwhile)
    assert archive.prune(base, folder, NEXT) == (1, 1)
    monkeypatch.undo()
    assert base.n_rows(ids + late) == {ids[1]: 2, late[0]: 2}
    assert archive.prune(base, folder, NEXT) == (1, 2)
    table = pd.read_parquet(folder / FILE)
    assert sorted(set(table["prediction_id"])) == sorted(ids + late)
    assert table["outcome"].dropna().tolist() == ['"late"']


def test_a_file_that_was_cut_stays_and_nothing_is_deleted(url, at, folder):
    """Its rows may be the last ones."""
    ids = at(url, *hours(1))
    folder.mkdir()
    (folder / FILE).write_bytes(b"PAR1 and no more")
    with pytest.raises(errors.UsageError, match=r"is no Parquet file.*Next: mv"):
        archive.prune(database.Database(url), folder, NEXT)
    assert (folder / FILE).read_bytes() == b"PAR1 and no more"
    assert database.Database(url).n_rows(ids) == {ids[0]: 2}


def test_a_file_of_an_earlier_version(file_url, at, folder):
    """It has problems, but not those of each log: they count as this log's."""
    at(file_url, *hours(1))
    base = database.Database(file_url)
    base.add_problems([database.Problem(str(DAY.date()), "", database.REFUSED, 4)])
    (path,) = archive.write_days(base, folder, records.FIRST, NEXT)
    table = pq.read_table(path)
    known = {key: table.schema.metadata[key] for key in (archive.PROBLEMS.encode(),)}
    pq.write_table(table.replace_schema_metadata(known), path)
    archive.write_days(base, folder, records.FIRST, NEXT)
    assert archive.known_problems(pq.ParquetFile(path)) == {("", database.REFUSED): 4}
    pq.write_table(table.replace_schema_metadata(None), path)
    assert archive.known_problems(pq.ParquetFile(path)) is None


def test_a_day_in_many_pages(file_url, at, folder, monkeypatch):
    """All rows are there in order, whether the file is new or not."""
    monkeypatch.setattr(archive, "PAGE_ROWS", 4)
    monkeypatch.setattr(database, "PAGE_ROWS", 4)
    ids = at(file_url, *hours(*[n / 4 for n in range(1, 12)]))
    base = database.Database(file_url)
    archive.write_days(base, folder, records.FIRST, DAY + timedelta(hours=2))
    archive.write_days(base, folder, DAY + timedelta(hours=1), NEXT)
    table = pd.read_parquet(folder / FILE)
    assert table["prediction_id"].tolist() == [id_ for id_ in sorted(ids) for _ in range(2)]
    assert table["row"].tolist() == [0, 1] * 11
    assert date.fromisoformat(FILE[12:22]) == DAY.date()
