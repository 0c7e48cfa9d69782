"""GitHub's Markdown out of values that nobody has checked: text, tables, charts, and length.

Names of columns, categories and files come from data. None of them may add an element, a cell, a
mention or a link to a page; `escape` and `label` are the only two ways in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from mlops_loop.text import number

# What Markdown and HTML give a meaning to within a line; a low line has none inside of a word.
ACTIVE = re.compile(r"[!#$&*<>@\[\\\]^`{|}~]|(?<![^\W_])_|_(?![^\W_])")
# GitHub makes links of these after it has read the Markdown, so an entity does not stop it. A
# space without width does, which is how Renovate and Dependabot write foreign text.
LIVE = re.compile(r"(?i:[@#]|:(?=//|[\w+-]+:)|www(?=\.)|gh(?=-\d))")
# To be seen on white and on black.
LOOK = {"xyChart": {"plotColorPalette": "#1098ad, #e8590c", "backgroundColor": "transparent"}}


def escape(value: object, most: int = 600) -> Markup:
    """Text that stays text: one line, at most `most` characters, no control or bidi characters.

    It may stand in a table or behind other text, not at the start of a line.
    """
    text = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    text = text if len(text) <= most else text[: most - 1] + "…"
    text = LIVE.sub("\\g<0>\u200b", text)
    return Markup(
        ACTIVE.sub(lambda found: f"&#{ord(found[0])};", text).replace("\u200b", "&#8203;")
    )


def shown(value: Any) -> Markup:
    """A value as the report shows it: numbers with four digits, a dash for what does not exist."""
    if isinstance(value, Markup):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return escape(number(value) if is_number or value is None else value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], most: int = 0) -> Markup:
    """A table; a column whose name ends in a colon is aligned right.

    One with more than `most` rows (0: any number) is folded.
    """
    rows = list(rows)
    lines = [[Markup(name.rstrip(":")) for name in columns]]
    lines += [[Markup("--:" if name.endswith(":") else "---") for name in columns], *rows]
    text = "\n".join("| " + " | ".join(map(shown, line)) + " |" for line in lines)
    return fold(f"{len(rows)} rows", Markup(text)) if 0 < most < len(rows) else Markup(text)


def fold(title: str, content: Markup) -> Markup:
    """Content behind a line that opens it."""
    return Markup(f"<details>\n<summary>{escape(title)}</summary>\n\n{content}\n\n</details>")


def label(value: object, most: int = 28) -> str:
    """A name in a chart: what has a meaning in Mermaid's language becomes a low line."""
    plain = "".join(c if c.isalnum() or c in " .,()=+-_" else "_" for c in str(value))
    return (plain if len(plain) <= most else plain[: most - 1] + "…").strip() or "_"


def chart(
    title: str, names: Sequence[object], axis: str, lines: Sequence[Sequence[float]] = (),
    bars: Sequence[float] = (),
) -> Markup:  # fmt: skip
    """A fenced Mermaid chart: `lines` over `names`, or `bars`, all positive, beside them.

    https://mermaid.js.org/syntax/xyChart.html; two equal names would be drawn as one.
    """
    labels = [label(name) for name in names]
    labels = [
        f"{i + 1} {name}" if labels.count(name) > 1 else name for i, name in enumerate(labels)
    ]
    config = {"xyChart": {"height": 120 + 26 * len(names)}} if bars else {}
    config |= {"themeVariables": LOOK}
    text = [
        "```mermaid",
        f"%%{{init: {json.dumps(config)}}}%%",
        f"xychart-beta{' horizontal' if bars else ''}",
        f'  title "{label(title, 80)}"',
        f"  x-axis {json.dumps(labels, ensure_ascii=False)}",
        f'  y-axis "{label(axis, 60)}"' + (f" 0 --> {_plain(max(bars))}" if bars else ""),
        *(f"  line [{', '.join(map(_plain, line))}]" for line in lines),
        *([f"  bar [{', '.join(map(_plain, bars))}]"] if bars else []),
        "```",
    ]
    return Markup("\n".join(text))


def _plain(value: float) -> str:
    """Four digits without an exponent, which Mermaid does not read."""
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")


def fit(sections: Sequence[str], most: int) -> str:
    """The sections in `most` bytes of UTF-8, the first ones before all others.

    Sections are kept or left out as a whole, so that nothing is cut open; one too long does not
    take those behind it along. A last line names what was left out.
    """
    kept, left, room = [], [], most - 1000  # the last line has its room
    for section in sections:
        if (size := len(section.encode()) + 2) <= room:
            kept, room = [*kept, section], room - size
        else:
            left.append(section.partition("\n")[0].strip("# "))
    if left:
        whole = "the summary of the job, or the page that `make report` draws"
        kept.append(f"Left out for length: {', '.join(left)}. All of it: {whole}.")
    return "\n\n".join(kept) + "\n"
