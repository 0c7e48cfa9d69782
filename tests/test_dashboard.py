"""The page `reports/dashboard.html` of a project in production, in a real browser."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import check, environment_of
from playwright.sync_api import expect
from test_page import NARROW, WIDE, browser  # noqa: F401  # a fixture

TITLES = ["In production", "Open alarms", "Performance", "Columns by day", "Checks", "Versions"]


@pytest.fixture(scope="module")
def address(trained_project, module_path) -> str:
    """Return the address that `loop monitor dashboard` prints: later months are replayed."""
    folder = module_path / "flight-delays"
    shutil.copytree(trained_project("classification"), folder, symlinks=True)
    said = check("loop", "monitor", "dashboard", cwd=folder, env=environment_of(folder))
    return re.search(r"file://\S+", said)[0]


@pytest.fixture
def visit(browser, address):  # noqa: F811
    """Give a function that opens the page; an error, or a request for anything else, fails."""
    contexts, wrong = [], []

    def open_page(**options):
        contexts.append(browser.new_context(**{"viewport": WIDE} | options))
        page = contexts[-1].new_page()
        page.on("request", lambda r: r.url == address or wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def test_it_shows_what_is_in_production(visit):
    """The verdict in words, the version, a replay that says so, and charts with names."""
    page = visit()
    assert page.locator("h2").all_text_contents() == TITLES
    expect(page.locator(".verdict")).to_have_text(re.compile("ok|drifted|harmed|broken|unknown"))
    expect(page.locator("header strong")).to_have_text(re.compile("^A replay, no traffic"))
    expect(page.locator("#age")).to_have_text("today")
    assert page.locator("section[aria-labelledby=checks] tbody tr").count() > 30
    assert page.locator("svg[role=img][aria-label]").count() == page.locator("svg").count() > 20


def test_an_old_page_says_so(visit, address):
    """The workflow has not run for days."""
    path = Path(address.removeprefix("file://"))
    text = path.read_text(encoding="utf-8")
    old = re.sub(r'datetime="[^"]+"', 'datetime="2026-01-01T00:00:00+00:00"', text)
    try:
        path.write_text(old, encoding="utf-8")
        expect(visit().locator("#age.trouble")).to_have_text(re.compile("the workflow monitor"))
    finally:
        path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_a_phone_scrolls_only_tables(visit, scripts):
    """The page itself is as wide as the screen."""
    page = visit(viewport=NARROW, java_script_enabled=scripts)
    width = page.locator("body").bounding_box()["width"]
    assert width <= NARROW["width"]
    for name in ("header", "section"):
        for box in page.locator(name).all():
            place = box.bounding_box()
            assert place["x"] + place["width"] <= NARROW["width"]


def test_the_keyboard_reaches_every_table(visit):
    """A region that scrolls has the focus and a name."""
    page = visit()
    regions, names = page.locator("[role=region]").count(), set()
    for _ in range(regions + 2):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(names - {None}) == regions > 2


def test_light_dark_and_print(visit):
    """Colours follow the system; paper is white, with nothing cut off."""
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light, dark = (visit(color_scheme=scheme).evaluate(ground) for scheme in ("light", "dark"))
    assert light != dark
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate(ground) in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
    overflow = "getComputedStyle(document.querySelector('.scroll')).overflowX"
    assert page.evaluate(overflow) == "visible"
