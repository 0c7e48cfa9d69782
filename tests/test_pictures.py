"""The pictures of the README: the terminal's is that of a log, and all are of today's demo."""

import re
import xml.etree.ElementTree as ET

import pytest
from conftest import ROOT, TEMPLATE

from tools import terminal

PICTURES = ROOT / "docs" / "pictures"
LOG = f"""\
make[1]: Entering directory
=== 1. A first model
$ loop gate
PROMOTE: <it> may be the first model
not told
v1.0.0 is in production as sha256:{"ab" * 32}, and so on: {"x" * 99}
=== 2. A worse one
$ loop gate
REJECT: comparison
=== Time of each step
     6.0 s  1. A first model
     2.0 s  2. A worse one
     8.1 s  in all
"""


def texts(svg: str) -> list[str]:
    """Return the lines of a picture."""
    rows = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # our own
    return [row.text for row in rows]


def test_the_story_is_told_in_the_words_of_the_log():
    """Titles, commands and outcomes; wide lines are cut, marks of XML stay text."""
    lines = texts(terminal.svg(LOG))
    assert lines[:3] == ["$ make demo", "=== 1. A first model", "$ loop gate"]
    assert lines[3] == "PROMOTE: <it> may be the first model"
    assert "not told" not in lines and lines[-1] == "REJECT: comparison"
    assert lines[4].startswith("v1.0.0 is in production as sha256:ababab, and")
    assert max(map(len, lines)) == terminal.COLUMNS


def test_each_part_takes_its_share_of_the_time():
    """The second part begins when three quarters are over, as in the run."""
    lines = list(terminal.told(LOG))
    at = terminal.starts(lines, terminal.seconds(LOG))
    begins = dict(zip((text for _, text in lines), at, strict=True))["=== 2. A worse one"]
    assert begins == pytest.approx(terminal.PLAYED_S * 0.75)
    assert at == sorted(at)


def test_a_run_that_did_not_end_is_no_picture():
    """Its story would stop in the middle."""
    with pytest.raises(ValueError, match="no log of a whole"):
        terminal.svg(LOG.partition("=== Time")[0])


def test_the_recorded_run_is_of_the_demo_of_today():
    """The titles of its steps are those that the demo has now."""
    source = (TEMPLATE / "loop" / "tools" / "demo.py").read_text(encoding="utf-8")
    table = source.partition("STEPS = {")[2].partition("}")[0]
    steps = re.findall(r'^    "(.*)": \w+,$', table, re.M)
    recorded = [t.removeprefix("=== ") for t in texts((PICTURES / "demo.svg").read_text("utf-8"))]
    assert [line for line in recorded if line in steps] == steps and len(steps) == 8


def test_each_picture_is_in_the_readme_and_no_other():
    """None is forgotten, and none is missing."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"!\[[^]]+\]\(docs/pictures/([\w.]+)\)", page)
    assert sorted(named) == sorted(path.name for path in PICTURES.iterdir())
    for name in named:
        assert (PICTURES / name).read_bytes().startswith((b"\x89PNG", b"<svg"))
