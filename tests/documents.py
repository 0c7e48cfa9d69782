"""Documents that tests follow: the blocks of a page, in order, as a reader would do them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
# "Replace `src/x.py` by:" right before a block names the file that the block is.
TITLE = re.compile(r"`([^`\s]+)`[^`\n]*:\s*\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block; `path` is the file that the line before it names, if any."""

    kind: str
    text: str
    path: str | None


def blocks(document: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a Markdown file from top to bottom."""
    text = document.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        title = TITLE.search(text[: found.start()].rstrip("\n"))
        yield Block(found[1], found[2], title and title[1])


def shell(document: Path) -> list[str]:
    """Return the `sh` blocks of a page."""
    return [block.text for block in blocks(document) if block.kind == "sh"]
