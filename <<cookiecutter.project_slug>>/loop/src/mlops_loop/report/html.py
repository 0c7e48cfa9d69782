"""The report's Markdown as a page that looks as on GitHub; without network and scripts."""

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

# The HTML elements that GitHub keeps: the allow list of github.com/gjtorikian/html-pipeline.
ELEMENTS = (
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img div ins del sup sub p ol ul li table thead "
    "tbody tfoot tr td th blockquote dl dt dd kbd q samp var hr s strike summary details span"
)
BLOCK = re.compile(r'<pre><code class="language-mermaid">(.*?)</code></pre>', re.DOTALL)


def draw(text: str) -> str:
    """The whole page. Mermaid's own code draws the charts, each for light and for dark."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    content = nh3.clean(
        parser.render(text),
        tags=set(ELEMENTS.split()),
        attributes={"code": {"class"}, "th": {"style"}, "td": {"style"}, "a": {"href"}},
        filter_style_properties={"text-align"},
    )
    template = Path(__file__).with_name("page.html.jinja").read_text(encoding="utf-8")
    body = Markup(BLOCK.sub(_chart, content))
    return jinja2.Template(template, autoescape=True).render(content=body)


def _chart(block: re.Match[str]) -> str:
    text = html.unescape(block[1])
    pictures = (mermaidx.render(text, theme=theme).svg() for theme in ("default", "dark"))
    light, dark = map(_data_url, pictures)
    source = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    return f'<picture>{source}<img alt="{html.escape(text)}" src="{light}"></picture>'


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
