"""The file of SQLite: missed when it goes; and a full disk has a way out."""

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest

from mlops_loop import errors
from mlops_loop.prediction_log import database, records, sqlite_file
from mlops_loop.prediction_log import log as logs

from .test_log import admit, wait_until

LATER = datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize("gone", ["deleted", "moved", "replaced"])
def test_a_file_that_goes_is_missed(tmp_path, file_url, begin, put, impatient, gone):
    """Nothing more is admitted, no new file takes its place, and what waits is written at last."""
    log, path = begin(file_url), tmp_path / "log.db"
    put(log)
    wait_until(lambda: log.queued == 0)
    if gone == "deleted":
        path.unlink()
    else:
        path.rename(tmp_path / "elsewhere.db")
    if gone == "replaced":
        path.touch()
    waiting = put(log)
    if gone != "replaced":
        wait_until(lambda: log.reason)
        with pytest.raises(errors.LogUnavailable, match=r"log\.db"):
            admit(log)
        assert not path.exists()
        assert log.queued == 2
        path.touch() if gone == "deleted" else (tmp_path / "elsewhere.db").rename(path)
    wait_until(lambda: log.queued == 0)
    assert waiting in log.database.n_rows([waiting])
    admit(log)


def test_it_is_noticed_in_the_very_next_transaction(tmp_path, file_url, begin, put):
    """That one is written again, to the file that is there then."""
    base = database.Database(file_url, writes=True)
    with base.cursor() as cursor:
        cursor.run("SELECT 1")
    (tmp_path / "log.db").unlink()
    with pytest.raises(errors.LogUnavailable, match=r"removed or replaced.*Next: put it back"):
        base.keep([database.Outcome("a", 0, "2026-01-01T00:00:00.000+00:00", "1")])
    with pytest.raises(errors.LogUnavailable, match="No such file"):
        base.keep([database.Outcome("a", 0, "2026-01-01T00:00:00.000+00:00", "1")])


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MB of our own, which a test may fill."""
    place = tmp_path / "disk"
    place.mkdir()
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    mount = [*sudo, "mount", "-t", "tmpfs", "-o", f"size=24m,uid={os.geteuid()}", "tmpfs", place]
    if not shutil.which(mount[0]) or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run([*sudo, "umount", "--lazy", place], check=True)


def fill(place):
    """Another program takes all that is left."""
    with suppress(OSError), (place / "other").open("ab", 0) as file:
        while True:
            file.write(b"x" * 4096)


def test_a_full_disk_is_pruned(small_disk, begin, put, monkeypatch):
    """The log fails closed and says what waits; prune makes room, and it goes on by itself."""
    monkeypatch.setattr(logs, "PATIENCE_S", 0.05)
    url = f"sqlite:///{small_disk}/log.db"
    log = begin(url)
    for _ in range(400):
        put(log, rows=[{"dest": "x" * 5_000, "temp": None}] * 2)
    wait_until(lambda: log.queued == 0)
    fill(small_disk)
    time.sleep(0.002)  # ids differ by milliseconds
    moment = datetime.now(UTC)
    waiting = put(log, rows=[{"dest": "y" * 100_000, "temp": None}] * 2)
    for _ in range(60):  # more than the journal has room for
        put(log, rows=[{"dest": "y" * 50_000, "temp": None}] * 2)
    wait_until(lambda: log.reason)
    assert "full" in log.reason
    assert log.queued >= 2
    with pytest.raises(errors.LogUnavailable, match=r"rows wait in memory"):
        admit(log)
    base = database.Database(url)
    with suppress(errors.LogUnavailable):
        base._tidy()  # as SQLite does now and then: what that frees is taken by others, too
    fill(small_disk)
    assert base.prune(moment) == 400
    (small_disk / "other").unlink()
    wait_until(lambda: log.queued == 0)
    assert waiting in base.n_rows([waiting])
    assert log.reason == ""


def test_pruning_gives_the_room_back(tmp_path, file_url, begin, put):
    """The file becomes small again; that of an earlier version has free pages for new rows."""
    log = begin(file_url)
    for _ in range(200):
        put(log, rows=[{"dest": "x" * 5_000, "temp": None}] * 2)
    log.close()
    with log.database._used():  # the last one to close empties the journal
        pass
    full = (tmp_path / "log.db").stat().st_size
    assert log.database.prune(LATER) == 200
    size, free = log.database.room()
    assert (tmp_path / "log.db").stat().st_size == size < full / 10
    assert free == 0


def test_a_file_of_an_earlier_version_keeps_its_size(tmp_path, file_url, begin, put):
    with closing(sqlite3.connect(tmp_path / "log.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE of_before (x)")
    log = begin(file_url)
    for _ in range(200):
        put(log, rows=[{"dest": "x" * 5_000, "temp": None}] * 2)
    log.close()
    assert log.database.prune(LATER) == 200
    size, free = log.database.room()
    assert free > size * 0.9
    assert (tmp_path / "log.db").stat().st_size == size


def test_the_reserve_stands_by(tmp_path, file_url, begin, put):
    """It is there while the log is, its owner's alone, and after a deletion again."""
    log = begin(file_url)
    reserve = tmp_path / "log.db-reserve"
    assert reserve.stat().st_blocks * 512 >= sqlite_file.RESERVE_BYTES
    assert reserve.stat().st_mode & 0o077 == 0
    put(log)
    log.close()
    assert log.database.prune(LATER) == 1
    assert reserve.exists()
    assert log.database.first(records.FIRST, LATER) is None
