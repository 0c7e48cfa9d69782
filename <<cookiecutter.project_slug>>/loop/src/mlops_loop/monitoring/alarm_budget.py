"""How the false alarms that a year may have are dealt out among the checks of a look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mlops_loop.daily.quantities import Series
from mlops_loop.monitoring import checks, harm
from mlops_loop.monitoring.config import MonitorConfig

# Harm is what a monitor is for, and the loss is one check among a hundred.
LOSS_SHARE = 0.25


@dataclass(frozen=True)
class AlarmBudget:
    """alpha of each window of the loss, and of each of all other checks; they sum to the budget.

    Bonferroni with weights (Genovese, Roeder, Wasserman 2006, doi:10.1093/biomet/93.3.509).
    """

    loss: float
    other: float

    @classmethod
    def of(
        cls, groups: Mapping[str, Sequence[Series]], known: Collection[str], policy: MonitorConfig
    ) -> AlarmBudget:
        """groups: series by name of their check; known: the names that training has seen."""
        n = {name: _n_windows(own[0].kind, policy) for name, own in groups.items() if name in known}
        n_loss = n.pop("loss", 0)
        whole = policy.alarms_per_year / harm.LOOKS
        share = LOSS_SHARE if n_loss else 0.0
        others = sum(n.values()) + len(checks.OPERATIONAL)
        return cls(share * whole / max(n_loss, 1), (1 - share) * whole / others)

    def alpha(self, name: str) -> float:
        """Of a window of the check of this name."""
        return self.loss if name == "loss" else self.other


def _n_windows(kind: str, policy: MonitorConfig) -> int:
    return sum(days >= checks.SHORTEST[kind] for days in policy.windows)
