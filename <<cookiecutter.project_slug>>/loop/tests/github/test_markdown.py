"""Values stay text, tables keep their cells, charts are Mermaid, and nothing is cut open."""

from __future__ import annotations

import json
import re

import mermaidx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.github import markdown


def plain(value):
    """What a reader sees of a value: printable, in one line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return text if len(text) <= 600 else text[:599] + "…"


@given(st.data())
def test_a_table_keeps_its_cells(nasty, read, data):
    """Whatever they hold, and no element comes of it."""
    rows = data.draw(st.lists(st.tuples(nasty, nasty), min_size=1, max_size=4))
    found = read(markdown.table(("one", "two:"), rows))
    assert set(found.tags) == {"table", "thead", "tbody", "tr", "th", "td"}
    cells = [cell.replace("\u200b", "").strip() for cell in found.cells]
    assert cells == ["one", "two", *(plain(value) for row in rows for value in row)]


def test_no_known_trick_is_live(nasty_parts, read):
    """Each of them alone."""
    texts = {part: read(f"It is {markdown.escape(part)}.").live for part in nasty_parts}
    assert {part: live for part, live in texts.items() if live} == {}


@given(st.data())
def test_nothing_in_a_value_is_live(nasty, read, data):
    """GitHub looks for mentions, issues and addresses in the text behind the entities."""
    assert read(f"It is {markdown.escape(data.draw(nasty))}.").live == []


@pytest.mark.parametrize(
    "value", ["roc_auc", "sha256:ab12", "Nicht mehr als 5 % (EUR)", "2013-06-05 06:00", "東京"]
)
def test_common_names_are_as_they_are(value):
    """The Markdown is read in a terminal too."""
    assert markdown.escape(value) == value


def test_a_long_value_is_cut():
    """A category may hold a whole text."""
    assert markdown.escape("a" * 601) == "a" * 599 + "…"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.1235"), (12345, "12,345"), (None, "-"), (float("nan"), "-"), (True, "True")],
)
def test_numbers_have_four_digits(value, text):
    """A dash stands for what does not exist."""
    assert markdown.shown(value) == text


def test_a_long_table_is_folded():
    """GitHub needs the empty lines to read the Markdown within."""
    rows = [("a",)] * 3
    assert markdown.table(("x",), rows, most=2).startswith(
        "<details>\n<summary>3 rows</summary>\n\n| x |"
    )
    assert markdown.table(("x",), rows, most=3).startswith("| x |")


def draw(chart):
    """The drawing of a fenced chart by Mermaid's own code, which raises where it cannot read it."""
    fence, *lines, end = chart.split("\n")
    assert (fence, end) == ("```mermaid", "```")
    return mermaidx.render("\n".join(lines)).svg()


def test_mermaid_draws_any_names(nasty_parts):
    """Nothing in a name is read as Mermaid's language, and each name has a bar of its own."""
    names = [*nasty_parts, "", " ", "東京", "x" * 50 + "a", "x" * 50 + "b"]
    text = markdown.chart('a"b', names, "c`d", bars=[1] * len(names), names_axis="place [C]")
    labels = json.loads(re.search(r'x-axis "place _C_" (.*)', text)[1])
    assert len(set(labels)) == len(names)
    svg = draw(text)
    assert svg.count("<rect") >= len(names)
    assert "place _C_" in svg
    assert "東京" in svg


def test_mermaid_draws_lines():
    """Two lines, small and negative numbers too."""
    svg = draw(markdown.chart("A", ("1", "2"), "y", lines=[[-1e-9, 2e12], [0.1, 3]]))
    assert svg.count("#1098ad") >= 1
    assert svg.count("#e8590c") >= 1


@given(st.data())
def test_a_label_is_plain(nasty, data):
    """One line of letters, digits and a few signs, never empty."""
    text = markdown.label(data.draw(nasty))
    assert re.fullmatch(r"[\w .,()=+…-]{1,28}", "".join(c if c.isascii() else "x" for c in text))


def test_bars_start_at_zero():
    """And have no exponent, which Mermaid does not read."""
    text = markdown.chart("A", ("a", "b"), "y", bars=[0.00004, 0.000001])
    assert "0 --> 0.00004" in text
    assert "bar [0.00004, 0.000001]" in text


@given(st.lists(st.integers(1, 3000), max_size=8), st.integers(2000, 9000))
def test_sections_fit_as_a_whole(sizes, most):
    """First come, first served; what is left out is named."""
    sections = [f"### {i}\n" + "é" * (size // 2) for i, size in enumerate(sizes)]
    text = markdown.fit(sections, most)
    kept = [section for section in sections if section in text]
    assert len(text.encode()) <= most
    assert len(kept) == len(sections) or "Left out for length: " in text


def test_one_long_section_takes_no_other_along():
    """The commands at the end are worth more than a thousand slices."""
    text = markdown.fit(["## First", "### Long\n" + "x" * 9000, "### Last"], 5000)
    assert "### Last\n\nLeft out for length: Long. All of it: the summary" in text
