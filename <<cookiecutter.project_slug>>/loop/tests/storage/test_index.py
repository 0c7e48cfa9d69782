"""Tests of how files are put into packs."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.storage.index import packs_of, total

KINDS = st.sampled_from(["file", "runs"])
FILES = st.lists(st.tuples(KINDS, st.integers(0, 9)), max_size=30)


class Size(int):
    """A number that counts how often it is added."""

    added = 0

    def __add__(self, other):
        """Count."""
        Size.added += 1
        return int(self) + other

    __radd__ = __add__


@given(FILES, st.integers(1, 20))
def test_packs_hold_all_files_in_order_and_are_as_full_as_may_be(found, most):
    """Objects and stage results apart; a file of more than `most` bytes is a pack of its own."""
    files = [(f"{kind}s/{n}", size) for n, (kind, size) in enumerate(found)]
    packs = list(packs_of(files, most))
    assert [file for pack in packs for file in pack] == files
    for pack in packs:
        assert len({path[:4] for path, _ in pack}) == 1
        assert total(pack) <= most or len(pack) == 1
    for pack, after in pairwise(packs):
        same = pack[0][0][:4] == after[0][0][:4]
        assert not same or total(pack) + after[0][1] > most


def test_each_size_is_added_a_few_times_at_most():
    """Where the sum of a pack was made anew for each file, 1,000 files took half a million."""
    Size.added = 0
    list(packs_of([(f"files/{n}", Size(1)) for n in range(1000)], 10_000))
    assert Size.added <= 2_000
