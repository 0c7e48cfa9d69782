"""Later rows as if they came today: the clock, the labels, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from mlops_loop import tasks
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model import bundle
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Replay
from mlops_loop.monitoring.traffic.opened import Production
from mlops_loop.monitoring.traffic.replay import ReplayTraffic

SCHEMA = """
    import pandera.pandas as pa
    from pandera.typing import Series

    class RawRows(pa.DataFrameModel):
        when: Series[str]
        temp: Series[float] = pa.Field(nullable=True)
        weekday: Series[int] = pa.Field(ge=0)
        origin: Series[str]
        arr_delay: Series[float] = pa.Field(nullable=True, le=3000)

        class Config:
            coerce = True
"""
FEATURES = """
    def model_rows(raw):
        return raw.rename(columns={"temp": "air temp"}).assign(
            dest="BOS", holiday=False, **{"<script>alert(1)</script>": None}
        )
"""
REGISTERED = datetime(2026, 3, 1, 15, tzinfo=UTC)
START = date(2026, 2, 27)  # two days before


@pytest.fixture
def later(tmp_path, own_package, monkeypatch):
    """Three days of rows in two files, of 2013; the second day has none."""
    own_package(schema=SCHEMA, features=FEATURES)
    monkeypatch.chdir(tmp_path)
    head = "when,temp,weekday,origin,arr_delay\n"
    (tmp_path / "a.csv").write_text(
        head + "2013-07-01T10:00:00Z,61.5,0,JFK,20\n2013-07-01T23:59:00Z,,0,LGA,-3\n"
        "2013-07-01T12:00:00Z,61.5,0,XXX,1\n"  # an origin that the contract does not know
        "2013-07-01T12:30:00Z,61.5,0,EWR,99999\n"  # breaks RawRows
    )
    (tmp_path / "b.csv").write_text(
        head + "2013-07-03T10:00:00Z,50,2,EWR,\n" + "2013-07-03T11:00:00Z,50,2,EWR,15\n" * 2
    )
    return Replay(path="*.csv", label_delay_days=1, warm_up_days=2)


@pytest.fixture
def open_replay(later, bundles, make_params):
    """`open_replay(now)` is the replay of the bundle `binary`; `source` has keys of its files."""
    target = {"column": "arr_delay", "above": 15, "classes": ["on time", "late"]}
    changes = {"target": target, "split": {"strategy": "time", "column": "when",
               "validation": 0.2, "holdout": 0.3}}  # fmt: skip

    def start(now=REGISTERED + timedelta(days=9), rule=None, source=(), **config):
        params = make_params(changes=changes | {f"source.{k}": v for k, v in dict(source).items()})
        made = bundle.load(bundles["binary"])
        made = replace(made, manifest=made.manifest | {"split": rule or {}})
        chosen = later.model_copy(update=config)
        return ReplayTraffic(chosen, Production(made, "v1.4.0", REGISTERED), params, now)

    return start


def days(source, n=4):
    return list(table.read(source, START - timedelta(days=1), START + timedelta(days=n)))


def test_the_clock(open_replay):
    """The first day of the files is that before the registration; a day in the files is a day."""
    source = open_replay()
    first, third = days(source)
    assert (first.day, third.day) == (START, START + timedelta(days=2))
    assert first.rows["at"].tolist() == [
        pd.Timestamp("2026-02-27T10:00Z"), pd.Timestamp("2026-02-27T23:59Z"),
    ]  # fmt: skip
    assert set(first.rows["model_version"]) == {"v1.4.0"}
    assert (source.start, source.end) == (START, START + timedelta(days=2))


def test_what_the_endpoint_would_refuse(open_replay):
    """Is counted and never logged; what breaks RawRows never came."""
    source = open_replay()
    first, _ = days(source)
    assert [row["origin"] for row in first.rows["inputs"]] == ["JFK", "LGA"]
    assert first.rows["inputs"][1]["air temp"] is None
    assert source.refused[START] == 1


def test_files_are_written_as_those_of_the_source(open_replay, tmp_path):
    """With its separator and its decimal sign."""
    plain, _ = days(open_replay())
    for path in tmp_path.glob("*.csv"):
        path.write_text(path.read_text().replace(",", ";").replace("61.5", "61,5"))
    first, _ = days(open_replay(source={"separator": ";", "decimal": ","}))
    assert first.rows["inputs"].tolist() == plain.rows["inputs"].tolist()


def test_scores_are_those_of_the_bundle(open_replay, bundles):
    """As the endpoint writes them."""
    made = bundle.load(bundles["binary"])
    first, _ = days(open_replay())
    scores = made.predictor.scores(made.contract.encode_rows(first.rows["inputs"].tolist()))
    assert first.rows["output"].tolist() == tasks.of(made.contract).predictions(
        scores, made.contract
    )
    assert np.isfinite(scores).all()


def test_labels_come_late(open_replay):
    """After the delay, and not for a row that has none."""
    now = datetime(2026, 2, 28, 12, tzinfo=UTC)
    (first,) = days(open_replay(now))
    assert first.rows["outcome"].tolist() == ["late", None]
    assert first.rows["outcome_at"].tolist() == [pd.Timestamp("2026-02-28T10:00Z"), pd.NaT]
    first, third = days(open_replay())
    assert first.rows["outcome"].tolist() == ["late", "on time"]
    assert third.rows["outcome"].tolist() == [None, "on time", "on time"]


def test_what_is_to_come(open_replay):
    """Is not there yet."""
    (first,) = days(open_replay(datetime(2026, 2, 27, 11, tzinfo=UTC)))
    assert len(first.rows) == 1


def test_the_same_again(open_replay):
    """Ids are those of the content; equal rows have two; all say that it is a replay."""
    first, second = (
        pd.concat(chunk.rows for chunk in days(open_replay())).reset_index(drop=True)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second)
    assert first["prediction_id"].is_unique
    assert first["prediction_id"].str.startswith("replay-").all()
    assert open_replay().note == (
        "A replay, no traffic: rows of *.csv from 2013-07-01 on, scored by v1.4.0 as if they came "
        "on 2026-02-27 to 2026-03-01; outcomes come 1 d later."
    )


def test_what_training_saw_is_no_traffic(open_replay):
    """By the rule in the bundle's manifest."""
    rule = {"strategy": "time", "holdout_from": "2013-07-02T00:00:00.000000Z"}
    (only,) = days(open_replay(rule=rule))
    assert (only.day, len(only.rows)) == (START, 3)
    with pytest.raises(DataRefused, match="no row that came after the training data"):
        open_replay(rule=rule | {"holdout_from": "2014-01-01T00:00:00.000000Z"})


def test_features_with_another_index(open_replay, own_package):
    """Moments would be given to other rows."""
    own_package(schema=SCHEMA, features=FEATURES.rstrip() + ".reset_index(drop=True)\n")
    with pytest.raises(UsageError, match="another index"):
        open_replay()


def test_wrong_settings(open_replay, own_package):
    """Name the key and what there is."""
    with pytest.raises(
        UsageError, match=r"traffic.time = 'hour' is no column of \*.csv, which has"
    ):
        open_replay(time="hour")
    with pytest.raises(UsageError, match=r"in monitor.yaml matches no file. Next: put files with"):
        open_replay(path="none/*.csv")
    own_package(schema=SCHEMA, features="def model_rows(raw):\n    return raw\n")
    with pytest.raises(UsageError, match="makes no 'air temp', 'dest'"):
        open_replay()
