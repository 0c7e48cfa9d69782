"""The page shows the Markdown as GitHub does: its elements only, and no network."""

from __future__ import annotations

import re

import pytest

from mlops_loop.github import markdown
from mlops_loop.report import html as page


def test_tables_folds_and_charts_are_drawn():
    """Alignment stays, and a chart is two pictures in the page: for light and for dark."""
    table = markdown.table(("a", "b:"), [("1", "2"), ("3", "4")], most=1)
    chart = markdown.chart("Title", ("x",), "y", bars=[1])
    found = page.draw(f"## Head\n\n{table}\n\n{chart}\n")
    for part in (
        "<h2>Head</h2>",
        "<summary>2 rows</summary>",
        '<td style="text-align:right">2</td>',
    ):
        assert part in found
    assert found.count("data:image/svg+xml;base64,") == 2
    assert not re.search(r"https?://|<script|<link", found)


@pytest.mark.parametrize(
    "text",
    [
        "<script>x()</script>",
        '<img src="x" onerror="x()">',
        "<style>*{}</style>",
        "<iframe></iframe>",
        '<a href="javascript:x()">a</a>',
        '<p style="position:fixed">a</p>',
    ],
)
def test_what_github_takes_out_is_out(text):
    """A page on a laptop runs no more than the comment on GitHub does."""
    content = page.draw(text).partition("<main>")[2]
    assert not re.search(r"x\(|<style|<iframe|position|src=", content)
