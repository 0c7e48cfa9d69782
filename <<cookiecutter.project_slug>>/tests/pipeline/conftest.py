"""A small made-up world: schemas, parameters and rows that have nothing to do with the sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series
from threadpoolctl import threadpool_limits

TARGETS = {"binary": ["no", "yes"], "multi-class": ["low", "mid", "high"], "regression": []}


class Inputs(pa.DataFrameModel):
    """One column of each kind."""

    size: Series[float] = pa.Field(ge=-100, nullable=True, metadata={"unit": "cm"})
    count: Series[int] = pa.Field(ge=0)
    member: Series[bool]
    colour: Series[str] = pa.Field(isin=["red", "green", "blue"])
    town: Series[str] = pa.Field(nullable=True)

    class Config:
        coerce = True
        strict = "filter"


@pytest.fixture(autouse=True)
def _one_thread():
    """Many small fits are quicker without threads, above all beside other tests."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def inputs() -> type[pa.DataFrameModel]:
    """The model input of the made-up world."""
    return Inputs


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., pd.DataFrame]:
    """`make_rows(300, "binary")`: rows with the columns of `Inputs`, and `_target` and so on."""

    def make(n: int = 300, kind: str = "binary", seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        size = rng.normal(10, 5, n)
        colour = rng.choice(["red", "green", "blue"], n)
        number = size + 8 * (colour == "red") + rng.normal(0, 2, n)
        rows = pd.DataFrame(
            {
                "id": np.arange(n),
                "size": np.where(rng.random(n) < 0.1, np.nan, size),
                "count": rng.integers(0, 9, n),
                "member": rng.random(n) < 0.5,
                "colour": colour,
                "town": pd.Series(rng.choice(["here", "there", "far"], n)).mask(
                    rng.random(n) < 0.1
                ),
                "team": rng.choice(["a", "b", "c"], n, p=[0.5, 0.46, 0.04]),
                "moment": pd.date_range("2024-01-01", periods=n, freq="6h").strftime("%FT%TZ"),
                "outcome": number,
            }
        )
        if TARGETS[kind]:
            cuts = np.quantile(number, np.linspace(0, 1, len(TARGETS[kind]) + 1)[1:-1])
            rows["outcome"] = np.array(TARGETS[kind])[np.searchsorted(cuts, number)]
        return rows.assign(
            _key=rows["id"].astype(str),
            _time=rows["moment"],
            _group=rows["team"] + (rows["id"] % 9).astype(str),
            _target=rows["outcome"],
        )

    return make
