"""A recorded run of `make demo` as an SVG that types itself: the lines that tell its story.

    make demo 2>&1 | tee build/demo.log
    python tools/terminal.py build/demo.log docs/pictures/demo.svg

Each line is one that the run printed, cut at the width of the terminal. A part takes a share of
the time that the run took for it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

COLUMNS, PLAYED_S = 100, 24.0
WIDTH, HEIGHT, LEFT = 8.4, 19, 16  # of a character, of a line, of the margin, in pixels
TITLE = re.compile(r"=== (.*)")
TOLD = re.compile(
    r"\$ loop (repro|gate|registry register|deploy|rollback|monitor evaluate)"
    r"|PROMOTE|REJECT|fail  comparison|pass  comparison|  roc_auc  |SmokeFailed|  reality|Flight "
    r"|v\S+ is in production|UsageError|model: |  \(exit code"
)
SECONDS = re.compile(r" +([\d.]+) s  (.*)")
COLOURS = {
    "===": "#7aa2f7", "$": "#c0caf5", "PROMOTE": "#9ece6a", "pass": "#9ece6a", "REJECT": "#f7768e",
    "fail": "#f7768e", "SmokeFailed": "#f7768e", "UsageError": "#e0af68", "model: alarm": "#f7768e",
    "model: ok": "#9ece6a",
}  # fmt: skip


def told(log: str) -> Iterator[tuple[str, str]]:
    """Give each part's title with the lines of it that are shown, in their order."""
    title = ""
    for line in log.partition("=== Time of each step")[0].splitlines():
        if found := TITLE.fullmatch(line):
            title = found[1]
        if title and (found or TOLD.match(line)):
            yield title, shown(line)


def shown(line: str) -> str:
    """Give a line as wide as the terminal, without the digits of digests that nobody reads."""
    line = re.sub(r"(sha256:[0-9a-f]{6})[0-9a-f]{58}", r"\1", line)
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…"


def seconds(log: str) -> dict[str, float]:
    """Give what each part took, as the run says at its end."""
    table = log.partition("=== Time of each step")[2]
    rows = filter(None, map(SECONDS.fullmatch, table.splitlines()))
    return {row[2]: float(row[1]) for row in rows}


def starts(lines: list[tuple[str, str]], took: dict[str, float]) -> list[float]:
    """Give the second at which each line appears: the parts in turn, the lines of a part evenly."""
    parts = list(dict.fromkeys(title for title, _ in lines))
    whole, begun, found = sum(took[title] for title in parts), 0.0, []
    for part in parts:
        n, length = sum(title == part for title, _ in lines), PLAYED_S * took[part] / whole
        found += [begun + length * i / n for i in range(n)]
        begun += length
    return found


def svg(log: str) -> str:
    """Give the picture; raises ValueError for a log of a run that did not end."""
    lines, took = [("", "$ make demo"), *told(log)], {"": 1.0} | seconds(log)
    if "in all" not in took or len(lines) < 2:
        raise ValueError("this is no log of a whole `make demo`")
    rows = zip(lines, starts(lines, took), strict=True)
    texts = [row(i, text, at) for i, ((_, text), at) in enumerate(rows)]
    size = f'width="{COLUMNS * WIDTH + 2 * LEFT:.0f}" height="{(len(texts) + 1) * HEIGHT + LEFT}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>make demo, {took['in all']:.0f} seconds in {PLAYED_S:.0f}</title>",
            "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
            "white-space:pre;animation:show 1ms both}@keyframes show{from{opacity:0}}"
            "@media(prefers-reduced-motion:reduce){text{animation:none}}</style>",
            '<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>',
            *texts,
            "</svg>\n",
        ]
    )


def row(i: int, text: str, at: float) -> str:
    """Give one line, which appears `at` so many seconds."""
    colour = next((c for begin, c in COLOURS.items() if text.startswith(begin)), "#a9b1d6")
    y = LEFT + (i + 1) * HEIGHT
    style = f"animation-delay:{at:.2f}s"
    return f'<text x="{LEFT}" y="{y}" fill="{colour}" style="{style}">{escape(text)}</text>'


def main() -> None:
    """Write the picture of a log."""
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    log, picture = map(Path, sys.argv[1:])
    picture.write_text(svg(log.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
