"""The names of clusters: numbers that stay what they were across a retrain."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import numpy as np

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.statistics.cluster_metrics import nearest
from mlops_loop.tasks.task_names import Anchors, TaskNames

PREFIX = "cluster "
# More than half: then a cluster is the same as one other at most. Below it is dissolved (Hennig
# 2008, doi:10.1016/j.jmva.2007.07.002), and not another form of the old one.
SAME = 0.5


def name_of(number: int) -> str:
    """As 'cluster 3'."""
    return f"{PREFIX}{number}"


def number_of(name: str) -> int:
    """The number of a cluster out of its name; raises UsageError for another text."""
    number = name.removeprefix(PREFIX)
    if not number.isdecimal() or name_of(int(number)) != name or number == "0":
        raise UsageError(
            f"data/anchors.json: {name!r} is no name of a cluster, such as {name_of(3)!r}. Next: "
            "git checkout HEAD -- data/anchors.json, or loop anchors"
        )
    return int(number)


def by_size(sizes: np.ndarray) -> tuple[str, ...]:
    """A name for each cluster, (n_clusters,), with number 1 for the largest one."""
    ranks = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return tuple(name_of(int(rank) + 1) for rank in ranks)


def jaccard(first: np.ndarray, second: np.ndarray) -> float:
    """Rows in both of two sets as a share of those in any, 0 for empty ones; (n_rows,) booleans."""
    either = int((first | second).sum())
    return int((first & second).sum()) / either if either else 0.0


class ClusterNames(TaskNames):
    """A cluster is the same one where its rows are, by Jaccard's index."""

    def keep(self, scores: np.ndarray, contract: Contract, anchors: Anchors) -> Contract:
        """New clusters are numbered by size."""
        labels, known = nearest(scores), np.array([anchor.name for anchor in anchors.rows])
        found = {
            i: str(name)
            for i in range(len(contract.classes))
            for name in np.unique(known)
            if jaccard(labels == i, known == name) > SAME
        }
        numbers = count(max(anchors.last, *map(number_of, known.tolist()), 0) + 1)
        for i in in_order(contract):
            found.setdefault(i, "")
            found[i] = found[i] or name_of(next(numbers))
        return replace(contract, classes=tuple(found[i] for i in range(len(found))))

    def moved(self, new: np.ndarray, now: Contract, old: np.ndarray, before: Contract) -> list[str]:
        """Those that both models have, in the order of their numbers."""
        labels, known = (np.array(c.classes)[nearest(s)] for s, c in ((new, now), (old, before)))
        both = sorted({*now.classes} & {*before.classes}, key=number_of)
        return [name for name in both if jaccard(labels == name, known == name) <= SAME]

    def last(self, contract: Contract) -> int:
        return max(map(number_of, contract.classes))


def in_order(contract: Contract) -> list[int]:
    """Positions of the clusters in the order of their numbers."""
    return np.argsort([number_of(name) for name in contract.classes]).tolist()
