"""New days are read once, counted and kept; what keeps a look from a result is its reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from mlops_loop.errors import LogUnavailable, StoreUnreachable
from mlops_loop.monitoring import look as looking
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.look import look
from mlops_loop.monitoring.operations import Limits
from mlops_loop.monitoring.traffic import table
from mlops_loop.registry import ledger
from mlops_loop.storage.shelves import in_folder

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)  # v1.0.0 was registered on 2026-01-01
POLICY = MonitorConfig(stale_days=30, traffic={"kind": "replay"})


class Source:
    """Rows of made-up days; `asked` are the days that were read."""

    note = "Made up."

    def __init__(self, rows):
        self.rows, self.asked, self.fails, self.wrong = rows, [], False, None

    def day(self, day):
        self.asked.append(str(day))
        if self.fails:
            raise LogUnavailable("The log is away.")
        found = self.rows[self.rows["day"] == str(day)]
        for start in range(0, len(found), 30):
            yield table.of_records(self._records(found.iloc[start : start + 30]))

    def problems(self, day):
        return self.wrong

    @staticmethod
    def _records(rows):
        names = ("size", "rain", "town", "member")
        for i, row in rows.astype(object).where(rows.notna(), None).iterrows():
            at = f"{row['day']}T12:00:00+00:00"
            yield {
                "prediction_id": str(i), "row": 0, "at": at, "model_version": "v1.0.0",
                "inputs": {name: row[name] for name in names},
                "output": {"probabilities": {"no": 1 - row["p"], "yes": row["p"]}},
                "outcome": "yes" if row["y"] else "no", "outcome_at": at, "latency_ms": 60.0,
            }  # fmt: skip


class Model:
    """The bundle of the reference."""

    id = "b1"

    def __init__(self, contract, reference):
        self.contract, self._days = contract, reference

    def read_json(self, name):
        assert name == "reference.json"
        return {"days": self._days and json.loads(json.dumps(self._days.as_json()))}


@pytest.fixture
def source(make_days):
    return Source(make_days(60, 40, seed=11))


@pytest.fixture
def model(day_contract, reference):
    return Model(day_contract, reference)


@pytest.fixture
def see(repo, source, model, tmp_path, monkeypatch):
    """`see(now)` looks, with one history."""
    monkeypatch.setattr(looking, "open_source", lambda *_: source)
    monkeypatch.setattr(looking.champion, "fetch_version", lambda *_: model)
    history = in_folder(tmp_path / "history")
    return lambda now=NOW, **more: look(repo, POLICY, history, now, **more)


def test_all_whole_days_are_examined(see, source):
    """From the first one with a row to yesterday; those before the registration are asked for."""
    seen = see()
    assert (seen.version, seen.bundle_id, seen.note) == ("v1.0.0", "b1", "Made up.")
    assert [seen.days[0].date, seen.days[-1].date] == ["2026-01-01", "2026-02-28"]
    assert seen.findings.date == "2026-02-28"
    assert source.asked[0] == "2025-12-04"
    assert {day.rows for day in seen.days} == {40}


def test_latencies_are_held_to_the_budget_of_the_gate(see):
    """All requests took 60 ms."""
    assert see().findings.by_name()["slow"].reason == "gate.yaml has no budget"
    for budget, verdict in ((50, "degraded"), (100, "ok")):
        found = see(limits=Limits(latency_ms=budget)).findings
        assert found.by_name()["slow"].verdict == found.verdict == verdict


def test_what_was_refused_is_held_to_what_may_be(see, source):
    """Of 80 requests forty were refused, most for one column; of an older log nobody knows."""
    found = see().findings.by_name()
    assert found["refused"].reason == "the log does not say: it is of an earlier version"
    source.wrong = {("", "request refused"): 40, ("size", "is too large"): 30, ("town", "x"): 9}
    refused, errors = (see().findings.by_name()[name] for name in ("refused", "errors"))
    assert (refused.verdict, refused.value, refused.part) == ("degraded", 0.5, "size")
    assert (errors.verdict, errors.value) == ("ok", 0)


def test_settled_days_are_read_once(see, source):
    """Those whose outcomes may still come are read again, a new one too."""
    first = see()
    source.asked.clear()
    again = see(NOW + timedelta(days=1))
    assert source.asked[0] == "2026-02-02"
    assert len(source.asked) == 28
    assert again.days[:-1] == first.days


def test_what_the_log_forgot_is_known(see, source):
    """The history outlives the log's retention; the days that may change are read anew."""
    first = see()
    source.rows = source.rows[source.rows["day"] >= "2026-02-01"]
    assert see().days == first.days


def test_a_log_that_is_away_is_a_reason(see, source):
    """And nothing is kept of the day that failed."""
    source.fails = True
    seen = see()
    assert (seen.findings, seen.reason, seen.note) == (None, "The log is away.", "Made up.")
    source.fails = False
    assert see().findings


def test_no_row_is_a_reason(see, source):
    """A day without rows is no day to judge."""
    source.rows = source.rows.iloc[:0]
    assert see().reason == "No row of v1.0.0 came since 2025-12-04."


def test_rows_of_another_version_do_not_count(see, source, repo):
    """They were predicted by another model."""
    source.rows = source.rows.assign(p=0.5)
    seen = see()
    assert set().union(*(day.models for day in seen.days)) == {"v1.0.0"}


def test_a_model_without_days_is_a_reason(see, model):
    """One that was trained before there were any."""
    model._days = None
    assert "v1.0.0 was trained before its days were counted" in see().reason


def test_without_traffic_nothing_is_read(see, source, monkeypatch):
    """An older monitor.yaml names none."""
    monkeypatch.setitem(see.__globals__, "POLICY", MonitorConfig(stale_days=30))
    assert "has no traffic" in see().reason
    assert source.asked == []


def test_a_model_that_cannot_be_fetched_is_a_reason(see, monkeypatch):
    """The store is down."""

    def down(*_):
        raise StoreUnreachable("The store is down.")

    monkeypatch.setattr(looking.champion, "fetch_version", down)
    seen = see()
    assert (seen.version, seen.reason) == ("v1.0.0", "The store is down.")


def test_nothing_in_production(see, git, repo):
    """Then there is no version."""
    git(repo, "tag", "--delete", "model#production#1")
    assert ledger.read(repo).current() is None
    assert see().version == ""
