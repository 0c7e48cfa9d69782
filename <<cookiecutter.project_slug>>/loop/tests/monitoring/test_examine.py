"""A look: days of production to findings, causes and actions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlops_loop.daily.day import Day
from mlops_loop.daily.fold import fold
from mlops_loop.errors import UsageError
from mlops_loop.monitoring import checks
from mlops_loop.monitoring.config import ColumnConfig, Material, MonitorConfig
from mlops_loop.monitoring.examine import examine

POLICY = MonitorConfig(stale_days=30)


@pytest.fixture
def look(reference, frame, make_table, make_days):
    """`look(change, n_days, policy)`: findings after so many days, changed from the 21st on."""

    def look(change=None, n_days=30, policy=POLICY, per_day=50, first=20):
        rows = make_days(n_days, per_day, seed=5)
        late = (np.arange(len(rows)) // per_day) >= first
        if change and (kept := change(rows, late)) is not None:
            rows = kept
        return examine(reference, fold(frame, make_table(rows)), policy)

    return look


def windows_of(found) -> set[int]:
    """Of all that is compared with training."""
    return {check.window for check in found.checks if check.kind not in checks.OPERATIONAL}


def lose(rows, late):
    """Half of the sizes."""
    rows.loc[late & (np.arange(len(rows)) % 2 == 0), "size"] = np.nan


def rename(rows, late):
    """Rome is called Roma."""
    rows.loc[late & (rows["town"] == "Rome"), "town"] = "Roma"


def widen(rows, late):
    """Sizes are in another unit."""
    rows.loc[late, "size"] *= 2.54


def shift(rows, late):
    """Sizes are larger, by a standard deviation."""
    rows.loc[late, "size"] += 1


def predict_more(rows, late):
    """Both sizes and scores rise; outcomes follow, so there is no harm."""
    shift(rows, late)
    rows.loc[late, "p"] = 0.5 + rows.loc[late, "p"] / 2
    rng = np.random.default_rng(0)
    rows.loc[late, "y"] = (rng.random(late.sum()) < rows.loc[late, "p"]).astype(int)


def flip(rows, late):
    """Outcomes are the other way round."""
    rows.loc[late, "y"] = 1 - rows.loc[late, "y"]


def fewer(rows, late):
    """Four of five rows no longer come."""
    return rows[~late | (np.arange(len(rows)) % 5 == 0)]


def test_days_like_those_of_training_are_ok(look):
    """All checks that have a window are; nothing follows."""
    found = look()
    assert (found.verdict, found.causes, found.date) == ("ok", (), "2026-01-30")
    assert found.actions.issues == found.actions.report == ()
    assert not found.actions.blocks_retraining
    assert not found.actions.retrain
    assert found.harm is not None
    assert found.harm.evidence < found.harm.alarm_at == 365
    assert set(found.blind()) <= {"level:rain", "slow", "labels", "refused", "errors"}
    assert windows_of(found) == {1, 3, 7, 28}


@pytest.mark.parametrize(
    ("change", "verdict", "name"),
    [
        (lose, "broken", "missing:size"), (rename, "broken", "unknown:town"),
        (shift, "drifted", "level:size"), (predict_more, "drifted", "score"),
        (flip, "harmed", "loss"),
    ],
)  # fmt: skip
def test_each_verdict_has_its_own_actions(look, change, verdict, name):
    """Broken blocks retraining; drift of inputs is reported; harm that is proven retrains."""
    found = look(change)
    assert found.verdict == verdict
    assert found.by_name()[name].verdict == verdict
    cause = found.causes[0]
    assert cause.verdict == verdict
    assert cause.since in ("2026-01-20", "2026-01-21", "2026-01-22")
    assert found.actions.blocks_retraining == (verdict == "broken")
    assert found.actions.retrain == (verdict == "harmed")
    assert (cause in found.actions.issues) == (change is not shift)
    assert (cause in found.actions.report) == (change is shift)


def for_ten_days(change):
    """The change ends on the 31st day."""
    return lambda rows, late: change(rows, late & (np.arange(len(rows)) < 30 * 50))


@pytest.mark.parametrize(("n_days", "verdict"), [(30, "broken"), (31, "ok")])
def test_a_sensor_that_is_mended_is_no_alarm(look, n_days, verdict):
    """The window of 28 days is full of it for weeks."""

    def silent(rows, late):
        rows.loc[late, "size"] = np.nan

    found = look(for_ten_days(silent), n_days=n_days)
    (month,) = (c for c in found.checks if (c.name, c.window) == ("missing:size", 28))
    assert month.value > month.band[1]
    assert (found.verdict, month.verdict) == (verdict, verdict)
    assert month.reason == ("it is over" if verdict == "ok" else "")


def test_a_small_shift_goes_on_though_short_windows_do_not_see_it(look):
    """They could not."""
    found = look(lambda rows, late: rows.loc[late].pipe(shift_a_little, rows), n_days=48)
    week, month = (
        next(c for c in found.checks if (c.name, c.window) == ("level:size", days))
        for days in (3, 28)
    )
    assert (week.verdict, month.verdict) == ("ok", "drifted")
    assert week.smallest > month.effect


def shift_a_little(late_rows, rows):
    """Sizes are larger, by half a standard deviation."""
    rows.loc[late_rows.index, "size"] += 0.45


def test_proven_harm_is_an_issue_though_no_window_shows_it(look):
    """Where days differ much, the e-detector is first; nothing is retrained without a word."""
    days = POLICY.model_copy(update={"windows": (1, 3)})  # a loss needs seven
    found = look(flip, policy=days)
    assert found.actions.retrain
    (cause,) = found.actions.issues
    (check,) = cause.checks
    assert (found.verdict, check.name, check.verdict) == ("harmed", "loss", "harmed")
    assert cause.since == check.first == "2026-01-20"
    assert (check.last, check.window, check.rows) == ("2026-01-30", 11, 550)
    assert check.value > found.harm.limit == check.band[1] > check.expected
    assert found.by_name()["loss"] == check


def test_harm_that_is_over_retrains_nothing(look):
    """Though its evidence is there for weeks."""
    found = look(for_ten_days(flip), n_days=37)
    assert found.harm.evidence > found.harm.alarm_at
    assert not found.harm.alarm
    assert not found.actions.retrain
    assert found.causes == ()


def test_fewer_rows_are_a_cause_of_their_own(look):
    """Nothing is blocked, and the model is as it was; the change of a column is another cause."""

    def fewer_and_lost(rows, late):
        lose(rows, late)
        return fewer(rows, late)

    found = look(fewer_and_lost, n_days=42, first=39)
    broken, volume = found.causes
    assert (broken.verdict, volume.verdict, volume.since) == ("broken", "degraded", "2026-02-09")
    assert [check.name for check in volume.checks] == ["volume"]
    assert volume in found.actions.issues
    check = volume.checks[0]
    assert (check.value, check.window) == (10, 2)
    assert check.expected == pytest.approx(50, abs=1)
    assert found.operations.by_day["volume"][-1] == 10

    found = look(fewer, n_days=42, first=39)
    assert (found.verdict, found.actions.blocks_retraining) == ("degraded", False)


def test_a_model_is_new_but_the_traffic_is_not(reference, frame, make_table, make_days):
    """Rows of earlier models count for the volume, and for nothing else."""
    days = fold(frame, make_table(make_days(42, 50)))
    before = [Day(day.date, day.frame, {}, {"v0.9.0": 50}) for day in days[:32]]
    found = examine(reference, [*before, *days[32:]], POLICY)
    volume = found.by_name()["volume"]
    assert (volume.verdict, volume.expected) == ("ok", pytest.approx(50))
    assert windows_of(found) == {1, 3, 7}
    assert found.coverage == examine(reference, days[32:], POLICY).coverage


def test_outcomes_that_stop_are_an_alarm(reference, frame, make_table, make_days):
    """The loss then says nothing of the last days: a person must know that it is missing."""
    rows = make_days(60, 50, seed=5)
    table = make_table(rows)
    stopped = replace(table, losses=np.where(rows["day"] < "2026-02-14", table.losses, np.nan))
    found = examine(reference, fold(frame, stopped), POLICY)
    (cause,) = found.causes
    assert (cause.verdict, cause.since) == ("degraded", "2026-02-14")
    assert [check.name for check in cause.checks] == ["labels"]
    assert not found.actions.blocks_retraining
    assert examine(reference, fold(frame, table), POLICY).by_name()["labels"].verdict == "ok"


def test_old_training_data_are_an_alarm_where_that_is_agreed(look, reference):
    """The newest row is of March 1."""
    assert reference.newest == "2026-03-01"
    assert "data" not in look().by_name()
    assert look(policy=POLICY.model_copy(update={"data_days": 1})).by_name()["data"].verdict == "ok"


def test_columns_that_break_on_the_same_day_are_one_cause(look):
    """With the drift that follows; and while something is broken, harm does not retrain."""

    def both(rows, late):
        lose(rows, late)
        rename(rows, late)
        flip(rows, late)

    found = look(both)
    assert len(found.causes) == 1
    assert {"size", "town"} <= set(found.causes[0].columns)
    assert found.harm is not None
    assert found.harm.alarm
    assert not found.actions.retrain


def test_no_column_sinks_the_run(look, monkeypatch):
    """An error in one check is the result of that check."""
    plain = checks.examine_mean

    def fails(series, *args):
        if series.name == "level:size":
            raise ZeroDivisionError("no such day")
        return plain(series, *args)

    monkeypatch.setattr(checks, "examine_mean", fails)
    found = look(lose)
    assert found.by_name()["level:size"].reason == "ZeroDivisionError: no such day"
    assert found.verdict == "broken"


def test_too_few_rows_are_unknown_and_say_what_could_be_seen(look):
    """Two rows on each of two days."""
    found = look(n_days=2, per_day=2)
    assert found.verdict == "unknown"
    assert all(check.verdict == "unknown" for check in found.checks)
    assert found.by_name()["missing:size"].smallest > 0.15


def test_days_without_rows_are_days(reference, frame, make_table, make_days):
    """A window of seven days has those without rows too."""
    days = fold(frame, make_table(make_days(30, 50)))
    found = examine(reference, [*days[:10], *days[20:]], POLICY)
    week = next(c for c in found.checks if (c.name, c.window) == ("missing:size", 28))
    assert (week.first, week.rows) == ("2026-01-03", 18 * 50)
    parts = examine(reference, list(reversed([*days[:10], *days[20:]])), POLICY)
    assert parts == found


def test_the_policy_decides(look):
    """A shift that does not matter is none, columns can be left out, fewer alarms need more."""

    def policy(**changes):
        return POLICY.model_copy(update=changes)

    assert look(shift, policy=policy(material=Material(level=0.9))).causes == ()
    left = look(lose, policy=policy(columns={"size": ColumnConfig(watch=False)}))
    assert (left.verdict, "missing:size" in left.by_name()) == ("ok", False)
    fine = Material(score=0.001)
    rare, often = (look(policy=policy(alarms_per_year=n, material=fine)) for n in (0.1, 10))
    assert rare.by_name()["score"].smallest > often.by_name()["score"].smallest
    assert rare.harm is not None
    assert rare.harm.alarm_at == 3650


def test_a_column_that_is_not_there_is_refused(look):
    """With those that are."""
    policy = POLICY.model_copy(update={"columns": {"sise": ColumnConfig()}})
    with pytest.raises(UsageError, match=r"columns\.sise: the model has no such column.*size"):
        look(policy=policy)


def test_counts_of_another_model_are_refused(reference, frame, make_table, make_days):
    """And no day at all is."""
    (day,) = fold(frame, make_table(make_days(1, 50)))
    with pytest.raises(UsageError, match="of another model"):
        examine(reference, [replace(day, frame="other")], POLICY)
    with pytest.raises(UsageError, match="fold the prediction log"):
        examine(reference, [], POLICY)
