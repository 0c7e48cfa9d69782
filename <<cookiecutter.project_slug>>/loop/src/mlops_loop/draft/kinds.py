"""What a column of a table holds, from its values alone, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlops_loop import columns, moments
from mlops_loop.file_format import plain_numbers
from mlops_loop.moments import Notation
from mlops_loop.text import listed
from mlops_loop.values import MISSING_WORDS

Kind = Literal["number", "integer", "boolean", "moment", "text", "empty"]
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
CODE = re.compile(r"0\d+|\+\d{7,}", re.ASCII)  # a zero before it, or a telephone number
GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
COMPACT = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])", re.ASCII)
# Ways of writing dates that strptime reads; the day before the month where both are possible.
DAYS = ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y"]
DAYS += ["%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%d-%b-%Y"]
FORMATS = tuple(day + time for time in ("", " %H:%M", " %H:%M:%S") for day in DAYS)
OTHER_WAY = {"%d/%m": "%m/%d", "%d-%m": "%m-%d"}
FEW = 0.005  # of the values may be something else: `validate` puts these into quarantine
WITH_SIGN = r"^\s*[$€£¥]\s*|\s*[%$€£¥]\s*$"  # of a currency, or of a share
MARKS = 3  # different texts beside numbers that may all mean missing
SAMPLE = 500  # texts that choose a format
INT64 = np.iinfo("int64")
YEARS = (1678, 2261)  # of pandas' nanoseconds


@dataclass(frozen=True)
class Facts:
    """A column: its kind, and what its values show.

    n: rows. missing: of them without a value. unread: values that do not fit the kind, which
    `validate` will refuse. low, high: of numbers. counts: by value, of texts and whole numbers, the
    most frequent first. notation: of moments; zoned: whether these have a UTC offset. notes:
    what is doubtful, with the evidence.
    """

    name: str
    kind: Kind
    n: int
    missing: int = 0
    unread: int = 0
    distinct: int = 0
    low: Any = None
    high: Any = None
    counts: dict[str, int] = field(default_factory=dict)
    notation: str = ""
    zoned: bool = False
    notes: tuple[str, ...] = ()

    @property
    def filled(self) -> int:
        """Rows with a value that fits."""
        return self.n - self.missing - self.unread

    @property
    def nullable(self) -> bool:
        """Whether values are missing."""
        return self.missing > 0

    @property
    def differs(self) -> bool:
        """Whether every row has a value of its own."""
        return self.distinct == self.n > 1

    @property
    def constant(self) -> bool:
        """Whether every row is alike; a value beside missing ones tells something."""
        return self.distinct == 0 or (self.distinct == 1 and not self.missing)


def outcome(facts: Mapping[str, Facts], target: str) -> Facts:
    """Those of the target; of a column without a value where no column is predicted."""
    return facts.get(target) or Facts("", "empty", next(iter(facts.values())).n)


def look(values: pd.Series, table: pd.DataFrame) -> Facts:
    """The facts of one column of a table as a source gives it; CSV columns are texts."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("datetime", "datetime64", "date"):
        return _moments(values, values.notna().sum()) or _texts(columns.texts(values))
    if kind == "boolean":
        return _booleans(values, columns.booleans(values))
    if pd.api.types.is_numeric_dtype(values):
        return _numeric(values)
    return _written(columns.texts(values), table)


def _numeric(values: pd.Series) -> Facts:
    """Of a column that the file itself calls one of numbers."""
    filled = values.dropna()
    if filled.empty:
        return Facts(str(values.name), "empty", len(values), len(values))
    whole = bool((filled % 1 == 0).all() and (filled.abs() <= 2**53).all())
    whole |= pd.api.types.is_integer_dtype(values)
    read = values if not whole or pd.api.types.is_integer_dtype(values) else values.astype("Int64")
    return _numbers(read, "integer" if whole else "number", values.isna())


def _numbers(read: pd.Series, kind: Kind, missing: pd.Series, notes: tuple[str, ...] = ()) -> Facts:
    filled = read[np.isfinite(read.astype(float))]
    few = filled.nunique() <= 1000
    return Facts(
        str(read.name),
        kind,
        len(read),
        missing=int(missing.sum()),
        unread=len(read) - int(missing.sum()) - len(filled),
        distinct=filled.nunique(),
        low=filled.min(),
        high=filled.max(),
        counts=_counts(columns.texts(filled)) if few else {},
        notes=notes,
    )


def _counts(texts: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in texts.value_counts().items()}


def _booleans(values: pd.Series, read: pd.Series) -> Facts:
    counts = _counts(columns.texts(read.dropna()))
    return Facts(
        str(values.name), "boolean", len(values), int(values.isna().sum()), 0, len(counts),
        counts=counts,
    )  # fmt: skip


def _written(texts: pd.Series, table: pd.DataFrame) -> Facts:
    """Of a column of texts: what they write."""
    core = texts[~columns.is_missing(texts)]
    if core.empty:
        return Facts(str(texts.name), "empty", len(texts), len(texts))
    if core.str.lower().isin(["true", "false"]).all():
        return _booleans(texts.where(texts.index.isin(core.index)), columns.booleans(core))
    found = next((facts for facts in _readings(texts, core, table) if facts), None)
    return found or _texts(texts, _no_numbers(core, table))


def _no_numbers(core: pd.Series, table: pd.DataFrame) -> tuple[str, ...]:
    """That texts are numbers with a sign, or beside a few words."""
    signed = core.str.contains(WITH_SIGN)
    if signed.any() and _are_numbers(core.str.replace(WITH_SIGN, "", regex=True), table).all():
        example = core[signed].iloc[0]
        return (f"{example!r} is a number with a sign, so a text: make a number in features.py",)
    numbers = _are_numbers(core, table)
    others = core[~numbers].unique()
    if numbers.mean() < 0.5 or not 0 < len(others) <= MARKS:
        return ()
    count = f"{numbers.sum():,} of {len(core):,} values are numbers, but not {listed(others)}"
    return (f"{count}: taken as text. If that means missing, let the source leave it empty",)


def _are_numbers(core: pd.Series, table: pd.DataFrame) -> pd.Series:
    plain = plain_numbers(core, table).astype("str").str.strip()
    return plain.str.fullmatch(NUMBER).fillna(False).astype(bool)


def _readings(texts: pd.Series, core: pd.Series, table: pd.DataFrame) -> Iterator[Facts | None]:
    plain = plain_numbers(core, table).astype("str").str.strip()
    numbers = _are_numbers(core, table)
    if numbers.sum() >= (1 - FEW) * len(core):
        yield _compact_dates(texts, core) or _written_numbers(texts, plain[numbers], core[~numbers])
    else:
        yield _moments(texts, len(core))


def _written_numbers(texts: pd.Series, plain: pd.Series, others: pd.Series) -> Facts | None:
    """Texts that are numbers; None for codes, which are texts of digits."""
    if plain.str.fullmatch(CODE).any():
        return None
    whole = plain.str.fullmatch(WHOLE).all()
    read = columns.integers(plain) if whole else columns.numbers(plain).astype(float)
    if read.isna().any():
        return None  # more than 64 bits
    found = read.reindex(texts.index)
    missing, notes = columns.is_missing(texts), _unread(others, "number") + _groups(texts, plain)
    return _numbers(found, "integer" if whole else "number", missing, notes)


def _groups(texts: pd.Series, plain: pd.Series) -> tuple[str, ...]:
    """That a sign may part thousands, and may be that of decimals."""
    written = texts[plain.index]
    if written.nunique() < 3 or not written.str.fullmatch(GROUPS).all():
        return ()
    note = (
        f"{written.iloc[0]!r} is read as {plain.iloc[0]}; all values have three digits at the end"
    )
    return (f"{note}: see decimal and thousands of source",)


def _unread(others: pd.Series, what: str) -> tuple[str, ...]:
    if others.empty:
        return ()
    examples = listed(others.unique(), 3)
    return (f"{_values(len(others))} no {what}, such as {examples}: refused by validate",)


def _values(n: int) -> str:
    return f"{n:,} value is" if n == 1 else f"{n:,} values are"


def _compact_dates(texts: pd.Series, core: pd.Series) -> Facts | None:
    if core.nunique() < 3 or not core.str.fullmatch(COMPACT).all():
        return None
    note = f"{_all(len(core))} can be read as YYYYMMDD, such as {core.iloc[0]!r}"
    return _read_moments(texts, "%Y%m%d", len(core), (note,))


def _all(n: int) -> str:
    return f"{n:,} of {n:,} values"


def _moments(values: pd.Series, n: int) -> Facts | None:
    """Dates and times; None where no known way of writing reads (nearly) all of them."""
    filled = values.dropna()
    sample = filled.iloc[np.unique(np.linspace(0, len(filled) - 1, SAMPLE).astype(int))]
    for notation in ("", *FORMATS):
        if _bad(sample, notation) <= FEW * len(sample):
            notes = _other_way(filled, notation)
            if found := _read_moments(values, notation, n, notes):
                return found
    return None


def _bad(values: pd.Series, notation: str) -> int:
    return int(moments.read(values, Notation(notation)).bad.sum())


def _other_way(filled: pd.Series, notation: str) -> tuple[str, ...]:
    """That the month may come first."""
    other = OTHER_WAY.get(notation[:5])
    if not other or _bad(filled, other + notation[5:]):
        return ()
    return (f"{other}{notation[5:]} reads all values as well: which of both is it?",)


def _read_moments(values: pd.Series, notation: str, n: int, notes: tuple[str, ...]) -> Facts | None:
    read = moments.read(values, Notation(notation))
    bad = read.bad & ~columns.is_missing(values)
    points, clocks = read.points.dropna(), read.clocks.dropna()
    found = points if len(points) else clocks
    years = found.dt.year
    beyond = len(found) and (years.min() < YEARS[0] or years.max() > YEARS[1])
    if not len(found) or beyond or (len(points) and len(clocks)) or bad.sum() > FEW * n:
        return None
    others = values[read.bad & values.notna()]
    return Facts(
        str(values.name),
        "moment",
        len(values),
        missing=int(values.isna().sum()),
        unread=len(others),
        distinct=found.nunique(),
        low=found.min(),
        high=found.max(),
        notation=notation,
        zoned=bool(len(points)),
        notes=notes + _unread(others, "moment"),
    )


def _texts(texts: pd.Series, doubts: tuple[str, ...] = ()) -> Facts:
    filled = texts.dropna()
    counts = _counts(filled)
    words = [value for value in counts if value.strip().lower() in MISSING_WORDS]
    notes = [f"{listed(words)} is a text here, and no missing value"] if words else []
    if example := next((value for value in counts if CODE.fullmatch(value)), ""):
        notes.append(f"{example!r} is a code: as a number it would be another one")
    return Facts(
        str(texts.name), "text", len(texts), len(texts) - len(filled), 0, len(counts),
        counts=counts, notes=(*notes, *_spellings(counts), *doubts),
    )  # fmt: skip


def _spellings(counts: dict[str, int]) -> tuple[str, ...]:
    """That values may be one value, written in several ways."""
    ways: dict[str, list[str]] = {}
    for value in counts:
        ways.setdefault(value.strip().casefold(), []).append(value)
    if alike := next((values for values in ways.values() if len(values) > 1), None):
        note = f"{listed(alike, 3)} differ in case or blanks only, and count as different values"
        return (f"{note}: if they are one, let the source write them alike",)
    return ()
