"""Small documents that a project's store keeps for ever: one for each month, merged and never lost.

A document maps keys to entries; of two entries with one key the later `made_at` stays, and of equal
ones the greater content. So documents can be merged in any order and any number of times. The store
cannot compare and swap: a writer first adds an immutable document of its own, named by its content,
and then merges all that it reads into the month's document. Where two writers overwrite each
other's month, what it lost is still in the additions, and every reader reads those too. An addition
is removed only after KEEP_DAYS, when no writer can be so late.

    days-2026-11                           the month
    days-2026-11.20261128.5b1c...          an addition of that day, not yet or already merged
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from mlops_loop.errors import StoreUnreachable, UsageError

MAX_ENTRY_BYTES = 64 * 1024  # of one entry as JSON
KEEP_DAYS = 30
MONTH = re.compile(r"days-(\d{4}-\d\d)(?:\.(\d{8})\.([0-9a-f]{24}))?")
KEY = re.compile(r"(\d{4}-\d\d)-\d\d/[\w.-]{1,100}", re.ASCII)

Entries = dict[str, "Entry"]


@dataclass(frozen=True, order=True)
class Entry:
    """What is known of one key since `made_at` (ISO 8601, UTC); `text` is sorted JSON."""

    made_at: str
    text: str

    @property
    def content(self) -> dict[str, Any]:
        return json.loads(self.text)


class Shelf(Protocol):
    """Where documents are kept by name. Methods raise StoreUnreachable.

    `read` gives None where there is no such document; `remove` may be refused, silently.
    """

    address: str

    def names(self) -> set[str]: ...
    def read(self, name: str) -> bytes | None: ...
    def write(self, name: str, data: bytes) -> None: ...
    def remove(self, name: str) -> None: ...


@dataclass
class Month:
    """The entries of a month, and the names of the additions that were merged into it."""

    entries: Entries = field(default_factory=dict)
    merged: set[str] = field(default_factory=set)

    def add(self, other: Mapping[str, Entry]) -> None:
        """Of two entries with one key the later stays."""
        for key, entry in other.items():
            self.entries[key] = max(entry, self.entries.get(key, entry))

    def to_bytes(self) -> bytes:
        """The same month, the same bytes."""
        rows = {key: [item.made_at, item.text] for key, item in self.entries.items()}
        facts = {"entries": rows, "merged": sorted(self.merged)}
        return gzip.compress(json.dumps(facts, sort_keys=True).encode(), mtime=0)


class History:
    """Entries by day, in months; made over a shelf.

    Keys are `2026-11-28/NAME`, a day and what tells apart entries of one day, as a version.
    """

    def __init__(self, shelf: Shelf):
        self._shelf = shelf

    def read(self, since: date, until: date) -> dict[str, dict[str, Any]]:
        """What is known of the days from `since` up to, and without, `until`, by key, sorted."""
        names, found = self._shelf.names(), Month()
        for month in _months(since, until):
            found.add(self._read(month, names).entries)
        days = str(since), str(until)
        return {
            key: found.entries[key].content
            for key in sorted(found.entries)
            if days[0] <= key[:10] < days[1]
        }

    def put(self, new: Mapping[str, Mapping[str, Any]], now: datetime) -> int:
        """Keep these contents by key; the number of those that were not known so.

        Raises UsageError for a key that is none, and for a content of more than MAX_ENTRY_BYTES.
        """
        made = {key: _entry(key, content, now) for key, content in new.items()}
        names = self._shelf.names()
        return sum(
            self._put(month, {key: made[key] for key in keys}, names, now)
            for month, keys in _by_month(made).items()
        )

    def _put(self, month: str, new: Entries, names: set[str], now: datetime) -> int:
        known = self._read(month, names)
        changed = {key: e for key, e in new.items() if _text(known.entries.get(key)) != e.text}
        if not changed:
            return 0
        content = Month(changed).to_bytes()
        digest = hashlib.sha256(content).hexdigest()[:24]
        self._shelf.write(f"days-{month}.{now:%Y%m%d}.{digest}", content)
        self._merge(month, now)
        return len(changed)

    def _merge(self, month: str, now: datetime) -> None:
        """Let the month hold all that is on the shelf, and let go of old additions."""
        names = self._shelf.names()
        whole = self._read(month, names)
        old = {name for name in whole.merged if _added(name) < _limit(now)}
        before = self._shelf.read(f"days-{month}") if old else None
        in_month = _parse(f"days-{month}", before).merged if before else set()
        whole.merged -= old - names
        self._shelf.write(f"days-{month}", whole.to_bytes())
        for name in sorted(old & in_month & names):
            self._shelf.remove(name)

    def _read(self, month: str, names: set[str]) -> Month:
        """The month with every addition that it has not merged."""
        name = f"days-{month}"
        whole = self._parsed(name, names) if name in names else Month()
        own = {other for other in names if other.startswith(f"{name}.") and MONTH.fullmatch(other)}
        for addition in sorted(own - whole.merged):
            whole.add(self._parsed(addition, names).entries)
            whole.merged.add(addition)
        return whole

    def _parsed(self, name: str, names: set[str]) -> Month:
        data = self._shelf.read(name)
        if data is None:
            raise StoreUnreachable(
                f"{self._shelf.address} lists {name}, and it is not there. Nothing is lost. "
                "Next: the same command again"
            )
        try:
            return _parse(name, data)
        except ValueError as error:
            raise StoreUnreachable(
                f"{name} in {self._shelf.address} is damaged ({error}), and is not overwritten. "
                "Next: restore it from a backup, or delete it to begin the month anew"
            ) from error


def _parse(name: str, data: bytes) -> Month:
    """Raises ValueError for what is no month."""
    try:
        facts = json.loads(gzip.decompress(data))
        entries = {str(key): Entry(*map(str, row)) for key, row in facts["entries"].items()}
        merged = set(map(str, facts["merged"]))
        if not all(isinstance(entry.content, dict) for entry in entries.values()):
            raise ValueError("an entry is no object")
    except (OSError, EOFError, zlib.error, LookupError, TypeError, AttributeError) as error:
        raise ValueError(type(error).__name__) from error
    if addition := MONTH.fullmatch(name):
        _check_digest(addition[3], data)
    return Month(entries, merged)


def _check_digest(digest: str | None, data: bytes) -> None:
    if digest and not hashlib.sha256(data).hexdigest().startswith(digest):
        raise ValueError("other content than its name says")


def _entry(key: str, content: Mapping[str, Any], now: datetime) -> Entry:
    match = KEY.fullmatch(key)
    try:
        date.fromisoformat(key[:10])
    except ValueError:
        match = None
    if not match:
        raise UsageError(f"{key!r} is no key of the history: it is as 2026-11-28/v1.0.0.")
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    if len(text) > MAX_ENTRY_BYTES:
        raise UsageError(
            f"What is to be kept of {key} has {len(text):,} bytes, allowed are "
            f"{MAX_ENTRY_BYTES:,}: the history keeps counts, and no rows."
        )
    return Entry(now.isoformat(timespec="microseconds"), text)


def _text(entry: Entry | None) -> str | None:
    return entry.text if entry else None


def _by_month(keys: Iterable[str]) -> dict[str, list[str]]:
    months: dict[str, list[str]] = {}
    for key in sorted(keys):
        months.setdefault(key[:7], []).append(key)
    return months


def _months(since: date, until: date) -> list[str]:
    """The months of the days from `since` up to, and without, `until`."""
    days = range((until - since).days)
    return sorted({f"{since + timedelta(days=n):%Y-%m}" for n in days})


def _added(name: str) -> str:
    match = MONTH.fullmatch(name)
    return (match and match[2]) or "99999999"


def _limit(now: datetime) -> str:
    return f"{now - timedelta(days=KEEP_DAYS):%Y%m%d}"
