"""Many resamples at once, from how often each row is drawn; what does not change is done once.

Most metrics are functions of sums over rows. Those of rows that are drawn together are added before
anything is drawn, so that resamples of clusters cost nothing for their rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resampler:
    """A metric on certain rows, as a function of counts, (n_resamples, n_rows).

    function: from counts, or from the sums of `columns` over the drawn rows, (n_resamples,
    n_columns), to the metric of each resample, (n_resamples,) or (n_resamples, n_parts). columns:
    (n_rows, n_columns); None where sums do not tell.
    """

    function: Function
    columns: np.ndarray | None = None

    def __call__(self, counts: np.ndarray) -> np.ndarray:
        """(n_resamples, n_parts); NaN where a resample does not define a part."""
        known = counts if self.columns is None else counts @ self.columns
        with np.errstate(all="ignore"):
            return self.function(known).reshape(len(counts), -1)

    def of_clusters(self, clusters: np.ndarray) -> Resampler:
        """The same, as a function of how often each cluster is drawn, (n_resamples, n_clusters).

        clusters: (n_rows,) the cluster of each row, numbered from 0 and in order.
        """
        if clusters[-1] + 1 == len(clusters):
            return self
        if self.columns is None:
            function = self.function
            return Resampler(lambda counts: function(counts[:, clusters]))
        starts = np.flatnonzero(np.diff(clusters, prepend=-1))
        return replace(self, columns=np.add.reduceat(self.columns, starts))


UNDEFINED = Resampler(lambda counts: np.full(len(counts), math.nan))


def of_sums(function: Function, *columns: np.ndarray) -> Resampler:
    """A function of sums over rows; the first one, of ones, is the number of rows."""
    values = [np.ones(len(columns[0])), *columns]
    return Resampler(function, np.column_stack(values).astype(float, copy=False))
