"""Harm at any time: an e-detector on the daily mean loss, valid however often one looks.

H0: given the past, the mean loss of a day is at most `limit`, the holdout's upper bound plus what
is tolerated. A bet of share b on more, e = 1 + b (loss / limit - 1) with 0 <= b <= 1, is a fair or
losing game under H0. The mean of many rows strays little, so the whole is bet: b = 1. Shiryaev
and Roberts' sum R = (R + 1) e restarts the game every day. Where nothing is wrong it takes 1 / a
days or more, on average, to reach 1 / a (Shin, Ramdas and Rinaldo 2024, "E-detectors",
doi:10.51387/23-NEJSDS51; harm of a deployed model: Podkopaev and Ramdas, "Tracking the risk of a
deployed model and detecting harmful distribution shifts", ICLR 2022). Losses in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from mlops_loop.daily.quantities import Series
from mlops_loop.daily.spread import Spread
from mlops_loop.monitoring.causes import first_day
from mlops_loop.monitoring.checks import Check
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.labels import Coverage
from mlops_loop.monitoring.noise import LEAST_UNITS, Noise

BETS = (1.0,)
LOOKS = 365  # a year: one each day
UPPER = 0.05  # tail beyond the upper bound of the holdout's mean loss
RECENT_DAYS = 7  # mature ones, which show whether harm goes on


@dataclass(frozen=True)
class Harm:
    """The detector after all mature days; an alarm from `alarm_at` on.

    since, until: first and last of the mature days whose loss it adds up, `rows` in all with the
    mean loss `loss`. goes_on: whether the mean loss of the last RECENT_DAYS is beyond `limit`.
    """

    evidence: float
    alarm_at: float
    limit: float
    days: int
    since: str = ""
    until: str = ""
    rows: int = 0
    loss: float = 0.0
    goes_on: bool = True

    @property
    def alarm(self) -> bool:
        """Whether harm is proven, however often one looked, and is not over."""
        return self.evidence >= self.alarm_at and self.goes_on

    def as_check(self, expected: float, material: float) -> Check:
        """What a person is shown. expected: the holdout's mean loss. material: see Check."""
        days = (date.fromisoformat(self.until) - date.fromisoformat(self.since)).days + 1
        return Check(
            "loss", "loss", "", days, self.since, self.until, "harmed", self.rows, self.loss,
            expected, (0.0, self.limit), self.loss - expected, None, material,
            self.limit - expected,
        )  # fmt: skip


@dataclass(frozen=True)
class Detector:
    """State after some days; `alarm_at` is the average number of days to a false alarm."""

    limit: float
    alarm_at: float
    sums: tuple[float, ...] = (0.0,) * len(BETS)
    days: int = 0

    def after(self, losses: Iterable[float]) -> Detector:
        """With more days, oldest first; a day without a loss (NaN) changes nothing."""
        sums, days = np.array(self.sums), self.days
        for loss in losses:
            if loss == loss:
                sums = (sums + 1) * (1 + np.array(BETS) * (loss / self.limit - 1))
                days += 1
        return Detector(self.limit, self.alarm_at, tuple(sums.tolist()), days)

    @property
    def evidence(self) -> float:
        """The mean over bets; an alarm from `alarm_at` on."""
        return float(np.mean(self.sums))

    @property
    def alarm(self) -> bool:
        """Whether harm is proven."""
        return self.evidence >= self.alarm_at


def detector_of(spread: Spread, policy: MonitorConfig) -> Detector:
    """Before the first day; its limit is the upper bound of the holdout's mean loss, and `loss`."""
    noise = Noise.of(spread, "day")
    upper = spread.mean + noise.reach(math.sqrt(noise.error), UPPER, sides=1)
    limit = min(upper + policy.material.loss, 1.0)
    return Detector(limit, max(LOOKS / policy.alarms_per_year, 1.0))


def proven(
    loss: Series | None, dates: Sequence[str], labels: Coverage, spread: Spread | None,
    policy: MonitorConfig,
) -> Harm | None:  # fmt: skip
    """None where nobody can tell: no loss, no mature day, or too few days of the holdout."""
    if not loss or not labels.mature or not spread or spread.units < LEAST_UNITS:
        return None
    mature = np.isin(dates, labels.mature)
    losses, rows = loss.means[mature], loss.rows[mature]
    detector = detector_of(spread, policy).after(losses)
    start = first_day(losses, 0.0, 2 * detector.limit)
    return Harm(
        detector.evidence, detector.alarm_at, detector.limit, detector.days,
        labels.mature[start], labels.mature[-1], int(rows[start:].sum()),
        float(np.average(losses[start:], weights=rows[start:])),
        bool(losses[-RECENT_DAYS:].mean() > detector.limit),
    )  # fmt: skip
