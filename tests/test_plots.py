"""The page of `dvc plots show` in a real browser, without a network."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import TASKS, check, environment_of, give_environment
from playwright.sync_api import expect
from test_page import NARROW, WIDE, browser  # noqa: F401  # a fixture

TITLES = {
    "classification": {
        "Permutation importance": ("loss of the metric when shuffled", "column"),
        "Receiver operating characteristic": ("false positive rate", "true positive rate"),
        "Precision and recall": ("recall", "precision"),
        "Calibration": ("predicted probability", "observed share"),
        "Decisions: holdout rows": ("predicted class", "actual class"),
    },
    "regression": {
        "Permutation importance": ("loss of the metric when shuffled (min)", "column"),
        "Predicted and actual": ("predicted (min)", "actual (min)"),
        "Residuals: actual - predicted": ("residual (min)", "holdout rows"),
    },
    "clustering": {
        "Permutation importance": ("loss of the metric when shuffled", "column"),
        "Clusters by size": ("holdout rows", "cluster"),
        "Silhouettes of the holdout": ("share of rows", "silhouette"),
    },
}


@pytest.fixture(scope="module")
def page_of(trained_project, module_path):
    """Give a function that makes the page of a task as the README says, and returns its address."""
    known = {}

    def make(task: str) -> str:
        if task not in known:
            folder = module_path / task / "flight-delays"
            shutil.copytree(trained_project(task), folder, symlinks=True)
            give_environment(folder, trained_project(task))
            environment = environment_of(folder)
            check("make", "pipeline", cwd=folder, env=environment)
            said = check("dvc", "plots", "show", cwd=folder, env=environment)
            known[task] = re.search(r"file://\S+", said)[0]
        return known[task]

    return make


@pytest.fixture
def visit(browser):  # noqa: F811
    """Give a function that opens a page offline; an error, or a request to a server, fails."""
    contexts, wrong = [], []

    def open_page(address, **options):
        contexts.append(browser.new_context(**{"viewport": WIDE, "offline": True} | options))
        page = contexts[-1].new_page()
        page.on("request", lambda r: r.url.startswith("file:") or wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("task", TASKS)
def test_every_plot_is_drawn_offline(visit, page_of, task):
    """With a title, titles of both axes with units, and a legend."""
    page = visit(page_of(task))
    expect(page.locator("#missing")).to_be_hidden()
    charts = page.locator("main svg.marks")
    expect(charts).to_have_count(len(TITLES[task]))
    for title, axes in TITLES[task].items():
        chart = charts.filter(has_text=title)
        for text in axes:
            expect(chart.get_by_text(text, exact=True).first).to_be_visible()
        expect(chart.locator(".role-legend")).to_be_visible()


def test_the_largest_importance_is_first(visit, page_of):
    """The order is that of the losses, not of the alphabet."""
    page = visit(page_of("classification"))
    chart = page.locator("main svg.marks").filter(has_text="Permutation importance")
    labels = chart.locator(".role-axis-label text").all_text_contents()
    names = [label for label in labels if re.match("[a-z]", label)]
    assert names[0] == "departure_hour"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(visit, page_of, scheme):
    """The colour of titles is not that of the page."""
    page = visit(page_of("classification"), color_scheme=scheme)
    title = page.locator("svg text").filter(has_text="Permutation importance").first
    expect(title).to_be_visible()
    fill = title.evaluate("node => getComputedStyle(node).fill")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = {"dark": (fill, ground), "light": (ground, fill)}[scheme]
    assert [sum(map(int, re.findall(r"\d+", color)[:3])) > 380 for color in dark] == [True, False]


def test_a_phone_scrolls_only_charts(visit, page_of):
    """The page itself is as wide as the screen."""
    page = visit(page_of("classification"), viewport=NARROW)
    expect(page.locator("main svg.marks")).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_without_the_script_the_page_says_what_to_do(visit, page_of, tmp_path):
    """It was copied alone, or `make pipeline` has not run since the environment was made."""
    page = Path(page_of("classification").removeprefix("file://"))
    shutil.copy2(page, tmp_path)
    opened = visit((tmp_path / page.name).as_uri())
    expect(opened.get_by_text("make dvc_plots/vega.js")).to_be_visible()
