"""Links of pages lead somewhere, and the pictures of the stages are those of dvc.yaml."""

import itertools
import json
import re
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, TEMPLATE

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *TEMPLATE.glob("*.md"),
    *(TEMPLATE / "deploy").rglob("*.md"),
    *(TEMPLATE / "loop").glob("*.md"),
    *(TEMPLATE / "loop" / "docs").glob("*.md"),
]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def name_of(page: Path) -> str:
    """Return a page's path as a test id."""
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """Return what GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def links(text: str) -> list[tuple[str, str]]:
    """Return path and heading of each link, for every place of production."""
    targets = json.loads((ROOT / "cookiecutter.json").read_text())["deploy_target"]
    place = "<<cookiecutter.deploy_target>>"
    texts = [text.replace(place, target) for target in targets] if place in text else [text]
    return [link for text in texts for link in LINK.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    """To a file of the repository, and to a heading where one is named."""
    for path, anchor in links(page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", [ROOT / "README.md", TEMPLATE / "README.md"], ids=name_of)
def test_the_picture_shows_every_stage(page):
    """In the order of dvc.yaml."""
    stages = yaml.safe_load((TEMPLATE / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert " --> ".join(stages) in page.read_text(encoding="utf-8")


NAMED_TEST = re.compile(r"`((?:loop/)?tests/[\w/]+\.py)(?:::(\w+))?`")


def named_tests() -> list[tuple[Path, str]]:
    """Return file and name of each test that the threat model names."""
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    places = {True: TEMPLATE, False: ROOT}
    return [(places[p.startswith("loop/")] / p, name) for p, name in NAMED_TEST.findall(text)]


@pytest.mark.parametrize("path, name", named_tests(), ids=lambda part: getattr(part, "stem", part))
def test_a_control_has_its_test(path, name):
    """The test that shows it is there."""
    assert f"def {name}(" in path.read_text(encoding="utf-8") if name else path.exists()


def test_every_control_has_a_test():
    """In each row of the threat model with three columns about what may happen."""
    rows = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8").splitlines()
    places = [n for n, row in enumerate(rows) if row.startswith("| what may happen |")]
    assert len(places) == 4
    for n in places:
        for row in itertools.takewhile(lambda row: row.startswith("|"), rows[n + 2 :]):
            assert NAMED_TEST.search(row), row


def test_a_lost_heading_is_noticed():
    """Anchors are written as GitHub writes them."""
    assert "the-host-does-not-follow" in anchors(TEMPLATE / "loop" / "docs" / "runbook.md")
