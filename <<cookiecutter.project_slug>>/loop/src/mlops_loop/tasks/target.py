"""The column `_target` of prepared rows, and numbers out of a raw column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlops_loop.errors import DataRefused

if TYPE_CHECKING:
    import pandas as pd

TARGET = "_target"
FLOAT32 = np.finfo(np.float32)  # what a model takes and gives


def as_numbers(values: pd.Series) -> pd.Series:
    """A raw column as float; missing stays missing, as do words such as 'NA'.

    Raises DataRefused for a text that is no number, and for a number that float32 cannot hold.
    """
    from mlops_loop import columns

    numbers = columns.numbers(values).astype(float)
    if (bad := ~(numbers.abs() <= FLOAT32.max) & ~columns.is_missing(values)).any():
        shown = repr(str(values[bad].iloc[0]))
        raise DataRefused(f"Target {values.name!r} is no number that float32 holds: {shown}.")
    return numbers
