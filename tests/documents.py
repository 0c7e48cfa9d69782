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


@dataclass(frozen=True)
class Problem:
    """A section of a runbook: the words that are seen, what to type, the words at the end."""

    seen: str
    commands: list[str]
    over: str
    prose: str


def problems(document: Path) -> dict[str, Problem]:
    """Return the sections by their headings; each has words, commands, and words again."""
    found = {}
    for part in re.split(r"^## ", document.read_text(encoding="utf-8"), flags=re.M)[1:]:
        title, _, text = part.partition("\n")
        kinds, texts = zip(*FENCE.findall(text), strict=True)
        assert kinds == ("text", "sh", "text"), title
        prose = FENCE.sub("", text)
        found[title] = Problem(texts[0].strip(), texts[1].splitlines(), texts[2].strip(), prose)
    return found


def says(words: str, printed: str) -> bool:
    """Whether these words are in what was printed; `...` stands for anything, lines may break."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in words.split("...")]
    return bool(re.search(r"\s*.*?\s*".join(parts), printed, re.S))
