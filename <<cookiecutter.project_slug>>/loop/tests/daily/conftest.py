"""A model of three columns, rows of sixty days, and the reference that they give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop.daily.fold import Table
from mlops_loop.daily.frame import Frame
from mlops_loop.daily.reference import Reference
from mlops_loop.daily.units import Units
from mlops_loop.model.contract import Column, Contract

COLUMNS = (
    Column("size", "number", nullable=True),
    Column("rain", "number"),
    Column("town", "category", nullable=True, levels=("Bonn", "Rome", "Oslo")),
    Column("member", "boolean"),
)


@pytest.fixture(scope="session")
def binary() -> Contract:
    return Contract("classification", "y", COLUMNS, ("no", "yes"))


def made_rows(n_days: int, per_day: int, seed: int = 0) -> pd.DataFrame:
    """Rows with `day`, the columns of the contract, `p` and `y`; days differ a little."""
    rng, n = np.random.default_rng(seed), n_days * per_day
    day = np.repeat(np.arange(n_days), per_day)
    size = rng.normal(size=n) + rng.normal(scale=0.2, size=n_days)[day]
    p = rng.beta(2, 3, size=n)
    return pd.DataFrame({
        "day": (np.datetime64("2026-01-01") + day).astype(str),
        "size": np.where(rng.random(n) < 0.05, np.nan, size),
        "rain": np.where(rng.random(n) < 0.8, 0.0, rng.exponential(size=n)),
        "town": rng.choice(["Bonn", "Rome", "Oslo", None], p=[0.5, 0.3, 0.15, 0.05], size=n),
        "member": rng.random(n) < 0.4,
        "p": p,
        "y": (rng.random(n) < p).astype(int),
    })  # fmt: skip


def table_of(rows: pd.DataFrame, frame: Frame, names: list[str]) -> Table:
    """With inputs, scores and losses."""
    scores = scores_of(rows)
    losses = frame.losses(rows["y"].to_numpy(), scores)
    return Table(rows["day"].tolist(), {name: rows[name] for name in names}, scores, losses)


def scores_of(rows: pd.DataFrame) -> np.ndarray:
    return np.column_stack([1 - rows["p"], rows["p"]])


@pytest.fixture(scope="session")
def make_rows():
    """`make_rows(n_days, per_day, seed)`."""
    return made_rows


@pytest.fixture(scope="session")
def frame(binary) -> Frame:
    rows = made_rows(60, 50)
    return Frame.learn(rows, (rows["y"].to_numpy(), scores_of(rows)), binary)


@pytest.fixture(scope="session")
def make_table(frame):
    """`make_table(rows)` in the frame."""
    return lambda rows: table_of(rows, frame, frame.contract.names)


@pytest.fixture(scope="session")
def reference(frame, make_table) -> Reference:
    rows = made_rows(60, 50)
    units, table = Units("day", "_time", rows["day"].tolist()), make_table(rows)
    predicted = Table(table.dates, scores=table.scores, losses=table.losses)
    return Reference.learn(frame, (rows, units), (predicted, units))
