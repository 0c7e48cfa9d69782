"""The pages as a site: complete, without a lost link, and with nothing of another host."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from conftest import DEFAULTS, ROOT, TEMPLATE

from tools import build_site, questions

LOADED = {"script": "src", "link": "href", "img": "src", "source": "src", "iframe": "src"}
PAGES = [*ROOT.glob("docs/*.md"), *TEMPLATE.glob("loop/docs/*.md")]


class Addresses(HTMLParser):
    """What a page loads, where it leads, and the places in it that a link may name."""

    def __init__(self, page: Path):
        """Read a page."""
        super().__init__()
        self.loads, self.links, self.places = [], [], set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Collect the addresses of a tag."""
        values = dict(attrs)
        self.places.add(values.get("id"))
        if address := values.get(LOADED.get(tag, "")):
            self.loads.append(address)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])


@pytest.fixture(scope="module")
def site(baked, tmp_path_factory) -> Path:
    """Build the site, as `make site` does."""
    folder = tmp_path_factory.mktemp("site")
    build_site.lay_out(baked(DEFAULTS), folder / "source")
    assert build_site.build(folder / "source", folder / "site") == 0
    return folder / "site"


def test_every_page_is_there(site):
    """Those of the template, and those of the loop whatever the answers."""
    shown = {path.with_suffix("").relative_to(site).as_posix() for path in site.rglob("*.html")}
    places = {page: page.parent.relative_to(ROOT).as_posix() for page in PAGES}
    for page, place in places.items():
        assert f"{place}/{page.stem}".replace(TEMPLATE.name, "project") in shown


def test_links_lead_somewhere_and_nothing_comes_from_another_host(site):
    """Each page and file of the site is there, and the place in it."""
    known = {page.resolve(): Addresses(page) for page in site.rglob("*.html")}
    for page, addresses in known.items():
        assert [url for url in addresses.loads if urlsplit(url).netloc] == []
        for link in [*addresses.loads, *addresses.links]:
            url = urlsplit(link)
            if url.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            assert target.exists(), (page.name, link)
            if url.fragment and target in known:
                assert unquote(url.fragment) in known[target].places, (page.name, link)


def test_what_is_no_page_is_in_the_repository(site):
    """A link from the site to code leads to a file that is there."""
    start = build_site.REPOSITORY
    links = {link for page in site.rglob("*.html") for link in Addresses(page).links}
    found = [unquote(urlsplit(link).path) for link in links if link.startswith(start)]
    assert found
    for path in found:
        assert (ROOT / path.removeprefix(urlsplit(start).path)).exists(), path


def test_diagrams_are_pictures(site):
    """Drawn when the site is built: no page runs a program for them."""
    page = (site / "README.html").read_text(encoding="utf-8")
    assert re.search(r'<img alt="Diagram" src="_images/diagram-\w+\.svg"', page)
    assert "language-mermaid" not in page


FAULTS = {
    "a lost page": ("[this](lost.md)", "lost.md"),
    "a lost heading": ("[this](page.md#lost)", "local id not found in doc 'page': 'lost'"),
    "a lost picture": ("![this](lost.png)", "lost.png"),
    "a page in no list": ("", "toctree"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_stops_the_build(tmp_path, capfd, fault):
    """With its name."""
    text, named = FAULTS[fault]
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text((ROOT / "docs/site/conf.py").read_text("utf-8"))
    entry = "" if named == "toctree" else "\n```{toctree}\npage\n```\n"
    (source / "index.md").write_text(f"# Start\n\n[a page](page.md#a-page)\n{entry}")
    (source / "page.md").write_text(f"# A page\n\n{text}\n")
    assert build_site.build(source, tmp_path / "site") != 0
    assert named in capfd.readouterr().err


def test_the_page_of_questions_is_that_of_cookiecutter_json():
    """`python tools/questions.py` writes it."""
    assert questions.PAGE.read_text(encoding="utf-8") == questions.page()
