"""A sheet of a workbook (Excel, LibreOffice) as a table, read by calamine."""

from __future__ import annotations

from typing import IO

import pandas as pd

from mlops_loop.text import listed


def read(file: IO[bytes], sheet: str = "") -> pd.DataFrame:
    """The sheet of a name, or the only one; numbers, dates and texts are what the cells are.

    An empty cell is missing, 'NA' is two letters. Raises ValueError where no name says which of
    several sheets is meant, or there is none of that name.
    """
    with pd.ExcelFile(file, engine="calamine") as book:
        names = [str(name) for name in book.sheet_names]
        if sheet not in (names if sheet or len(names) > 1 else [""]):
            step = "Next: set `sheet: NAME` in source of params.yaml"
            raise ValueError(f"it has the sheets {listed(names)}. {step}")
        table = pd.read_excel(
            book, sheet_name=sheet or 0, dtype=object, keep_default_na=False, na_values=[""]
        )
    return table.rename(columns=str)
