"""A made-up project whose raw rows become the columns of the made-up bundles."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_loop.batch.table_model import TableModel
from mlops_loop.model import bundle

SCHEMA = """
    import pandera.pandas as pa
    from pandera.typing import Series

    class RawRows(pa.DataFrameModel):
        id: Series[int] = pa.Field(unique=True, ge=1)
        day: Series[str] = pa.Field(str_matches=r"^day \\d$")
        origin: Series[str] = pa.Field(isin=["EWR", "JFK", "LGA"])
        dest: Series[str]
        temp_c: Series[float] = pa.Field(nullable=True)
        arr_delay: Series[int] = pa.Field(ge=-100)

        class Config:
            coerce = True
            strict = True

        @pa.dataframe_check
        def _any(cls, rows):
            return rows["arr_delay"] < 1000
"""
FEATURES = """
    def model_rows(raw):
        rows = raw[raw["dest"] != "NOWHERE"]
        return rows.assign(
            weekday=rows["day"].str[-1],
            holiday=(rows["day"] == "day 6").astype(int),
            **{"air temp": rows["temp_c"] * 9 / 5 + 32},
        )
"""
RAW = [
    {"id": "1", "day": "day 4", "origin": "JFK", "dest": "BOS", "temp_c": "10", "arr_delay": "3"},
    {"id": "2", "day": "day 6", "origin": "EWR", "dest": "LAX", "temp_c": None, "arr_delay": "x"},
]
INPUT = [
    {"weekday": 4, "origin": "JFK", "dest": "BOS", "air temp": 50.0, "holiday": False},
    {"weekday": 6, "origin": "EWR", "dest": "LAX", "air temp": None, "holiday": True},
]


@pytest.fixture
def made_project(own_package):
    """The user's package of a project; `made_project(features=...)` with other features."""

    def make(features: str = FEATURES):
        return own_package(schema=SCHEMA, features=features)

    make()
    return make


@pytest.fixture
def model(bundles, made_project) -> TableModel:
    """The model of two classes, in a project."""
    return TableModel(bundle.load(bundles["binary"]), "v1.4.0")


@pytest.fixture
def raw() -> pd.DataFrame:
    """Two raw rows as texts; the target of the second is none."""
    return pd.DataFrame(RAW, dtype="str")


@pytest.fixture
def model_input() -> pd.DataFrame:
    """The same rows as the model takes them, typed."""
    return pd.DataFrame(INPUT)
