"""A page out of the report's Markdown, as GitHub would show it; no network, no script."""

from __future__ import annotations

import base64
import html
import re
from pathlib import Path

import jinja2
import mermaidx
import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

# What GitHub leaves of HTML: github.com/gjtorikian/html-pipeline, its allow list.
ELEMENTS = (
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img div ins del sup sub p ol ul li table thead "
    "tbody tfoot tr td th blockquote dl dt dd kbd q samp var hr s strike summary details span"
)
BLOCK = re.compile(r'<pre><code class="language-mermaid">(.*?)</code></pre>', re.DOTALL)


def draw(text: str) -> str:
    """The whole page; charts are drawn by Mermaid's own code, for light and for dark."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    content = nh3.clean(
        parser.render(text),
        tags=set(ELEMENTS.split()),
        attributes={"code": {"class"}, "th": {"style"}, "td": {"style"}, "a": {"href"}},
        filter_style_properties={"text-align"},
    )
    template = Path(__file__).with_name("page.html.jinja").read_text(encoding="utf-8")
    return jinja2.Template(template, autoescape=True).render(
        content=Markup(BLOCK.sub(_chart, content))
    )


def _chart(found: re.Match[str]) -> str:
    text = html.unescape(found[1])
    light, dark = (
        _address(mermaidx.render(text, theme=theme).svg()) for theme in ("default", "dark")
    )
    source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    return f'<picture>{source}<img alt="{html.escape(text)}" src="{light}"></picture>'


def _address(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
