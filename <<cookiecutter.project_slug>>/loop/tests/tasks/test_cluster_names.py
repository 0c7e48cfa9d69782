"""Names of clusters stay with their rows; what is new has a number that was never used."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from mlops_loop import errors
from mlops_loop.model.contract import Contract
from mlops_loop.tasks.cluster_names import ClusterNames, by_size, jaccard
from mlops_loop.tasks.task_names import Anchor, Anchors

NAMES = ClusterNames()


def contract(n: int) -> Contract:
    return Contract("clustering", "cluster", (), by_size(np.arange(n, 0, -1)))


def scores(labels: list[int], n: int) -> np.ndarray:
    """Distances of rows to `n` centres, the nearest that of their label."""
    return 1.0 - np.eye(n)[labels]


def anchors(numbers: list[int], last: int = 0) -> Anchors:
    rows = tuple(Anchor(row={}, name=f"cluster {number}") for number in numbers)
    return Anchors(last=last, rows=rows)


def kept(labels: list[int], numbers: list[int], last: int = 0) -> tuple[str, ...]:
    """The names of clusters of rows that had these numbers."""
    n = max(labels) + 1
    return NAMES.keep(scores(labels, n), contract(n), anchors(numbers, last)).classes


def test_the_largest_is_the_first():
    """Of equal ones the earlier."""
    assert by_size(np.array([3, 9, 9, 1])) == ("cluster 3", "cluster 1", "cluster 2", "cluster 4")


def test_permuted_clusters_keep_their_names():
    """Whatever their position."""
    assert kept([2, 2, 0, 1, 1], [1, 1, 2, 3, 3]) == ("cluster 2", "cluster 3", "cluster 1")


def test_a_few_rows_may_change_sides():
    """More than half of the rows of both are in both."""
    numbers = [1] * 10 + [2] * 10
    labels = [1] * 8 + [0] * 12
    assert kept(labels, numbers) == ("cluster 2", "cluster 1")


def test_a_new_cluster_has_a_number_that_was_never_used():
    """Not that of one that was lost, here 3 and 4."""
    assert kept([0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 2, 2], last=4) == (
        "cluster 1", "cluster 5", "cluster 6",
    )  # fmt: skip


def test_a_lost_cluster_gives_its_name_to_nobody():
    """Two that became one are a new one where neither is most of it."""
    assert kept([0, 0, 0, 1], [1, 1, 2, 3]) == ("cluster 1", "cluster 3")
    assert kept([0, 0, 0, 0, 1], [1, 1, 2, 2, 3]) == ("cluster 4", "cluster 3")


def test_a_cluster_without_an_anchor_is_new():
    """None of the rows is near to it."""
    found = NAMES.keep(scores([0, 1], 3), contract(3), anchors([2, 1]))
    assert found.classes == ("cluster 2", "cluster 1", "cluster 3")


def test_names_are_those_of_the_same_rows():
    """Named are those whose rows are others, in the order of their numbers."""
    old, new = scores([0, 0, 1, 1, 2, 2], 3), scores([1, 1, 0, 0, 2, 2], 3)
    assert NAMES.moved(new, contract(3), old, contract(3)) == ["cluster 1", "cluster 2"]
    assert NAMES.moved(old, contract(3), old, contract(3)) == []


def test_the_last_number():
    """Ten is more than nine."""
    assert NAMES.last(contract(11)) == 11


@pytest.mark.parametrize("seed", range(5))
def test_the_index_is_that_of_scikit_learn(seed):
    """Of two sets of rows."""
    first, second = np.random.default_rng(seed).random((2, 50)) < 0.4
    assert jaccard(first, second) == pytest.approx(jaccard_score(first, second))
    assert jaccard(first & False, first & False) == 0


@pytest.mark.parametrize("name", ["commuters", "cluster one", "cluster 01", "cluster -4", "3", ""])
def test_edited_names_are_refused(name):
    """They are numbers, so that the next one is known."""
    edited = Anchors(rows=(Anchor(row={}, name=name),))
    with pytest.raises(errors.UsageError, match=f"{name!r} is no name of a cluster"):
        NAMES.keep(scores([0, 1], 2), contract(2), edited)
