"""A model in production for sixty days: a column is missing at the end, and labels come late."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from mlops_loop.daily.fold import fold
from mlops_loop.dashboard.facts import State
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.registry.entries import Entry, Ledger

NOW = datetime(2026, 5, 1, 3, tzinfo=UTC)


def entry(number: int, stage: str | None = None, **note) -> Entry:
    version = f"v1.{number}.0"
    time = f"2026-02-0{number + 1}T12:00:00Z"
    return Entry(f"model@{version}", version, stage, "c" * 40, time, {"who": "Ada", **note})


def verdict(estimate: float) -> dict:
    ends = {"low": estimate - 0.02, "estimate": estimate, "high": estimate + 0.02}
    row = {"name": "absolute", "metric": "roc_auc", "slice": "", **ends}
    whole, part = row, {**row, "slice": "town = Bonn", "estimate": 0.1}
    return {"checks": [{"name": "rows", "metric": ""}, whole, part]}


@pytest.fixture(scope="session")
def ledger() -> Ledger:
    versions = [entry(i, bundle_id=f"b{i}", verdict=verdict(0.7 + i / 50)) for i in range(3)]
    digest = "sha256:" + "ab" * 32
    runs = [entry(i, "production", why=f"passed <b>{i}</b>", image_digest=digest) for i in range(3)]
    return Ledger(versions, runs)


@pytest.fixture(scope="session")
def make_state(frame, make_days, make_table, reference, ledger):
    """`make_state(broken=True)`: with 40 % of `size` missing since 20 April, or as in training."""

    def make(broken: bool = True, **more) -> State:
        rows = make_days(60, 200, seed=5)
        rows["day"] = (pd.to_datetime(rows["day"]) + pd.Timedelta(days=60)).astype(str)
        late = (rows["day"] >= "2026-04-20") & (np.random.default_rng(1).random(len(rows)) < 0.4)
        if broken:
            rows.loc[late, "size"] = np.nan
        table = make_table(rows)
        losses = np.where(rows["day"] < "2026-04-27", table.losses, np.nan)
        delays = np.where(rows["day"] < "2026-04-27", 2.5, np.nan)
        table = replace(table, losses=losses, delays=delays)
        days = fold(frame, table)
        findings = examine(reference, days, MonitorConfig(stale_days=30))
        return State("flights & co", NOW, ledger, findings, reference, days, **more)

    return make
