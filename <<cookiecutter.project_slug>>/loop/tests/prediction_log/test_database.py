"""Both databases do the same: keep, read a span of time, take outcomes, delete."""

import sys
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from mlops_loop import errors
from mlops_loop.prediction_log import cursor, database, ids, records

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)


def read(url, since=records.FIRST, until=LATER):
    pages = database.Database(url).pages(since, until)
    return [record for page in pages for record in records.records(page)]


def test_a_request_and_its_rows(url, begin, put):
    """One record for each row, with its input and its output."""
    log = begin(url, digest="sha256:12")
    ids = [put(log), put(log)]
    assert log.close() == 0
    found = read(url)
    assert [(each["prediction_id"], each["row"]) for each in found] == [
        (id_, row) for id_ in sorted(ids) for row in (0, 1)
    ]
    at = datetime.fromisoformat(found[0].pop("at"))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    assert found[0] | {"prediction_id": ""} == {
        "prediction_id": "",
        "row": 0,
        "model_version": "v1.2.0",
        "image_digest": "sha256:12",
        "latency_ms": 1.5,
        "subject": None,
        "inputs": {"dest": "BOS", "temp": 61.5},
        "output": {"prediction": "late"},
        "outcome": None,
        "outcome_at": None,
    }


def test_many_requests_in_pages(url, begin, put):
    """More than one statement and one page hold; none is missing, none comes twice."""
    log = begin(url)
    ids = [put(log) for _ in range(2 * cursor.MAX_INSERTED + 7)]
    log.close()
    assert [each["prediction_id"] for each in read(url)][::2] == sorted(ids)


def test_a_page_has_no_more_rows_than_fit(url, begin, put, monkeypatch):
    """Each request has two; one that is larger than a page is a page of its own."""
    log = begin(url)
    ids = sorted(put(log) for _ in range(7))
    log.close()
    for limit, lengths in ((5, [2, 2, 2, 1]), (1, [1] * 7)):
        monkeypatch.setattr(database, "PAGE_ROWS", limit)
        pages = [page for page, _ in database.Database(url).pages(records.FIRST, LATER)]
        assert [len(page) for page in pages] == lengths
        assert [request.id for page in pages for request in page] == ids


def test_the_first_moment(url, begin, put):
    """Of a span; none where it is empty."""
    log = begin(url)
    put(log)
    log.close()
    first = log.database.first(records.FIRST, LATER)
    assert first.isoformat(timespec="milliseconds") == read(url)[0]["at"]
    assert log.database.first(LATER, LATER + timedelta(days=1)) is None


def test_span_of_time(url, begin, put):
    """`since` is inclusive, `until` is not."""
    log = begin(url)
    put(log)
    log.close()
    assert (len(read(url, NOW, LATER)), read(url, LATER), read(url, until=NOW)) == (2, [], [])


def test_outcomes(url, begin, put):
    """An outcome stands at its row; a second one replaces it."""
    log = begin(url)
    id_ = put(log)
    log.close()
    for outcome in ('"late"', '"on time"'):
        log.database.keep([database.Outcome(id_, 1, "2026-01-01T00:00:00+00:00", outcome)])
    assert [each["outcome"] for each in read(url)] == [None, "on time"]
    assert log.database.n_rows([id_, "unknown"]) == {id_: 2}


def test_problems_add_up(url, begin):
    """Of two replicas, and again and again; each day for itself, and old ones are pruned."""
    one, two = begin(url), begin(url)
    day, other = date(2026, 1, 5), date(2026, 1, 6)
    refused = database.Problem(str(day), "", database.REFUSED, 2)
    large = database.Problem(str(day), "temp", "is too large", 3)
    for log in (one, two):
        log.database.add_problems([refused, large])
    one.database.add_problems([database.Problem(str(other), "", database.FAILED, 1)])
    assert two.database.problems(day) == {("", database.REFUSED): 4, ("temp", "is too large"): 6}
    assert two.database.problems(other) == {("", database.FAILED): 1}
    assert two.database.problems(date(2026, 1, 7)) == {}
    one.database.prune(datetime(2026, 1, 6, tzinfo=UTC))
    assert (one.database.problems(day), len(one.database.problems(other))) == ({}, 1)


def test_a_log_of_before_does_not_count(url, begin):
    """Nobody knows, which is not none; it is pruned as ever."""
    log = begin(url)
    with log.database.cursor() as cursor:
        cursor.run("DROP TABLE problems")
    assert log.database.problems(date(2026, 1, 5)) is None
    assert log.database.prune(LATER) == 0


def test_prune_and_forget(url, begin, put):
    """What is old goes, and what is about a subject, with its outcomes; the rest stays."""
    log = begin(url)
    kept, gone = put(log), [put(log, subject=b"ann") for _ in range(3)]
    log.close()
    log.database.keep([database.Outcome(gone[0], 0, "2026-01-01T00:00:00+00:00", "1")])
    assert log.database.prune(NOW - timedelta(days=1)) == 0
    assert log.database.forget(log_hash(b"ann")) == 3
    assert {each["prediction_id"] for each in read(url)} == {kept}
    with log.database.cursor() as cursor:
        assert list(cursor.run("SELECT * FROM outcomes")) == []
    assert (log.database.prune(LATER), read(url)) == (1, [])


def log_hash(subject, key=""):
    from mlops_loop.prediction_log.log import hashed

    return hashed(subject, key)


def test_forgotten_is_off_the_disk(file_url, tmp_path, begin, put):
    """Not in the file, and not in its journal."""
    log = begin(file_url)
    put(log, b"ann", [{"dest": "NOWHERE-ELSE"}], [{}])
    log.close()
    assert b"NOWHERE-ELSE" in (tmp_path / "log.db").read_bytes()
    log.database.forget(log_hash(b"ann"))
    assert not [path for path in tmp_path.iterdir() if b"NOWHERE-ELSE" in path.read_bytes()]


def test_only_the_owner_reads_the_file(file_url, tmp_path, begin):
    begin(file_url).close()
    assert (tmp_path / "log.db").stat().st_mode & 0o077 == 0


def test_ids_are_in_the_order_of_time():
    """UUIDs of version 7, which begin with the time."""
    made = [ids.new_id(n * 1_000_000) for n in (1, 2, 2**40)]
    assert sorted(made) == made
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in made} == {
        (7, uuid.RFC_4122)
    }
    assert uuid.UUID(made[2]).int >> 80 == 2**40


@pytest.mark.parametrize("url", ["mysql://root:pa55@host/db", "sqlite:///", "log.db"])
def test_other_urls(url):
    """The message has the allowed form, and no password."""
    with pytest.raises(errors.UsageError, match="sqlite:///FILE or postgresql://") as error:
        database.Database(url)
    assert "pa55" not in str(error.value)


def test_postgresql_without_its_library(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(errors.UsageError, match="--group postgres"):
        database.Database("postgresql://host/db")


def test_a_server_that_is_down():
    """The message has the reason, and no password."""
    down = database.Database("postgresql://me:pa55@127.0.0.1:9/db")
    with pytest.raises(errors.LogUnavailable, match="refused") as error:
        down.prune(NOW)
    assert "pa55" not in str(error.value)


def test_reading_a_log_that_is_not_there(file_url, tmp_path):
    """It is not made by looking at it."""
    with pytest.raises(errors.LogUnavailable, match=r"No such file.*log\.db"):
        database.Database(file_url).prune(NOW)
    assert list(tmp_path.iterdir()) == []
