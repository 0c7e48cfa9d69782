"""GitHub's Markdown from values that nobody has checked: text, tables, charts, and length.

Names of columns, categories and files come from data. None of them may add an element, a cell, a
mention or a link to a page: every value passes through `escape` or `label`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from mlops_loop.text import number

# Characters with a meaning in Markdown or HTML within a line; an underscore inside a word has none.
ACTIVE = re.compile(r"[!#$&*<>@\[\\\]^`{|}~]|(?<![^\W_])_|_(?![^\W_])")
# GitHub makes links of these after it has read the Markdown, so an entity does not prevent it. A
# zero-width space does; Renovate and Dependabot write foreign text in this way.
LIVE = re.compile(r"(?i:[@#]|:(?=//|[\w+-]+:)|www(?=\.)|gh(?=-\d))")
# Colours that are readable on white and on black.
LOOK = {"xyChart": {"plotColorPalette": "#1098ad, #e8590c", "backgroundColor": "transparent"}}


def escape(value: object, most: int = 600) -> Markup:
    """Text that stays text: one line, at most `most` characters, no control or bidi characters.

    For a table cell or behind other text, not for the start of a line.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    text = text if len(text) <= most else text[: most - 1] + "…"
    text = LIVE.sub("\\g<0>\u200b", text)
    return Markup(
        ACTIVE.sub(lambda match: f"&#{ord(match[0])};", text).replace("\u200b", "&#8203;")
    )


def shown(value: Any) -> Markup:
    """A value as the report shows it: numbers with four digits, a dash for a missing one."""
    if isinstance(value, Markup):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return escape(number(value) if is_number or value is None else value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = 0) -> Markup:
    """A table; a column whose name ends in a colon is aligned right.

    A table with more than `most` rows is folded; 0 folds none.
    """
    rows = list(rows)
    head = [Markup(name.rstrip(":")) for name in columns]
    rule = [Markup("--:" if name.endswith(":") else "---") for name in columns]
    text = "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in (head, rule, *rows))
    return fold(f"{len(rows)} rows", Markup(text)) if 0 < most < len(rows) else Markup(text)


def fold(title: str, content: Markup) -> Markup:
    """Content that a click on its title opens."""
    return Markup(f"<details>\n<summary>{escape(title)}</summary>\n\n{content}\n\n</details>")


def label(value: object, most: int = 28) -> str:
    """A name in a chart: characters with a meaning in Mermaid's language become underscores."""
    plain = "".join(c if c.isalnum() or c in " .,()=+-_" else "_" for c in str(value))
    return (plain if len(plain) <= most else plain[: most - 1] + "…").strip() or "_"


def chart(
    title: str, names: Sequence[object], axis: str, lines: Sequence[Sequence[float]] = (),
    bars: Sequence[float] = (), names_axis: str = "",
) -> Markup:  # fmt: skip
    """A fenced Mermaid chart: `lines` over `names`, or `bars`, all positive, beside them.

    axis: the title of the axis of values, with its unit; names_axis: that of the names.

    https://mermaid.js.org/syntax/xyChart.html. Mermaid draws two equal names as one, so these get
    a number.
    """
    size = {"xyChart": {"height": 120 + 26 * len(names)}} if bars else {}
    text = [
        "```mermaid",
        f"%%{{init: {json.dumps({**size, 'themeVariables': LOOK})}}}%%",
        f"xychart-beta{' horizontal' if bars else ''}",
        f'  title "{label(title, 80)}"',
        f'  x-axis "{label(names_axis, 60)}" {_names(names)}',
        f'  y-axis "{label(axis, 60)}"' + (f" 0 --> {_plain(max(bars))}" if bars else ""),
        *(f"  line [{', '.join(map(_plain, line))}]" for line in lines),
        *([f"  bar [{', '.join(map(_plain, bars))}]"] if bars else []),
        "```",
    ]
    return Markup("\n".join(text))


def _names(names: Sequence[object]) -> str:
    labels = [label(name) for name in names]
    unique = [f"{i} {name}" if labels.count(name) > 1 else name for i, name in enumerate(labels, 1)]
    return json.dumps(unique, ensure_ascii=False)


def _plain(value: float) -> str:
    """Four digits without an exponent, which Mermaid does not read."""
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")


def fit(sections: Sequence[str], most: int) -> str:
    """As many sections as fit into `most` bytes of UTF-8, the first ones with priority.

    A section is kept or left out as a whole; the ones after an overlong section may still fit. The
    last line names what was left out.
    """
    kept: list[str] = []
    omitted: list[str] = []
    room = most - 1000  # the last line has its room
    for section in sections:
        if (size := len(section.encode()) + 2) <= room:
            kept, room = [*kept, section], room - size
        else:
            omitted.append(section.partition("\n")[0].strip("# "))
    if omitted:
        whole = "the summary of the job, or the page that `make report` draws"
        kept.append(f"Left out for length: {', '.join(omitted)}. All of it: {whole}.")
    return "\n\n".join(kept) + "\n"
