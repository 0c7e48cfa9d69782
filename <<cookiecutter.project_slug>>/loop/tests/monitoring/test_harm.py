"""The e-detector: false alarms as seldom as promised, however often one looks; harm is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.monitoring.harm import Detector

LIMIT, THRESHOLD, N_DAYS = 0.2, 50.0, 1000


def first_alarms(losses: np.ndarray) -> np.ndarray:
    """The first day with an alarm of each history, (n,), the last one where there is none."""
    state, alarms = np.zeros(len(losses)), np.full(len(losses), losses.shape[1])
    for day in range(losses.shape[1]):
        state = (state + 1) * losses[:, day] / LIMIT
        alarms = np.where((state >= THRESHOLD) & (alarms > day), day + 1, alarms)
    return alarms


@pytest.mark.parametrize("shape", [(2, 8), (40, 160)], ids=["wild days", "tame days"])
def test_a_false_alarm_comes_no_earlier_than_promised(shape):
    """400 histories whose mean loss is exactly the limit: 50 days on average, or more."""
    losses = np.random.default_rng(0).beta(*shape, size=(400, N_DAYS))
    assert losses.mean() == pytest.approx(LIMIT, rel=0.01)
    assert first_alarms(losses).mean() >= THRESHOLD


def test_a_smaller_loss_hardly_ever_alarms():
    """A tenth below the limit: in less than 5 % of 1,000 days."""
    losses = np.random.default_rng(1).beta(36, 164, size=(400, N_DAYS))
    assert (first_alarms(losses) < N_DAYS).mean() < 0.05


def test_harm_is_found_and_the_state_is_that_of_the_plain_sum():
    """A loss half as large again after 100 good days: within 15 days."""
    rng = np.random.default_rng(2)
    good, bad = rng.beta(30, 170, size=100), rng.beta(60, 140, size=30)
    detector = Detector(LIMIT, THRESHOLD).after(good)
    assert not detector.alarm
    days = next(i for i in range(1, 31) if detector.after(bad[:i]).alarm)
    assert days <= 15
    plain = first_alarms(np.concatenate([good, bad])[None])[0]
    assert plain == 100 + days


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=30), st.integers(0, 30))
def test_a_history_can_be_continued(losses, cut):
    """In two steps it is the same; days without a loss change nothing; nothing is negative."""
    whole = Detector(LIMIT, THRESHOLD).after(losses)
    assert Detector(LIMIT, THRESHOLD).after(losses[:cut]).after(losses[cut:]) == whole
    known = [loss for loss in losses if loss == loss]
    assert Detector(LIMIT, THRESHOLD).after(known) == whole
    assert whole.days == len(known)
    assert whole.evidence >= 0
