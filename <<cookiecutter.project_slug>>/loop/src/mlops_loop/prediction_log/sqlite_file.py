"""A log in a file of SQLite: opened for its owner alone, missed when it goes, and never stuck.

Deleting needs disk as well, for SQLite's journal. So beside the file lies a reserve: it is given
up while rows are deleted, which then works on a full disk too.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

RESERVE_BYTES = 8 << 20  # more than the journal of a deletion, and than SQLite's own of 1,000 pages


def path_of(url: str) -> Path | None:
    """The file of a URL of SQLite; None for every other URL."""
    scheme, _, rest = url.partition("://")
    is_file = scheme == "sqlite" and rest.startswith("/") and rest != "/"
    return Path(rest.removeprefix("/")) if is_file else None


class SqliteFile:
    """The file at `path`; a method raises sqlite3.Error or OSError where it cannot be used."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        self.path, self._timeout_s = path, timeout_s
        self._reserve = path.with_name(path.name + "-reserve")
        self._inode = 0  # of the file that this process writes; 0: none yet

    def read(self) -> sqlite3.Connection:
        """Open it so that the database itself refuses every change."""
        place = f"{self.path.absolute().as_uri()}?mode=ro"
        return sqlite3.connect(place, self._timeout_s, check_same_thread=False, uri=True)

    def open(self, create: bool) -> sqlite3.Connection:
        """Open it for changes; with `create` it is made, but never a second time."""
        first = create and not self._inode
        if first:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        # It holds people's data.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT * first, 0o600))
        connection = sqlite3.connect(self.path, self._timeout_s, check_same_thread=False)
        settings = "auto_vacuum=INCREMENTAL journal_mode=WAL synchronous=FULL secure_delete=ON"
        for setting in settings.split():
            connection.execute(f"PRAGMA {setting}")
        self._inode = self.path.stat().st_ino
        if first:
            self.keep_reserve()
        return connection

    def must_be_there(self) -> None:
        """Raise OSError where the path is not the file that is open: a write would go nowhere."""
        with suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                return
        raise OSError(
            f"{self.path} was removed or replaced while it was written. "
            "Next: put it back, or restart the endpoint, which begins a new one"
        )

    def keep_reserve(self) -> None:
        """Take the room of the reserve; without room there is none."""
        known = self._reserve.exists() or not self.path.exists()
        if known or not hasattr(os, "posix_fallocate"):
            return
        with suppress(OSError):
            file = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(file, 0, RESERVE_BYTES)
            except OSError:
                self._reserve.unlink()
            finally:
                os.close(file)

    def give_up_reserve(self) -> None:
        self._reserve.unlink(missing_ok=True)


def tidy(connection: sqlite3.Connection) -> None:
    """Empty the journal, which still holds what was deleted, and give free pages to the disk.

    A file that an earlier version made keeps its pages for new rows.
    """
    connection.executescript("PRAGMA incremental_vacuum")  # by `execute` it frees one page
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def no_room(error: BaseException | None) -> bool:
    """Whether a disk is full; SQLite also says so where it cannot map its index of the journal."""
    codes = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return isinstance(error, sqlite3.Error) and error.sqlite_errorcode & 0xFF in codes


def room(connection: sqlite3.Connection) -> tuple[int, int]:
    """The size of the file, and what of it is free, in bytes."""
    names = ("page_size", "page_count", "freelist_count")
    size, pages, free = (connection.execute(f"PRAGMA {n}").fetchone()[0] for n in names)
    return size * pages, size * free
