"""What every test starts from: no settings of the machine, a small bundle, a project in git."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
import yaml
from dvc.repo import Repo
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from <<cookiecutter.__package_name>> import bundle, contract, params
from <<cookiecutter.__package_name>>.bundle import Bundle
from <<cookiecutter.__package_name>>.delivery import registry

TARGETS = {"binary": ["no", "yes"], "multi-class": ["low", "mid", "high"], "regression": []}
CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture(autouse=True)
def isolate(tmp_path_factory, monkeypatch):
    """Git and DVC see a home of their own, a fixed identity, and no settings of this machine."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    # In a workflow, the project would act as the one who started it.
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "STORE_"))]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    for place in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{place}_DIR", str(home / place.lower()))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


@pytest.fixture(scope="session")
def listening() -> Callable[[socketserver.BaseServer], Any]:
    """`with listening(server) as server:` answers in a thread until the block ends."""

    @contextmanager
    def run(server: socketserver.BaseServer) -> Iterator[Any]:
        with server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()

    return run


@pytest.fixture
def git() -> Callable[..., str]:
    """`git(folder, "tag", "--list")` runs git and returns what it prints."""

    def run(folder: Path, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    return run


@pytest.fixture
def write_bundle() -> Callable[..., bundle.Bundle]:
    """`write_bundle(folder, "a")` writes a bundle that loads; another mark, another id."""

    def write(folder: Path, mark: str = "a") -> bundle.Bundle:
        folder.mkdir(parents=True, exist_ok=True)
        columns = (contract.Column("distance", "number", minimum=0),)
        classes = ("on time", "late")
        contract.Contract("classification", "late", columns, classes).save(folder / "contract.json")
        (folder / "reference.json").write_text("{}\n")
        (folder / "golden.jsonl").write_text('{"row": {"distance": 1.0}, "score": [0.9, 0.1]}\n')
        (folder / "metrics.json").write_text(json.dumps({"mark": mark}) + "\n")
        (folder / "model_card.md").write_text(f"# Model {mark}\n")
        bundle.write_manifest(folder, {"data": mark})
        return bundle.load(folder)

    return write


@pytest.fixture
def make_contract() -> Callable[..., contract.Contract]:
    """`make_contract("binary")`: a contract without columns."""

    def make(kind: str = "binary", threshold: float = 0.5) -> contract.Contract:
        task = "regression" if kind == "regression" else "classification"
        return contract.Contract(task, "outcome", (), tuple(TARGETS[kind]), threshold, "EUR")

    return make


@pytest.fixture
def make_scores() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """`make_scores("binary", 200)`: true values and scores of a fair model."""

    def make(kind: str = "binary", n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        if kind == "regression":
            y = rng.normal(10, 4, n)
            return y, y + rng.normal(0, 1, n)
        y = rng.integers(0, len(TARGETS[kind]), n)
        weights = rng.random((n, len(TARGETS[kind]))) + np.eye(len(TARGETS[kind]))[y] / 3
        return y, weights / weights.sum(axis=1, keepdims=True)

    return make


@pytest.fixture(scope="session")
def make_params() -> Callable[..., params.Params]:
    """`make_params("binary", {"split.strategy": "time"})`: quick and valid parameters."""

    def make(kind: str = "binary", changes: dict[str, Any] | None = None) -> params.Params:
        task = "regression" if kind == "regression" else "classification"
        data: dict[str, Any] = {
            "task": task,
            "seed": 7,
            "source": {"kind": "files", "path": "raw.csv", "watch": "raw.csv"},
            "validate": {"max_failed_share": 0.1},
            "target": {"column": "outcome"},
            "prepare": {"key": ["id"], "keep": ["team"]},
            "split": {"strategy": "random", "validation": 0.2, "holdout": 0.3},
            "train": {"estimator": "linear", "grid": {}, "folds": 2, "scoring": "log_loss"},
            "export": {},
            "evaluate": {
                "slices": ["team", "colour"],
                "min_slice_rows": 20,
                "resamples": 100,
            },
        }
        if task == "regression":
            data["train"]["scoring"] = "mae"
        for key, value in (changes or {}).items():
            *parents, name = key.split(".")
            section = data
            for parent in parents:
                section = section[parent]
            section[name] = value
        return params.Params.model_validate(data)

    return make


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The address of a real registry, ended with the tests."""
    binary = shutil.which("docker-registry")
    if not binary:
        pytest.skip("docker-registry is not installed (Debian's package docker-registry)")
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [binary, "serve", folder / "config.yml"], stdout=log, stderr=log, env={"PATH": ""}
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib3.request("GET", f"{url}/v2/", retries=False)
            break
        except urllib3.exceptions.HTTPError:
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


class Issues:
    """A GitHub of issues, branches and workflows, as `delivery.github.Repository` asks for them."""

    def __init__(self):
        self.issues, self.comments, self.branches, self.calls = [], {}, [], []
        self.workflows = []

    def own_login(self):
        return "me"

    def write(self, body, title="By hand", login="me", label="retrain", created="2026-01-01"):
        number, user = len(self.issues) + 1, {"login": login}
        made = {"number": number, "title": title, "body": body, "user": user, "state": "open"}
        made |= {
            "labels": [label],
            "html_url": f"URL/{number}",
            "created_at": f"{created}T00:00:00Z",
        }
        self.issues.insert(0, made)
        self.comments[number] = []
        return made

    def all(self, operation, **call):
        if operation == "actions.list_repo_workflows":
            return self.workflows
        if operation == "issues.list_comments":
            return self.comments[call["issue_number"]]
        assert operation == "issues.list_for_repo"
        kept = [i for i in self.issues if call["state"] in ("all", i["state"])]
        return [i for i in kept if call["labels"] in i["labels"]]

    def ask(self, operation, *, harmless=False, **call):
        self.calls.append((operation, call))
        if operation == "issues.create":
            return self.write(call["body"], call["title"], label=call["labels"][0])
        if operation == "issues.create_comment":
            said = {"body": call["body"], "user": {"login": "me"}}
            return self.comments[call["issue_number"]].append(said)
        if operation == "issues.update":
            number = call.pop("issue_number")
            return next(i for i in self.issues if i["number"] == number).update(call)
        return [{"ref": f"refs/heads/{name}"} for name in self.branches]


@pytest.fixture
def hub(monkeypatch) -> Issues:
    """GitHub as one that keeps issues; nothing of this machine's workflow is seen."""
    for name in ("GITHUB_RUN_ID", "GITHUB_SERVER_URL", "GITHUB_REF_NAME", "GITHUB_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_REPOSITORY", "o/r")
    monkeypatch.setenv("GITHUB_TOKEN", "none")
    return Issues()


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
        return re.findall(r"(?i)@\w|#\w|\bgh-\d|www\.|://|:[\w+-]+:", self.text)

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
