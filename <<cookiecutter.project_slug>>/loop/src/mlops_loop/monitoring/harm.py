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

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

BETS = (1.0,)


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
