"""The page about scale follows from the figures that other pages have measured."""

import pytest

from benchmarks import scale


def test_the_page_is_that_of_its_figures():
    """After a new measurement: python -m benchmarks.scale."""
    assert scale.PAGE.read_text(encoding="utf-8") == scale.page()
    assert "<svg" in scale.PICTURE.read_text(encoding="utf-8")


def test_what_a_row_says():
    """By hand, from round figures."""
    known = {name: scale.Figure(100.0, "") for name in scale.figures()}
    assert scale.traffic(known, 1_000) == ["1,000", "20", "86", "8.6", "2.4"]
    assert scale.fleet(known, 100)[2:5] == ["104", "10,400", "340,000"]


def test_a_figure_that_is_gone_is_named():
    """A page that was written anew must not leave an old number here."""
    with pytest.raises(SystemExit, match=r"docs/ledger\.md has nothing like"):
        scale.read("docs/ledger.md", "no such (figure)")
