"""Columns of 0 and 1 for each level of a category: do they fit into the memory of this machine?

"one_hot" makes a dense matrix of float64, (n_rows, n_features), which is there twice while its
parts are put together.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pandas as pd

from mlops_loop.columns import texts
from mlops_loop.errors import DataRefused
from mlops_loop.model.contract import Column, Contract

BYTES = 2 * 8  # of a cell: two copies of a float64
SHARE = 0.5  # of the memory that the matrix may take; the rest is for the model and other programs
COUNTS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)  # values of min_category_count to propose
MUCH = 2**30  # bytes from which on it is said
CGROUP = Path("/sys/fs/cgroup/memory.max")


def total() -> float:
    """Bytes of memory that this machine, or its container, has; infinite where nobody can tell."""
    limits = [float("inf")]
    with suppress(OSError, ValueError, AttributeError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # the file says 'max' where there is no limit
        limits.append(int(CGROUP.read_text("utf-8")))
    return min(limits)


def one_hot(contract: Contract, training: pd.DataFrame, least: int) -> str | None:
    """Refuse the training rows as columns of 0 and 1 where memory is too small for them.

    least: `prepare.min_category_count`. Returns a sentence where they take much, None where not.
    Raises DataRefused with the column of most levels and what would fit.
    """
    if not contract.categories:
        return None
    n_levels = sum(column.n_codes for column in contract.columns)
    size = _size(len(training), len(contract.numbers) + n_levels)
    column = max(contract.columns, key=lambda column: column.n_codes)
    what = (
        f"{column.name!r} has {column.n_codes:,} levels. As columns of 0 and 1 for "
        f"{len(training):,} training rows, all features take about {shown(size)} of memory"
    )
    if size <= SHARE * total():
        return what if size >= MUCH else None
    raise DataRefused(
        f"{what}, and this machine has {shown(total())}, of which they may take {SHARE:.0%}. "
        f"Next: {_fewer(column, contract, training, least)}group the levels in "
        'features.model_rows, or set categories="codes" for this estimator in estimators.py'
    )


def _size(n_rows: int, n_features: int) -> int:
    return n_rows * n_features * BYTES


def _fewer(column: Column, contract: Contract, training: pd.DataFrame, least: int) -> str:
    """The smallest proposal for `prepare.min_category_count` that fits; empty without one."""
    if column.closed:
        return ""
    counts = texts(training[column.name]).value_counts()
    others = sum(c.n_codes or 1 for c in contract.columns) - column.n_codes
    for proposal in COUNTS:
        n = int((counts >= proposal).sum())
        fits = _size(len(training), others + n) <= SHARE * total()
        if n and proposal > least and fits:
            return (
                f"set prepare.min_category_count: {proposal} (here {least}), which leaves {n:,}; "
            )
    return ""


def shown(size: float) -> str:
    """Bytes, for people."""
    return f"{size / 1e9:,.1f} GB"
