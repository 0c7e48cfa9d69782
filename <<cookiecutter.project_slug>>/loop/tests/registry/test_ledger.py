"""The registry is git tags: who may register, what is in production, what came before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import gto.api
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop import git as plain_git
from mlops_loop.errors import UsageError
from mlops_loop.gate import gate
from mlops_loop.gate.comparison import Check
from mlops_loop.registry import ledger

DIGEST = "sha256:" + "0" * 64
OTHER = "ghcr.io/ada/flights@sha256:" + "1" * 64


def note(project, tag):
    """The annotation of a tag, by plain git."""
    return json.loads(project.git("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}"))


def publish(project, *marks, stage="production"):
    """Register and assign a version for each mark."""
    for mark in marks:
        version, _ = ledger.register(project.root, *project.ship(mark))
        ledger.assign(project.root, version.version, stage, why=f"ship {mark}")


def gto_prints(project, command):
    """What gto's own command line prints as JSON."""
    call = [Path(sys.executable).with_name("gto"), command, "--json", "--repo", project.root]
    return json.loads(subprocess.run(call, capture_output=True, check=True).stdout)


class TestRegister:
    def test_first_version(self, project):
        """The first version is v1.0.0: an annotated tag on the commit that holds the model."""
        made, verdict = project.ship("a")
        version, new = ledger.register(project.root, made, verdict)
        assert (version.version, version.note["bundle_id"], new) == ("v1.0.0", made.id, True)
        assert version.commit == project.git("rev-parse", "HEAD")
        assert project.git("cat-file", "-t", "model@v1.0.0") == "tag"

    def test_annotation(self, project):
        """The annotation is JSON: bundle, verdict, and who."""
        ledger.register(project.root, *project.ship("a"))
        made, verdict = project.ship("b")
        ledger.register(project.root, made, verdict)
        assert note(project, "model@v1.1.0") == {
            "bundle_id": made.id,
            "verdict": verdict,
            "who": "Ada Tester",
        }

    @pytest.mark.parametrize(
        ("bump", "name"), [("major", "v2.0.0"), ("minor", "v1.1.0"), ("patch", "v1.0.1")]
    )
    def test_bump(self, project, bump, name):
        """The greatest version is raised by the part that was asked for."""
        ledger.register(project.root, *project.ship("a"))
        version, _ = ledger.register(project.root, *project.ship("b"), bump=bump)
        assert version.version == name

    def test_twice(self, project):
        """The same bundle keeps its version, even on a later commit and with another bump."""
        made, verdict = project.ship("a")
        ledger.register(project.root, made, verdict)
        (project.root / "README.md").write_text("more\n")
        project.commit("Explain")
        version, new = ledger.register(project.root, made, verdict, "major")
        assert (version.version, new) == ("v1.0.0", False)
        assert project.git("tag", "--list") == "model@v1.0.0"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"challenger": None}, "has not judged"),
            ({"decision": "REJECT"}, "said REJECT"),
            ({"decision": "REJECT", "overridden": True}, "said REJECT"),
            ({"decision": "HOLD"}, "said HOLD"),
            ({"decision": None}, "said None"),
            ({"challenger": "other"}, "said PROMOTE about other"),
        ],
    )
    def test_refused_verdict(self, project, change, message):
        """Only what the gate let pass is registered; the message names the next command."""
        made, verdict = project.ship("a")
        with pytest.raises(UsageError, match=rf"^{made.id} needs a PROMOTE.*{message}.*gate$"):
            ledger.register(project.root, made, verdict | change)
        assert ledger.read(project.root).versions == []

    def test_overridden_hold(self, project):
        """A person may override HOLD: the gate itself makes PROMOTE of it."""
        made, _ = project.ship("a")
        held = [Check("rows", "hold", "Too few.")]
        verdict = gate.conclude(held, made.id, None, "Ada (few rows, but harmless)").to_dict()
        version, _ = ledger.register(project.root, made, verdict)
        assert "Ada (few rows, but harmless)" in version.note["verdict"]["summary"]

    def test_uncommitted_lock(self, project):
        """A lock that is not committed is refused with the command that commits it."""
        _, verdict = project.ship("a")
        made = project.train("b")
        with pytest.raises(UsageError, match=r"No committed.*git add dvc.lock && git commit"):
            ledger.register(project.root, made, verdict | {"challenger": made.id})

    def test_stale_lock(self, project, write_bundle):
        """A bundle that no run of the pipeline made is refused."""
        project.ship("a")
        made = write_bundle(project.root / "models/bundle", "by hand")
        verdict = {"decision": "PROMOTE", "challenger": made.id}
        with pytest.raises(UsageError, match=r"No committed dvc\.lock holds .*dvc repro"):
            ledger.register(project.root, made, verdict)

    def test_no_lock(self, project, write_bundle):
        """A project that never ran the pipeline: the command that does is named."""
        project.commit()
        made = write_bundle(project.root / "models/bundle")
        with pytest.raises(
            UsageError, match=r"No committed dvc\.lock holds .*models/bundle.*dvc repro"
        ):
            ledger.register(project.root, made, {"decision": "PROMOTE", "challenger": made.id})

    def test_merge_in_lock(self, project):
        """An unresolved merge in dvc.lock is no traceback."""
        made, verdict = project.ship("a")
        (project.root / "dvc.lock").write_text("<" * 7 + " HEAD\nstages:\n" + "=" * 7 + "\n")
        project.commit()
        with pytest.raises(UsageError, match=r"No committed dvc\.lock"):
            ledger.register(project.root, made, verdict)

    def test_withdrawn_version(self, project, git):
        """A version that gto withdrew is gone, and its name is not used again."""
        ledger.register(project.root, *project.ship("a"))
        git(project.root, "tag", "-a", "-m", "bad", "model@v1.0.0!", "model@v1.0.0^{}")
        assert ledger.read(project.root).versions == []
        version, _ = ledger.register(project.root, *project.ship("b"))
        assert version.version == "v1.1.0"

    def test_bundle_to_version(self, project):
        """A version is found by the bundle that it holds."""
        made, verdict = project.ship("a")
        ledger.register(project.root, made, verdict)
        assert ledger.read(project.root).version_of_bundle(made.id).version == "v1.0.0"
        assert ledger.read(project.root).version_of_bundle("unknown") is None


class TestAssign:
    def test_first(self, project):
        """An assignment is an annotated tag that says all that a rollback needs."""
        publish(project, "a")
        ledger.register(project.root, *project.ship("b"))
        built = {"image": DIGEST, "commit": "0123abc"}
        now, new = ledger.assign(project.root, "v1.1.0", why="better", **built)
        assert (now.version, now.tag, new) == ("v1.1.0", "model#production#2", True)
        assert note(project, "model#production#2") == {
            "version": "v1.1.0",
            "previous": "v1.0.0",
            "image_digest": DIGEST,
            "attested": False,
            "commit": "0123abc",
            "who": "Ada Tester",
            "why": "better",
            "hold": False,
        }

    def test_a_verified_image_stays_verified(self, project):
        """A rollback to it requires its signature, with the commit that it had at first."""
        publish(project, "a", "b")
        put = partial(ledger.assign, project.root)
        put("v1.0.0", why="x", image=DIGEST, commit="abc")
        assert ledger.local(project.root).attested(DIGEST) is None
        now, is_new = put("v1.0.0", why="x", image=DIGEST, commit="abc", attested=True)
        assert (now.note["attested"], is_new) == (True, True)
        assert put("v1.0.0", why="x", image=DIGEST, attested=True) == (now, False)
        assert put("v1.0.0", why="x", image=DIGEST) == (now, False)
        put("v1.1.0", why="y", image=DIGEST.replace("0", "1"), commit="def")
        back, _ = put("v1.0.0", why="z", hold=True)
        assert (back.image_digest, back.note["attested"]) == (DIGEST, True)
        entries = ledger.local(project.root)
        assert entries.attested(f"ghcr.io/o/r@{DIGEST}") == now
        assert entries.attested(DIGEST.replace("0", "1")) is None

    def test_nothing_assigned(self, project):
        """Before the first assignment nothing is current and nothing is previous."""
        ledger.register(project.root, *project.ship("a"))
        assert ledger.read(project.root).current() is None
        assert ledger.read(project.root).previous() is None
        assert ledger.read(project.root).stages() == {}

    def test_unknown_version(self, project):
        """An unknown version is answered with those that exist."""
        publish(project, "a", "b")
        with pytest.raises(UsageError, match=r"'v7'\. There are: v1\.0\.0, v1\.1\.0"):
            ledger.assign(project.root, "v7", why="typo")

    def test_no_version_at_all(self, project):
        """Where none exists, the message says how to make one."""
        project.commit()
        with pytest.raises(UsageError, match=r"none is registered yet.*registry register"):
            ledger.assign(project.root, "v1.0.0", why="hope")

    def test_tag_as_version(self, project):
        """A version may be named by its tag."""
        ledger.register(project.root, *project.ship("a"))
        assert ledger.assign(project.root, "model@v1.0.0", why="x")[0].version == "v1.0.0"

    def test_latest(self, project):
        """`latest` names the greatest version, and none where there is none."""
        project.commit()
        with pytest.raises(UsageError, match="none is registered yet"):
            ledger.assign(project.root, "latest", why="x")
        project.ship("a")
        gto.api.register(str(project.root), "model", "HEAD", version="v2.0.0")
        project.ship("b")
        gto.api.register(str(project.root), "model", "HEAD", version="v1.0.0")
        assert ledger.assign(project.root, "latest", why="x")[0].version == "v2.0.0"

    def test_twice(self, project):
        """The version that is in production already stays, and no tag is written."""
        publish(project, "a")
        now, new = ledger.assign(project.root, "v1.0.0", why="again")
        assert (now.tag, now.note["why"], new) == ("model#production#1", "ship a", False)

    def test_other_image(self, project):
        """A new container of the same version is a new assignment; none at all is not."""
        publish(project, "a")
        ledger.assign(project.root, "v1.0.0", why="built", image=DIGEST)
        now, new = ledger.assign(project.root, "v1.0.0", why="rebuilt", image=OTHER)
        assert (now.note["image_digest"], new) == (OTHER, True)
        assert ledger.assign(project.root, "v1.0.0", why="again") == (now, False)

    @pytest.mark.parametrize(
        "image", ["latest", "ghcr.io/ada/flights:1", "sha256:12", "x " + DIGEST]
    )
    def test_moving_image(self, project, image):
        """A name that can move is not a digest."""
        publish(project, "a")
        with pytest.raises(UsageError, match=r"may move.*by its digest"):
            ledger.assign(project.root, "v1.0.0", why="x", image=image)

    @pytest.mark.parametrize("stage", ["", "-x", "prod uction", "prod#1", "../x", "a@b"])
    def test_no_stage(self, project, stage):
        """A stage that gto could not read back is refused."""
        publish(project, "a")
        with pytest.raises(UsageError, match="not a stage"):
            ledger.assign(project.root, "v1.0.0", stage, why="x")

    def test_stages_apart(self, project):
        """Stages know nothing of each other's versions and holds."""
        publish(project, "a", stage="staging")
        ledger.assign(project.root, "v1.0.0", "production", why="x", hold=True)
        publish(project, "b", stage="staging")
        assert ledger.read(project.root).current("staging").version == "v1.1.0"
        assert ledger.read(project.root).current().version == "v1.0.0"

    def test_unassigned_by_gto(self, project, git):
        """What gto's own command withdraws is not current any more."""
        publish(project, "a", "b")
        git(project.root, "tag", "-a", "-m", "x", "model#production!#3", "model@v1.1.0^{}")
        assert ledger.read(project.root).current().version == "v1.0.0"

    def test_race(self, project, monkeypatch):
        """A tag that another run wrote in between is never overwritten."""
        publish(project, "a")
        ledger.register(project.root, *project.ship("b"))
        monkeypatch.setattr(ledger, "_name", lambda *_, **__: "model#production#1")
        with pytest.raises(UsageError, match=r"already exists.*run this again"):
            ledger.assign(project.root, "v1.1.0", why="x")
        assert ledger.read(project.root).current().version == "v1.0.0"


class TestHold:
    @pytest.fixture(autouse=True)
    def rolled_back(self, project):
        """v1.1.0 was bad: v1.0.0 is back, with a hold; v1.2.0 comes next."""
        publish(project, "a", "b")
        ledger.assign(project.root, "v1.0.0", why="v1.1.0 is slow", hold=True)
        ledger.register(project.root, *project.ship("c"))

    def test_refused(self, project):
        """While a hold is in force, the message says who, why, and how it is lifted."""
        match = r"held in production by Ada Tester: 'v1\.1\.0 is slow'.*--lift-hold"
        with pytest.raises(UsageError, match=match):
            ledger.assign(project.root, "v1.2.0", why="automatic")

    def test_lifted(self, project):
        """A person lifts the hold together with the next version."""
        now, _ = ledger.assign(project.root, "v1.2.0", why="repaired", hold=False)
        assert (now.version, now.note["hold"], now.note["previous"]) == ("v1.2.0", False, "v1.0.0")

    def test_lifted_alone(self, project):
        """A hold can be lifted without another version."""
        now, new = ledger.assign(project.root, "v1.0.0", why="all clear", hold=False)
        assert (now.version, now.note["hold"], now.note["previous"], new) == (
            "v1.0.0",
            False,
            "v1.1.0",
            True,
        )
        assert not ledger.assign(project.root, "v1.0.0", why="twice", hold=False)[1]

    def test_repeated(self, project):
        """A release that runs again while its version is held changes nothing."""
        now, new = ledger.assign(project.root, "v1.0.0", why="again")
        assert (now.note["hold"], new) == (True, False)

    def test_another_rollback(self, project):
        """A rollback needs no lifting."""
        now, _ = ledger.assign(project.root, "v1.1.0", why="the lesser evil", hold=True)
        assert (now.version, now.note["hold"]) == ("v1.1.0", True)


class TestPrevious:
    def test_in_a_row(self, project):
        """Two rollbacks in a row go two versions back, not to the bad one again."""
        publish(project, "a", "b", "c")
        assert ledger.read(project.root).previous().version == "v1.1.0"
        ledger.assign(project.root, "v1.1.0", why="bad", hold=True)
        assert ledger.read(project.root).previous().version == "v1.0.0"
        ledger.assign(project.root, "v1.0.0", why="bad too", hold=True)
        assert ledger.read(project.root).previous() is None

    def test_image(self, project):
        """A rollback takes the container that ran before: nothing is built."""
        publish(project, "a")
        ledger.assign(project.root, "v1.0.0", why="built", image=DIGEST)
        publish(project, "b")
        assert ledger.read(project.root).previous().note["image_digest"] == DIGEST
        now, _ = ledger.assign(project.root, "v1.0.0", why="back", hold=True)
        assert now.note["image_digest"] == DIGEST


class TestDescription:
    def test_a_stage(self, project):
        """Version, image and hold of what a stage holds."""
        project.commit()
        assert ledger.read(project.root).describe() == "nothing is in production"
        publish(project, "a")
        ledger.assign(project.root, "v1.0.0", why="bad", image=DIGEST, hold=True)
        entries = ledger.read(project.root)
        assert entries.describe() == f"v1.0.0 is in production as {DIGEST}, held"
        assert entries.describe("staging") == "nothing is in staging"

    def test_the_last_image(self, project):
        """Of a version in a stage; None where it never had one there."""
        publish(project, "a")
        assert ledger.read(project.root).last_image("v1.0.0") is None
        for image in (DIGEST, OTHER):
            ledger.assign(project.root, "v1.0.0", why="built", image=image)
        entries = ledger.read(project.root)
        assert entries.last_image("v1.0.0") == OTHER
        assert entries.last_image("v1.0.0", "staging") is None


class TestOrder:
    def test_wrong_clock(self, project, monkeypatch):
        """A clock that went back an hour does not bring back an old version."""
        publish(project, "a", "b")
        before = ledger.time.time()
        monkeypatch.setattr(ledger.time, "time", lambda: before - 3600)
        ledger.assign(project.root, "v1.0.0", why="back", hold=True)
        stages = gto.api.show(str(project.root))["model"]["stage"]
        assert stages["production"] == ledger.read(project.root).current().version == "v1.0.0"

    def test_history(self, project):
        """History is in the order of events, in UTC."""
        publish(project, "a", "b")
        events = ledger.read(project.root).history()
        assert [event.tag for event in events] == [
            "model@v1.0.0",
            "model#production#1",
            "model@v1.1.0",
            "model#production#2",
        ]
        assert all(event.time.endswith("Z") for event in events)

    def test_other_tags(self, project):
        """Tags of other things, and tags without annotation, are nobody's version."""
        publish(project, "a")
        for name in ("v3.0.0", "other@v20.0.0", "other#production#9", "model@v8.0.0"):
            project.git("tag", name)
        assert [item.version for item in ledger.read(project.root).versions] == ["v1.0.0"]
        assert ledger.read(project.root).current().tag == "model#production#1"
        version, _ = ledger.register(project.root, *project.ship("b"))
        assert version.version == "v8.1.0"

    def test_written_by_gto(self, project):
        """What gto's own commands wrote is read, as far as they know."""
        project.ship("a")
        gto.api.register(str(project.root), "model", "HEAD", message="by hand")
        gto.api.assign(str(project.root), "model", "production", version="v0.0.1", message="go")
        [version] = ledger.read(project.root).versions
        assert version.note["why"] == "by hand"
        assert ledger.read(project.root).current().note["why"] == "go"

    @pytest.mark.parametrize("message", ["[1]", "{", '"text"', "{}"])
    def test_strange_annotation(self, project, message):
        """An annotation that is other JSON, or half of it, is no traceback."""
        project.ship("a")
        project.git("tag", "-a", "-m", message, "model@v1.0.0")
        [version] = ledger.read(project.root).versions
        assert "bundle_id" not in version.note

    def test_gto_commands(self, project):
        """gto's own command line reads the same ledger, after a rollback too."""
        publish(project, "a", "b")
        ledger.assign(project.root, "v1.0.0", why="back", hold=True)
        shown, history = gto_prints(project, "show"), gto_prints(project, "history")
        assert shown["model"]["version"] == "v1.1.0"
        assert shown["model"]["stage"] == {"production": "v1.0.0"}
        assert [event["event"] for event in history].count("assignment") == 3

    def test_worktree(self, project):
        """A second work tree of the repository sees the same ledger."""
        publish(project, "a")
        project.git("worktree", "add", "--quiet", "../second")
        assert ledger.read(project.root.parent / "second").current().version == "v1.0.0"

    def test_packed(self, project):
        """Tags that git packed are read."""
        publish(project, "a", "b")
        project.git("pack-refs", "--all")
        project.git("gc", "--quiet")
        assert ledger.read(project.root).current().version == "v1.1.0"


class TestSurroundings:
    def test_no_repository(self, tmp_path):
        """A folder that is not in a git repository: the command that makes one is named."""
        with pytest.raises(UsageError, match=r"not a git repository.*git init"):
            ledger.read(tmp_path)

    def test_no_folder(self, tmp_path):
        """A folder that does not exist is named."""
        with pytest.raises(UsageError, match="nowhere"):
            ledger.read(tmp_path / "nowhere")

    def test_no_commit(self, project):
        """Without a commit there is nothing to list, and nothing to register."""
        made = project.train("a")
        assert ledger.read(project.root).history() == []
        with pytest.raises(UsageError, match=r"No committed.*git add dvc.lock && git commit"):
            ledger.register(project.root, made, {"decision": "PROMOTE", "challenger": made.id})

    def test_no_identity(self, project, monkeypatch):
        """Without an identity nothing is written, and the command that sets one is named."""
        call = project.ship("a")
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.delenv(f"GIT_{role}_NAME")
            monkeypatch.delenv(f"GIT_{role}_EMAIL")
        monkeypatch.setenv("EMAIL", "guess@example.org")
        with pytest.raises(UsageError, match=r"git config user\.name"):
            ledger.register(project.root, *call)

    def test_no_git(self, project, monkeypatch):
        """A machine without git: the error says so."""
        monkeypatch.setenv("PATH", "/nowhere")
        with pytest.raises(UsageError, match="git is not installed"):
            ledger.read(project.root)

    def test_foreign_language(self, project, monkeypatch, tmp_path):
        """git answers in English whatever the user's language is: its answers are read."""
        (tmp_path / "git").write_text('#!/bin/sh\necho "$LC_ALL"\n')
        (tmp_path / "git").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        assert plain_git.run(project.root, "status").stdout == "C\n"


MOVES = st.lists(
    st.one_of(
        st.just(("register", 0)),
        st.tuples(st.sampled_from(["assign", "lift"]), st.integers(0, 5)),
        st.just(("rollback", 0)),
    ),
    max_size=8,
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=MOVES)
def test_ledger_is_the_naive_model(moves, tmp_path_factory, start_project):
    """Any series of calls leaves a ledger that says what a list in memory would say."""
    project = start_project(tmp_path_factory.mktemp("ledger"))
    root = project.root
    names, path, held = [], [], False
    for count, (move, which) in enumerate(moves):
        if move == "register":
            names.append(ledger.register(root, *project.ship(str(count)))[0].version)
        elif move == "rollback" and len(path) > 1:
            path.pop()
            held = True
            assert ledger.read(root).previous().version == path[-1]
            ledger.assign(root, path[-1], why="back", hold=True)
        elif move in ("assign", "lift") and which < len(names):
            name = names[which]
            if held and move == "assign" and name != path[-1]:
                with pytest.raises(UsageError, match="held"):
                    ledger.assign(root, name, why="go")
                continue
            ledger.assign(root, name, why="go", hold=False if move == "lift" else None)
            held = held and move == "assign"
            path = [*path[: path.index(name)], name] if name in path else [*path, name]
    now = ledger.read(root).current("production")
    expected = path[-1] if path else None
    assert (now and now.version, bool(now and now.held)) == (expected, held)
    stage = gto.api.show(str(root)).get("model", {}).get("stage", {}).get("production")
    assert stage == (now and now.version)
