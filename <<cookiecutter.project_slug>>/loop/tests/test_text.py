"""Tests of values as text."""

from __future__ import annotations

import re

import pytest

from mlops_loop.text import to_the_end

ENDS = {
    "a$": ("a", ["a\n"]),
    r"a\$": ("a$\n", []),
    "a[$]": ("a$\n", []),
    r"[]$\]]$": ("$", ["$\n"]),
    "(?m)a$": ("a\nb", []),
    "(?i)A$": ("a", ["a\n"]),
}


@pytest.mark.parametrize(("pattern", "ends"), ENDS.items(), ids=ENDS)
def test_the_end_of_a_pattern(pattern, ends):
    """Only a `$` that means an end is another one; escapes and sets keep theirs."""
    kept, lost = ends
    made = to_the_end(pattern)
    assert made.match(kept)
    assert to_the_end(re.compile(pattern)).match(kept)
    assert not [text for text in lost if made.match(text)]
