"""All checks of a year share the false alarms that it may have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.daily.quantities import Series
from mlops_loop.daily.spread import WINDOWS
from mlops_loop.monitoring import checks, harm
from mlops_loop.monitoring.alarm_budget import LOSS_SHARE, AlarmBudget
from mlops_loop.monitoring.config import MonitorConfig

NONE = np.zeros(0)
NAMES = ["loss", "loss:town=Rome", "score", "missing:size", "level:size", "away:rain", "mix:town"]


def one_of(name: str) -> list[Series]:
    kind, _, column = name.partition(":")
    return [Series(kind, column, "", NONE, NONE, NONE)]


@given(
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(WINDOWS), min_size=1),
    st.floats(0.01, 100),
)
def test_the_alphas_of_a_year_sum_to_its_alarms(names, windows, alarms):
    """Whatever is watched; where no window is long enough for the loss, it has no share."""
    policy = MonitorConfig(stale_days=1, windows=tuple(windows), alarms_per_year=alarms)
    groups = {name: one_of(name) for name in names}
    budget = AlarmBudget.of(groups, names, policy)
    total = budget.other * len(checks.OPERATIONAL)
    for name in names:
        able = [days for days in windows if days >= checks.SHORTEST[name.partition(":")[0]]]
        total += budget.alpha(name) * len(able)
    assert total * harm.LOOKS == pytest.approx(alarms)


def test_the_loss_has_a_share_of_its_own():
    """Its slices have not, nor has a loss that training did not see."""
    policy, groups = MonitorConfig(stale_days=1), {name: one_of(name) for name in NAMES}
    budget = AlarmBudget.of(groups, NAMES, policy)
    assert budget.alpha("loss") == pytest.approx(LOSS_SHARE / harm.LOOKS / 2)  # 7 and 28 days
    assert budget.alpha("loss:town=Rome") == budget.alpha("score") == budget.other
    assert AlarmBudget.of(groups, NAMES[1:], policy).loss == 0
