"""How the files of a source are written: the keys of `source` that say it, and what they mean."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mlops_loop.sections import Section

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["csv", "parquet", "excel"]
Compression = Literal["none", "gzip", "bz2", "xz", "zip", "zstd"]
FORMS: dict[str, Form] = dict.fromkeys((".parquet", ".pq"), "parquet")
FORMS |= dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel")
COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
COMPRESSIONS |= {".zip": "zip", ".zst": "zstd"}
Sign = Annotated[str, Field(min_length=1, max_length=1)]
# Blanks that people set between thousands; they look alike, so one stands for all.
BLANKS = " \u00a0\u2009\u202f"
DECIMAL_COMMA = re.compile(r"[+-]?\d+(\.\d{3})*,\d+")
SIGNS = "decimal", "thousands"
LACKING = "lacking"  # in the attrs of a table: by column the files that lack it


class FileFormat(Section):
    """The format of files, and of CSV how its rows, texts and numbers are written."""

    format: Form | None = None  # null: what the ending of the path says
    compression: Compression | None = None  # null: what the ending of the path says
    separator: Sign = ","  # between the columns of CSV
    decimal: Literal[".", ","] = "."  # before the digits of a fraction
    thousands: Annotated[str, Field(max_length=1)] = ""  # between groups of digits; empty: none
    encoding: str = "utf-8"  # of CSV, by a name that Python knows
    quote: Sign = '"'  # around texts with a separator
    sheet: str = ""  # of a workbook; empty: its only one

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            "".encode(name)
            return codecs.lookup(name).name
        except LookupError as error:
            raise ValueError("no such encoding; often it is utf-8, cp1252 or utf-16") from error

    @model_validator(mode="after")
    def _signs_differ(self) -> FileFormat:
        if self.decimal == self.thousands:
            raise ValueError(f"decimal and thousands are both {self.decimal!r}")
        if self.separator == self.quote:
            raise ValueError(f"separator and quote are both {self.quote!r}")
        return self

    def form_of(self, path: str) -> Form:
        """`format`, or what the ending says; csv where that is no other one's."""
        return self.format or FORMS.get(_ending(path, *COMPRESSIONS), "csv")

    def compression_of(self, path: str) -> Compression:
        """`compression`, or what the ending says."""
        return self.compression or COMPRESSIONS.get(_ending(path), "none")


def _ending(path: str, *without: str) -> str:
    """The last ending of a path or URL in small letters, but for those that do not count."""
    name = PurePosixPath(re.sub(r"[?#].*", "", path) if "://" in path else path)
    return PurePosixPath(name.stem if name.suffix.lower() in without else name.name).suffix.lower()


def mark(table: pd.DataFrame, style: FileFormat) -> pd.DataFrame:
    """The table, which says from now on how its texts write numbers; Parquet keeps that."""
    if style.decimal != "." or style.thousands:
        table.attrs |= {name: getattr(style, name) for name in SIGNS}
    return table


def without_mark(table: pd.DataFrame) -> pd.DataFrame:
    """The table, whose numbers are numbers now."""
    for name in SIGNS:
        table.attrs.pop(name, None)
    return table


def plain_numbers(values: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Texts that are numbers as a marked table writes them, as Python does; others are missing.

    With `decimal: ","` and `thousands: "."`, '1.234,5' is '1234.5', and '1.5' is no number.
    """
    import pandas as pd

    if not table.attrs.get("decimal") or not isinstance(values.dtype, pd.StringDtype):
        return values
    decimal, thousands = (table.attrs[name] for name in SIGNS)
    groups = BLANKS if thousands and thousands in BLANKS else thousands
    texts = values.str.strip()
    found = texts.where(texts.str.fullmatch(_pattern(decimal, groups)))
    for sign in groups:
        found = found.str.replace(sign, "", regex=False)
    return found.str.replace(decimal, ".", regex=False)


def _pattern(decimal: str, groups: str) -> str:
    grouped = rf"\d{{1,3}}(?:[{re.escape(groups)}]\d{{3}})+|" if groups else ""
    number = rf"[+-]?(?:{grouped}\d*)(?:{re.escape(decimal)}\d*)?(?:[eE][+-]?\d+)?"
    return f"{number}|(?i:true|false)"
