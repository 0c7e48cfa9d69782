"""Checks of windows: what alarms, what does not, and what cannot tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from mlops_loop.daily.quantities import Series
from mlops_loop.daily.spread import WINDOWS, Spread
from mlops_loop.monitoring import checks
from mlops_loop.monitoring.checks import Rule, windows

DATES = [f"2026-01-{i:02d}" for i in range(1, 29)]
RULE = Rule(1e-5, 0.1)
RNG = np.random.default_rng(0)
TRAINING = 0.5 + RNG.normal(scale=0.03, size=60)


def series(means, kind: str = "level", rows: int = 100, part: str = "") -> Series:
    means = np.asarray(means, dtype=float)
    many = np.where(np.isnan(means), 0, rows)
    return Series(kind, "x", part, many, means, np.full(len(means), 0.08))


def spread_of(means, **changes) -> Spread:
    found = Spread.of(series(means, **changes))
    assert found
    return found


def check(means, length: int = 7, training=TRAINING, rule: Rule = RULE, **changes):
    window = windows(DATES, [length])[0]
    own = series(np.broadcast_to(means, 28), **changes)
    return checks.examine_mean(own, spread_of(training, kind=own.kind), window, rule)


def test_windows_end_with_the_last_day():
    """Those longer than the history are left out."""
    found = windows(DATES[:10], [1, 7, 28])
    assert [(w.days, w.first, w.last) for w in found] == [
        (1, "2026-01-10", "2026-01-10"), (7, "2026-01-04", "2026-01-10"),
    ]  # fmt: skip


@pytest.mark.parametrize(("shift", "verdict"), [(0, "ok"), (0.07, "ok"), (0.2, "drifted")])
def test_a_shift_alarms_where_it_is_certain_and_material(shift, verdict):
    """A certain one of 0.07 is not material; both directions count."""
    for sign in (1, -1):
        found = check(TRAINING.mean() + sign * shift)
        assert found.verdict == verdict
        assert found.effect == pytest.approx(sign * shift)
        assert (found.verdict != "ok") == (not found.band[0] <= found.value <= found.band[1])
    assert (found.p < RULE.alpha) == (shift > 0)


@pytest.mark.parametrize(("kind", "verdict"), [("missing", "broken"), ("loss", "harmed")])
def test_less_of_what_is_bad_is_no_alarm(kind, verdict):
    """More of it is."""
    assert check(0.1, kind=kind).verdict == "ok"
    assert check(0.9, kind=kind).verdict == verdict


def test_what_days_of_training_showed_is_no_alarm():
    """Some week of training was as high, so this one is not surprising, whatever its p-value."""
    spread, window = spread_of(TRAINING), windows(DATES, [7])[0]
    seen = replace(spread, ranges={**spread.ranges, 7: (0.4, 0.9)})
    own = series(np.full(28, 0.88))
    found = [checks.examine_mean(own, known, window, RULE) for known in (spread, seen)]
    assert [one.verdict for one in found] == ["drifted", "ok"]
    assert found[1].p < RULE.alpha


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"training": TRAINING[:19]}, "19 days of 20"),
        ({"rows": 2}, "14 rows of 20"),
        ({"means": np.nan}, "0 rows of 20"),
        ({"length": 1}, "1 days are too few"),
    ],
)
def test_what_cannot_tell_says_why_and_what_it_could_have_seen(changes, reason):
    """Never ok, never an alarm."""
    found = check(**{"means": 0.9, **changes})
    assert found.verdict == "unknown"
    assert reason in found.reason
    if "rows" in reason:
        assert 0.1 <= found.smallest < 1


@pytest.mark.parametrize(("n_days", "verdict"), [(1, "ok"), (2, "drifted")])
def test_one_odd_day_is_no_shift(n_days, verdict):
    """A storm moves a mean of three days far; two days of it are a shift."""
    means = np.full(28, TRAINING.mean())
    means[26 : 26 + n_days] = 1.0
    assert check(means, 3).verdict == verdict


def test_missing_values_that_training_knew_need_several_days():
    """A sensor that was off on one day of training may be off on one more."""
    often = np.where(np.arange(60) == 9, 0.6, 0.05)
    clean = np.full(60, 0.01)
    assert check(0.9, 1, training=clean, kind="missing").verdict == "broken"
    assert check(0.9, 1, training=often, kind="missing").verdict == "unknown"
    assert check(0.9, 3, training=often, kind="missing").verdict == "broken"


def test_a_column_that_training_did_not_have_is_unknown():
    """There is nothing to compare it with."""
    found = checks.examine_mean(series(TRAINING[:28]), None, windows(DATES, [7])[0], RULE)
    assert (found.verdict, found.reason) == ("unknown", "training had no such values")


def test_where_no_shift_could_be_seen_the_verdict_is_unknown():
    """Days of training had all ranks there are."""
    found = check(0.5, training=np.tile([0.001, 0.999], 30))
    assert (found.verdict, found.smallest) == ("unknown", None)
    assert found.reason == "no possible shift could be seen"


@given(
    st.floats(0, 0.5), st.sampled_from([3, 7, 28]), st.integers(20, 2000), st.sampled_from([1, -1])
)
@settings(max_examples=60, deadline=None)
def test_the_smallest_shift_that_can_be_seen_is_seen(extra, length, rows, sign):
    """And any larger one; a little less in both directions is not."""
    clean = check(TRAINING.mean(), length, rows=rows)
    assert (
        check(TRAINING.mean() + sign * (clean.smallest + extra + 1e-6), length, rows=rows).verdict
        == "drifted"
    )
    nearer = min(clean.expected - clean.band[0], clean.band[1] - clean.expected)
    assert check(TRAINING.mean() + sign * (nearer - 1e-3), length, rows=rows).verdict == "ok"


def test_more_rows_see_smaller_shifts():
    """And more days do."""
    rule = Rule(1e-5, 0.001)
    by_rows = [check(0.5, rule=rule, rows=n).smallest for n in (30, 300, 3000)]
    by_days = [check(0.5, n, rule=rule, rows=30).smallest for n in (3, 7, 28)]
    assert by_rows == sorted(by_rows, reverse=True)
    assert by_days == sorted(by_days, reverse=True)


def mix(shares: dict[str, float], rows: int = 100, length: int = 7):
    """A window with these shares; training had 0.5, 0.3, 0.2 on 60 days of 100 rows."""
    rng, usual = np.random.default_rng(1), {"a": 0.5, "b": 0.3, "c": 0.2}
    drawn = rng.multinomial(100, list(usual.values()), size=60) / 100
    spreads = {n: spread_of(drawn[:, i], kind="mix") for i, n in enumerate(usual)}
    own = [series(np.full(28, shares[n]), "mix", rows, part=n) for n in usual]
    found = checks.examine_mix(own, spreads, windows(DATES, [length])[0], RULE)
    return found, [spreads[n].mean for n in usual]


def test_a_mix_alarms_by_its_distance():
    """That of scipy, less what chance shows of it; the level that moved most is named."""
    moved = {"a": 0.2, "b": 0.3, "c": 0.5}
    found, usual = mix(moved)
    assert (found.verdict, found.part) == ("drifted", "c")
    plain = jensenshannon(list(moved.values()), usual, base=2)
    assert found.value**2 == pytest.approx(plain**2 - 2 / (8 * 700 * np.log(2)), rel=1e-6)
    same, _ = mix({"a": 0.5, "b": 0.3, "c": 0.2})
    assert (same.verdict, same.value) == ("ok", 0.0)


def test_a_mix_of_few_rows_is_unknown():
    """As is one of a single day, and one that training did not have."""
    assert mix({"a": 0.2, "b": 0.3, "c": 0.5}, rows=2)[0].verdict == "unknown"
    assert mix({"a": 0.2, "b": 0.3, "c": 0.5}, length=1)[0].verdict == "unknown"
    window = windows(DATES, [7])[0]
    empty = checks.examine_mix([series(np.full(28, 0.5), "mix", part="a")], {}, window, RULE)
    assert empty.reason == "training had no such values"


def test_every_window_of_the_reference_has_a_range():
    """Whatever monitor.yaml chooses among them can be judged."""
    for length in WINDOWS:
        assert check(TRAINING.mean(), length, kind="unknown").verdict == "ok"
