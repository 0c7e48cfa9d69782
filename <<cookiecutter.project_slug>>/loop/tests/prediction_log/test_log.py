"""The queue before the disk: what is acknowledged is written, or nothing more is admitted."""

import asyncio
import json
import sqlite3
import time
from contextlib import closing, nullcontext
from datetime import UTC, datetime

import pytest

from mlops_loop import errors
from mlops_loop.prediction_log import log as logs


def wait_until(true):
    for _ in range(500):
        if true():
            return
        time.sleep(0.02)
    pytest.fail("it never came")


def admit(log):
    """What a request does before it predicts."""
    if log.blocked():
        asyncio.run(log.admit())


def test_written_without_being_asked(url, begin, put):
    """The writer needs no further request, and no close."""
    log = begin(url)
    put(log)
    assert log.queued == 2
    wait_until(lambda: log.queued == 0)
    assert (log.written, log.reason) == (2, "")


def test_problems_are_counted(url, begin):
    """Without a prediction, and at the end at the latest."""
    log, today = begin(url), datetime.now(UTC).date()
    log.note([("", "request refused"), ("temp", "is too large")])
    wait_until(lambda: log.database.problems(today))
    log.note([("temp", "is too large")] * 3)
    log.close()
    assert log.database.problems(today) == {
        ("", "request refused"): 1, ("temp", "is too large"): 4,
    }  # fmt: skip


def test_problems_of_the_last_turn_are_counted(url, begin, monkeypatch):
    """They come while others are written, and so does the end."""
    log, today = begin(url), datetime.now(UTC).date()
    add = log._disk.add_problems

    def add_slowly(problems):
        monkeypatch.undo()
        add(problems)
        log.note([("temp", "is too large")])
        log._ending.set()

    monkeypatch.setattr(log._disk, "add_problems", add_slowly)
    log.note([("", "request refused")])
    log._writer.join()
    log.close()
    assert log.database.problems(today) == {("", "request refused"): 1, ("temp", "is too large"): 1}


def test_problems_that_cannot_be_written_keep_no_prediction_back(url, begin, put, monkeypatch):
    """They are tried again; of too many the oldest are forgotten."""

    def fails(problems):
        raise errors.LogUnavailable("This table is away.")

    monkeypatch.setattr(logs, "RETRY_S", 0)
    log = begin(url)
    with monkeypatch.context() as patch:
        patch.setattr(log._disk, "add_problems", fails)
        log.note([("", "request refused")] * (logs.MAX_PROBLEMS + 9))
        put(log)
        wait_until(lambda: log.queued == 0)
        assert log.reason == ""
    wait_until(lambda: not log._problems)
    log.close()
    found = log.database.problems(datetime.now(UTC).date())
    assert found == {("", "request refused"): logs.MAX_PROBLEMS}


def test_only_the_columns_that_are_allowed(file_url, begin, put, tmp_path):
    """What is not on the list is in no file."""
    log = begin(file_url, columns=["temp"])
    put(log)
    log.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        (inputs,) = connection.execute("SELECT inputs FROM predictions").fetchone()
    assert inputs == '[{"temp":61.5},{"temp":null}]'
    assert b"BOS" not in (tmp_path / "log.db").read_bytes()


@pytest.mark.parametrize("body", [b' {"temp": 61.50}', b'[{"temp": 61.50}]\n'])
def test_a_body_is_kept_as_it_came(file_url, begin, tmp_path, body):
    """An array with an item for each row, whether it was one row or an array; other rows' as JSON.

    With a list of columns never: a body may say more than was read.
    """
    rows, kept = [{"temp": 61.5}], []
    for columns in ([], ["temp"]):
        log = begin(f"{file_url}{len(columns)}", columns=columns)
        log.put("v1", 0.001, None, rows, b"[{}]", body)
        log.put("v1", 0.001, None, rows, b"[{}]")
        log.close()
        with closing(sqlite3.connect(tmp_path / f"log.db{len(columns)}")) as connection:
            found = connection.execute("SELECT inputs FROM predictions ORDER BY id").fetchall()
        assert [json.loads(text) for (text,) in found] == [rows, rows]
        kept.append(sorted({text for (text,) in found}))
    assert kept[1] == ['[{"temp":61.5}]']
    assert any("61.50" in text for text in kept[0])


def test_a_subject_is_hashed_with_the_key(file_url, begin, put, tmp_path):
    """The name is in no file, and another key gives another hash."""
    log = begin(file_url, key="secret")
    put(log, subject=b"ann@example.org")
    log.close()
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        (subject,) = connection.execute("SELECT subject FROM predictions").fetchone()
    assert subject == logs.hashed(b"ann@example.org", "secret")
    assert subject != logs.hashed(b"ann@example.org", "other")
    assert b"ann@" not in (tmp_path / "log.db").read_bytes()


def test_an_answer_that_waits_is_on_disk(url, begin, put):
    """Whoever has waited finds the own rows; many wait at once, and none for the rows of later."""
    log = begin(url, wait=True)

    async def ask():
        id_ = put(log)
        await log.settle()
        return log.database.n_rows([id_])

    async def many():
        return await asyncio.gather(*(ask() for _ in range(50)))

    assert [sum(found.values()) for found in asyncio.run(many())] == [2] * 50
    assert not log._sleepers or log._sleepers[0][1].done()


def test_who_waits_too_long_is_refused(file_url, begin, put, impatient):
    """The answer is withheld, though the rows may be written later; what does not wait goes on."""
    for wait, refused in ((True, 1), (False, 0)):
        log = begin(file_url, wait=wait)
        with closing(sqlite3.connect(log.database._file.path)) as other:
            other.execute("BEGIN IMMEDIATE")
            put(log)
            with (
                pytest.raises(errors.LogUnavailable, match="2 rows behind")
                if wait
                else nullcontext()
            ):
                asyncio.run(log.settle())
            other.rollback()
        wait_until(lambda log=log: log.queued == 0)
        assert log.refused == refused


def test_a_full_queue_refuses(file_url, begin, put, impatient, monkeypatch):
    """A request waits a moment, then it is refused and counted; with room it is admitted."""
    monkeypatch.setattr(logs, "MAX_ROWS", 2)
    log = logs.PredictionLog(file_url)
    admit(log)
    put(log)
    with pytest.raises(errors.LogUnavailable, match="2 rows behind"):
        admit(log)
    assert (log.waits, log.refused) == (1, 1)
    log.start()
    wait_until(lambda: log.queued == 0)
    admit(log)
    assert (log.waits, log.refused, log.close()) == (1, 1, 0)


def test_a_slow_disk_refuses(file_url, begin, put, impatient, monkeypatch):
    """Nothing is admitted while something acknowledged waits for the disk beyond the window."""
    monkeypatch.setattr(logs, "WINDOW_S", 0.2)
    log = begin(file_url)
    with closing(sqlite3.connect(log.database._file.path)) as other:
        other.execute("BEGIN IMMEDIATE")  # holds the lock of the file: a write waits
        put(log)
        admit(log)
        time.sleep(0.4)
        with pytest.raises(errors.LogUnavailable, match="2 rows behind"):
            admit(log)
        other.rollback()
    wait_until(lambda: log.queued == 0)
    admit(log)


def test_a_disk_that_cannot_be_written(tmp_path, begin, put, impatient):
    """RepositoryState with the reason, refused at once, and written as soon as it can be."""
    place = tmp_path / "place"
    place.write_text("a file where a folder should be")
    log = begin(f"sqlite:///{place}/log.db")
    assert "exists" in log.reason
    put(log)
    with pytest.raises(errors.LogUnavailable, match="exists"):
        admit(log)
    place.unlink()
    wait_until(lambda: log.queued == 0)
    admit(log)
    assert log.failures >= 1


def test_what_could_not_be_written_is_counted(tmp_path, begin, put, impatient):
    """At the end, a database that is still down costs what waits, and that is said."""
    (tmp_path / "place").write_text("")
    log = begin(f"sqlite:///{tmp_path}/place/log.db")
    put(log)
    assert log.close() == 2
