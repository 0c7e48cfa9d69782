"""Changes of rows: each takes rows, which of them it is to change, and a generator; in place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

Change = Callable[[pd.DataFrame, np.ndarray, np.random.Generator], None]


def _later(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "departure_hour"] += rows["departure_hour"].std() / 2


def _warmer(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "temp"] += rows["temp"].std() / 2


def _celsius(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late, "temp"] = (rows.loc[late, "temp"] - 32) / 1.8


def _renamed(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late & (rows["carrier"] == "UA").to_numpy(), "carrier"] = "UAL"


def _lost(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    rows.loc[late & (rng.random(len(rows)) < 0.3), "humid"] = np.nan


def _more_late(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    """Delay flights, so that 40 % of all are late."""
    share = rows["y"][late].mean()
    more = rng.random(len(rows)) < (0.4 - share) / (1 - share)
    rows.loc[late & more, "y"] = 1


def _flipped(rows: pd.DataFrame, late: np.ndarray, rng: np.random.Generator) -> None:
    which = late & (rng.random(len(rows)) < 0.3)
    rows.loc[which, "y"] = 1 - rows.loc[which, "y"]


CHANGES: dict[str, tuple[Change, str]] = {
    "departure_hour + 0.5 sd": (_later, "departure_hour"),
    "temp + 0.5 sd": (_warmer, "temp"),
    "temp in Celsius": (_celsius, "temp"),
    "carrier UA renamed": (_renamed, "carrier"),
    "humid missing in 30 %": (_lost, "humid"),
    "40 % late": (_more_late, "loss"),
    "30 % of labels flipped": (_flipped, "loss"),
}
