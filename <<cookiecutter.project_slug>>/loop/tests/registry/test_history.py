"""The ledger is read once, whatever it holds; what is read does not depend on how."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlops_loop import git as plain_git
from mlops_loop.registry import ledger
from mlops_loop.registry.entries import Entry, Ledger


@pytest.fixture
def calls(monkeypatch) -> list[tuple[str, ...]]:
    """The calls of git so far."""
    made, run = [], plain_git.run

    def counted(repo, *args, **options):
        made.append(args)
        return run(repo, *args, **options)

    monkeypatch.setattr(plain_git, "run", counted)
    return made


@pytest.fixture
def grow(project):
    """Import `n` more versions, each with its own commit and assignment, by one call of git."""

    def more(first: int, n: int) -> None:
        lines = []
        for i in range(first, first + n):
            lines += [f"commit refs/heads/main\nmark :{i}", who("committer", 10 * i), data("Train")]
            if i == first:
                lines += [f"from {project.git('rev-parse', 'HEAD')}"]
            lines += [f"M 100644 inline dvc.lock\n{data(str(i))}"]
            note = {"bundle_id": f"{i:012x}", "who": "Ada"}
            run = {"version": f"v1.{i}.0", "image_digest": f"sha256:{i:064x}", "why": "passed"}
            for name, text in ((f"model@v1.{i}.0", note), (f"model#production#{i}", run)):
                lines += [f"tag {name}\nfrom :{i}", who("tagger", 10 * i), data(json.dumps(text))]
        stream = "\n".join([*lines, ""])
        made = plain_git.run(project.root, "fast-import", "--quiet", text=stream)
        assert not made.returncode, made.stderr
        project.git("reset", "--quiet", "--hard", "main")

    def who(kind: str, seconds: int) -> str:
        return f"{kind} Ada Tester <ada@example.org> {1_600_000_000 + seconds} +0000"

    def data(text: str) -> str:
        return f"data {len(text)}\n{text}"

    return more


@pytest.fixture
def origin(project, grow, git, tmp_path):
    """A clone of 3 versions, and the bare repository that it came from."""
    project.commit("Start")
    grow(1, 3)
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("push", "--quiet", "origin", "main", "--tags")
    return project


def more_at_origin(project, grow, n: int) -> None:
    """Let both sides have `n` more versions."""
    grow(10, n)
    project.git("push", "--quiet", "origin", "main", "--tags")


COMMANDS = {
    "read": lambda project: ledger.read(project.root),
    "fetch": lambda project: ledger.fetch(project.root),
    "assign": lambda project: ledger.assign(project.root, "v1.1.0", why="back", push=True),
    "withdraw": lambda project: ledger.unassign(
        project.root, ledger.local(project.root).current(), "bad"
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_calls_of_git_do_not_grow(origin, grow, calls, command):
    """As many with 43 versions as with 3; contents are read once for each ledger that is read."""
    call = COMMANDS[command]
    call(origin)
    few = [args[0] for args in calls]
    assert sum("%(contents)" in part for args in calls for part in args) == 1 + (
        command == "withdraw"
    )
    more_at_origin(origin, grow, 40)
    calls.clear()
    call(origin)
    assert [args[0] for args in calls] == few


def test_tags_that_are_only_here_cost_no_call_each(origin, grow, calls):
    """A laptop may have registered many versions since the last push."""
    grow(4, 1)
    calls.clear()
    COMMANDS["read"](origin)
    one = [args[0] for args in calls]
    grow(5, 30)
    calls.clear()
    assert len(COMMANDS["read"](origin).versions) == 34
    assert [args[0] for args in calls] == one


def test_registering_reads_annotations_once(project, calls):
    """Also the version that it returns is not read again, and is the one that others read."""
    ledger.register(project.root, *project.ship("a"))
    shipped = project.ship("b")
    calls.clear()
    version, _ = ledger.register(project.root, *shipped)
    assert sum("%(contents)" in part for args in calls for part in args) == 1
    assert ledger.local(project.root).find("latest") == version
    run, _ = ledger.assign(project.root, "latest", why="first")
    assert ledger.local(project.root).current() == run


@given(st.lists(st.sampled_from(["v1", "v2", "v3", "v4"]), max_size=12))
@example(["v1", "v2", "v3", "v1", "v3", "v4", "v3"])
@settings(derandomize=True, deadline=None)
def test_previous_follows_any_path(names):
    """By the definition: an earlier version removes all that came after it."""
    path: list[str] = []
    for name in names:
        path = [*path[: path.index(name) if name in path else len(path)], name]
    runs = [Entry(f"model#production#{i}", v, "production", "", "", {}) for i, v in
            enumerate(names)]  # fmt: skip
    before = Ledger([], runs).previous()
    assert (before and before.version) == (path[-2] if len(path) > 1 else None)


def test_names_that_only_look_like_the_models(project):
    """Lightweight tags and those of other tools are no versions; their numbers are not reused."""
    ledger.register(project.root, *project.ship("a"))
    project.git("tag", "model#production#7")
    project.git("tag", "model@created")
    project.git("tag", "--annotate", "--message=other", "model@created2")
    read = ledger.local(project.root)
    assert ([v.version for v in read.versions], read.assignments) == (["v1.0.0"], [])
    run, _ = ledger.assign(project.root, "latest", why="first")
    assert run.tag == "model#production#8"
