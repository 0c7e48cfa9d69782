"""The web page of a trained project in a real browser: with and without JavaScript, by keyboard."""

import re
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import require_tool
from playwright.sync_api import expect, sync_playwright

WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}


@contextmanager
def serving(project, folder):
    """Serve the project's bundle by its own command on a free port; give the printed address."""
    command = [project / ".venv/bin/loop", "serve", "--port", "0"]
    log = folder / "serve.log"
    with log.open("w") as out, subprocess.Popen(command, cwd=project, stdout=out) as server:
        try:
            yield printed_address(log)
        finally:
            server.terminate()
            assert server.wait(timeout=30) in (0, -signal.SIGTERM)


def printed_address(log):
    """Wait until the server has printed its address and return it."""
    for _ in range(240):
        if found := re.search(r"http://\S+", log.read_text()):
            return found[0]
        time.sleep(0.25)
    pytest.fail("serve printed no address")


@pytest.fixture(scope="module")
def address(trained_project, module_path):
    """Give the address of the served classifier."""
    with serving(trained_project("classification"), module_path) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    """Give Debian's chromium, which loads nothing by itself."""
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    path = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """Give a function that opens the page; what it asks of other servers fails the test."""
    contexts, foreign = [], []

    def open_page(path="", **options):
        context = browser.new_context(**{"viewport": WIDE} | options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url.startswith(address) or foreign.append(r.url))
        page.on("pageerror", lambda error: foreign.append(str(error)))
        page.goto(address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not [url for url in foreign if not url.startswith(("data:", "blob:"))]


def shows_prediction(page):
    """Expect one of the two classes, with its probability, and the model version."""
    expect(page.locator(".verdict")).to_have_text(re.compile("^(on time|late)$"))
    expect(page.locator("#result dd").first).to_have_text(re.compile(r"^\d+\.\d %$"))
    expect(page.locator(".facts dd").first).to_have_text(re.compile(r"^(unregistered|v\d.*)$"))


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_predicts(visit, scripts):
    """A changed form gives another prediction, and keeps what was typed."""
    page = visit(java_script_enabled=scripts)
    page.get_by_label("From").select_option("LGA")
    page.get_by_label("Scheduled departure").fill("19.5")
    page.get_by_role("button", name="Predict").click()
    shows_prediction(page)
    expect(page.get_by_label("Scheduled departure")).to_have_value("19.5")


def test_predicts_without_a_reload(visit):
    """With JavaScript the page stays: what a script left in it is still there."""
    page = visit()
    page.evaluate("window.kept = true")
    page.get_by_role("button", name="Predict").click()
    shows_prediction(page)
    assert page.evaluate("window.kept")


def test_keyboard_only(visit):
    """Tab reaches every field and the button, and Enter predicts."""
    page = visit()
    focused = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused.append(page.evaluate("document.activeElement.name || document.activeElement.type"))
        if focused[-1] == "submit":
            break
    page.keyboard.press("Enter")
    shows_prediction(page)
    assert {"carrier", "origin", "dest", "weekday", "visib"} <= set(focused)


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_error_beside_its_field(visit, scripts):
    """A wrong text is explained beside its field, which is marked and described by it."""
    page = visit(java_script_enabled=scripts)
    page.get_by_label("To", exact=True).fill("Boston")
    page.get_by_role("button", name="Predict").click()
    field = page.get_by_label("To", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("right form.*three capital letters"))
    expect(page.locator(".verdict.error")).to_have_text("1 value is not allowed")
    if scripts:
        expect(field).to_be_focused()


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_what_moved_it(visit, scripts):
    """The prediction tells which columns moved it, in a table with a caption."""
    page = visit(java_script_enabled=scripts)
    page.get_by_role("button", name="Predict").click()
    table = page.get_by_role("table", name="Effect of each value")
    expect(table.get_by_role("row").nth(1)).to_have_text(re.compile(r"[+-]\d+\.\d points"))


def test_many_cases(visit, address):
    """A table is uploaded, shown and given back; what is wrong is reported with its row."""
    page = visit()
    with urllib.request.urlopen(f"{address}example.csv", timeout=10) as answer:  # noqa: S310
        table = answer.read()
    field, button = page.get_by_label("A CSV file"), page.get_by_role("button", name="Upload")
    field.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": table})
    button.click()
    expect(page.get_by_role("table", name="10 of 50 rows")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all 50 rows").click()
    assert Path(download.value.path()).read_bytes().count(b"\n") == 51
    wrong = table.replace(b"JFK", b"XXX", 1)
    field.set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": wrong})
    button.click()
    expect(page.locator("#table .error").first).to_contain_text("origin: is not one of the known")


def test_model_card(visit):
    """The model card is a page with its tables, and nothing of it is against the policy."""
    page = visit("card")
    expect(page.get_by_role("heading", name="Model card")).to_be_visible()
    expect(page.get_by_role("table").first).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "no-javascript"])
def test_another_example(visit, scripts):
    """The link fills the form with another row."""
    page = visit(java_script_enabled=scripts)
    before = page.locator("#fields").inner_html()
    page.get_by_role("link", name="Another example").click()
    expect(page.get_by_role("link", name="Another example")).to_have_attribute("href", "?example=2")
    assert page.locator("#fields").inner_html() != before


def test_server_that_is_gone(visit):
    """Where the server does not answer, the page says so."""
    page = visit()
    page.context.set_offline(True)
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_text("cannot be reached")).to_be_visible()


def test_every_field_has_a_name(visit):
    """A screen reader finds a name for every control."""
    page = visit()
    controls = page.locator("#fields :is(input, select)").all()
    assert len(controls) == 13
    for control in controls:
        expect(control).to_have_accessible_name(re.compile(r"\w"))


CONTRAST = """
element => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.slice(0, 3).map(x => x / 255)
    .map(x => x <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [.2126, .7152, .0722][i], 0);
  const opaque = node => {
    const ground = numbers(getComputedStyle(node).backgroundColor);
    return ground.length === 4 && ground[3] === 0 ? opaque(node.parentElement) : ground;
  };
  const pair = [light(numbers(getComputedStyle(element).color)), light(opaque(element))];
  return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(visit, scheme):
    """Text has the contrast of WCAG AA, 4.5, on light and on dark."""
    page = visit(color_scheme=scheme)
    page.get_by_label("To", exact=True).fill("Boston")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".verdict.error")).to_be_visible()
    for selector in ("h1", "h2", "label", ".hint", ".error", ".note", "button", "nav a"):
        assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


def test_narrow_screen(visit):
    """On a telephone nothing has to be scrolled sideways."""
    page = visit(viewport=NARROW)
    page.get_by_role("button", name="Predict").click()
    shows_prediction(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    expect(page.locator(".verdict")).to_be_in_viewport()
    effects = page.locator("#result table").bounding_box()
    assert effects["x"] + effects["width"] <= NARROW["width"]


def test_documentation(visit):
    """The OpenAPI page works without a CDN: its example can be tried, and is answered."""
    page = visit("docs")
    page.locator(".opblock-post .opblock-summary-control").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_regression(browser, trained_project, tmp_path):
    """A number is shown with its unit."""
    with serving(trained_project("regression"), tmp_path) as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".verdict")).to_have_text(re.compile(r"^-?[\d.,]+ min$"))
        page.close()


def test_clustering(browser, trained_project, tmp_path):
    """The name of the cluster, and whose distance the columns change."""
    with serving(trained_project("clustering"), tmp_path) as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_role("button", name="Predict").click()
        expect(page.locator(".verdict")).to_have_text(re.compile(r"^cluster \d$"))
        expect(page.locator("#result")).to_contain_text("distance to cluster")
        profile = page.get_by_role(
            "table", name=re.compile(r"cluster \d: \d+ % of the [\d,]+ held")
        )
        expect(
            profile.get_by_role("row", name=re.compile("Distance .* miles .* miles"))
        ).to_be_visible()
        page.close()


def test_address_in_the_terminal(address):
    """The printed address answers."""
    with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310  # loopback
        assert "<form" in answer.read().decode()
