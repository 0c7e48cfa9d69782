"""A project in a git repository, whose models are trained by hand; and what data may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from <<cookiecutter.__package_name>>.bundle import Bundle
from <<cookiecutter.__package_name>>.delivery import registry


@dataclass
class Project:
    """`train("a")` leaves a bundle and its dvc.lock, as `dvc repro` does; `commit` keeps both."""

    root: Path
    _git: Callable[..., str]
    _write: Callable[..., Bundle]
    _dvc: bool = False

    def git(self, *args):
        return self._git(self.root, *args)

    def train(self, mark):
        made = self._write(self.root / registry.BUNDLE, mark)
        outs = [{"path": registry.BUNDLE, "hash": "md5", "md5": registry.folder_hash(made.folder)}]
        stages = {"export": {"cmd": "exit 1", "outs": outs}}
        (self.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
        return made

    def store(self):
        """Let DVC store the bundle and write its own lock."""
        with Repo(str(self.root)) as repo:
            repo.commit(force=True)

    def commit(self, message="Train the model"):
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def ship(self, mark):
        """Train and commit; return the bundle and a verdict that lets it pass."""
        made = self.train(mark)
        if self._dvc:
            self.store()
        self.commit(f"Train {mark}")
        return made, promote(made)


def promote(made):
    return {"decision": "PROMOTE", "challenger": made.id, "overridden": False}


@pytest.fixture
def start_project(git, write_bundle) -> Callable[[Path], Project]:
    """`start_project(folder)` makes a repository without a commit; models/ is ignored by git."""

    def start(root: Path) -> Project:
        root.mkdir(parents=True, exist_ok=True)
        git(root, "init", "--quiet", "--initial-branch=main")
        (root / ".gitignore").write_text("/models/\n/build/\n")
        return Project(root, git, write_bundle)

    return start


@pytest.fixture
def project(start_project, tmp_path) -> Project:
    return start_project(tmp_path / "project")


@pytest.fixture
def dvc_project(project) -> Project:
    """A project whose bundles DVC itself stores and locks."""
    Repo.init(str(project.root)).close()
    stage = {"cmd": "exit 1", "outs": [registry.BUNDLE]}
    (project.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"export": stage}}))
    return replace(project, _dvc=True)


NASTY = (
    "a|b", "`a`", "```", "line\nbreak", "<script>alert(1)</script>", "</details>", "@everyone",
    "#1", "GH-1", "owner/name#2", "me@example.org", "[a](b)", "![a](//b)", "https://a.example",
    "www.a.example", ":smile:", "<!-- model-report -->", "%%{init: {}}%%", '"; bar [1]', "\u202ea",
    "**b**", "_b_", "~~b~~", "&lt;", "&#64;everyone", "\\", "$x$", "a\\|b", "---", "\x1b[31m",
)  # fmt: skip


class Elements(HTMLParser):
    """`tags` in their order, and `cells`: the text of each cell of a table.

    `live` is what GitHub would make a mention, a link or an emoji of: not within code.
    """

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.text, self.code = [], [], "", 0
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
        self.close()

    @property
    def live(self):
        return re.findall(r"(?i)@\w|#\w|\bgh-\d|www\.|:[a-z/]", self.text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.code += tag == "code"
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        self.code -= tag == "code"

    def handle_data(self, data):
        self.text += "" if self.code else data
        if self.cells:
            self.cells[-1] += data

    def handle_comment(self, data):
        self.tags.append("comment")


@pytest.fixture(scope="session")
def nasty_parts():
    return NASTY


@pytest.fixture(scope="session")
def nasty():
    """Any text, and text that means something to Markdown, HTML, GitHub or Mermaid."""
    return st.text() | st.lists(st.sampled_from(NASTY), max_size=4).map("".join)


@pytest.fixture(scope="session")
def read():
    """`read(markdown)`: its elements, HTML within too."""
    return Elements
