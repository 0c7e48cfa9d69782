"""Models that a task fits again for comparison: to data without structure, and to resamples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mlops_loop.statistics.metrics import Metric

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


class TaskRefits(ABC):
    """The refits of one task; `pipeline` is the fitted one, `training` and `x` encoded rows."""

    metric: Metric
    """How the model agrees with refits; its `y` is what `predictions` gives."""
    note: str
    """A sentence that says what `uninformed` are, which tables show as the best constant."""

    @abstractmethod
    def uninformed(
        self, pipeline: Pipeline, training: np.ndarray, x: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        """By name scores of as many rows as `x` has, by models that know nothing.

        They take the place of the task's constants.
        """

    @abstractmethod
    def predictions(self, pipeline: Pipeline, training: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What models that are fitted to resamples say of the rows `x`, (n_rows, n_refits)."""
