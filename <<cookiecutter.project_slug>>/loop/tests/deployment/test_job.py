"""The job `production` of a release, command by command: cut, refused, and run again.

It registers the version, deploys it, and makes its page; on a fresh machine each time, with what
the jobs before it left: models/bundle, dvc.lock and reports/gate.json.
"""

from __future__ import annotations

import json
import shutil

import pytest
from githubkit import GitHub

from mlops_loop import git, paths
from mlops_loop.cli import cli
from mlops_loop.deployment import deploy, image
from mlops_loop.errors import GitHubRefused, StoreUnreachable, UsageError
from mlops_loop.github import github_release
from mlops_loop.github.api import operation
from mlops_loop.registry import ledger
from mlops_loop.storage import oci, transport

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),  # fork, to kill
]
OLD, NEW = "v1.1.0", "v1.2.0"


class Releases:
    """A GitHub that keeps the pages of versions; `down` answers nothing."""

    def __init__(self):
        self.made, self.down = {}, False
        self._client = GitHub("none")  # `rest` lives as long as its client
        self.rest = self._client.rest

    def call(self, method, /, **call):
        if self.down:
            raise GitHubRefused("GitHub does not answer", None)
        if operation(method) == "repos.create_release":
            self.made[call["tag_name"]] = {"html_url": f"URL/{call['tag_name']}"} | call
            return self.made[call["tag_name"]]
        if call["tag"] not in self.made:
            raise GitHubRefused("no such release", 404)
        return self.made[call["tag"]]


@pytest.fixture
def releases(monkeypatch):
    """What `github_release` takes for GitHub."""
    made = Releases()
    monkeypatch.setattr(github_release, "Repository", lambda: made)
    return made


@pytest.fixture
def machine(world, tmp_path, write_bundle, monkeypatch, releases):
    """Give a function that runs the job on a new machine; v1.1.0 is in production before."""
    world.deploy(OLD)
    artifact = tmp_path / "artifact"
    trained = write_bundle(artifact / paths.BUNDLE, "c")
    (artifact / "reports").mkdir()
    verdict = {"decision": "PROMOTE", "challenger": trained.id, "champion": OLD}
    (artifact / "reports/gate.json").write_text(json.dumps(verdict))
    lock = (world.repo / "dvc.lock").read_text()
    was = ledger.folder_hash(world.repo / paths.BUNDLE)
    (artifact / "dvc.lock").write_text(lock.replace(was, ledger.folder_hash(trained.folder)))
    world.digests[NEW] = digest = world.put_image("c", trained.id)
    world.host.bundles[digest] = trained.id
    monkeypatch.setenv("PRODUCTION_URL", world.host.url)
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    count = iter(range(99))

    def run():
        folder = world.clone(tmp_path / f"machine-{next(count)}")
        shutil.copytree(artifact, folder, dirs_exist_ok=True)
        monkeypatch.chdir(folder)

        def job():
            cli.main(["registry", "register", "--commit", "--push"], standalone_mode=False)
            call = ["deploy", "bundle", "--digest", digest, "--announce", "--timeout-s", "2"]
            cli.main(call, standalone_mode=False)

        return job

    return run


def complete(world, releases):
    """Whether the version is registered once, serves, was asked, and has its page."""
    entries = ledger.fetch(world.repo)
    assert [each.version for each in entries.versions] == ["v1.0.0", OLD, NEW]
    assert world.held() == (NEW, NEW)
    assert list(releases.made) == ["model@v1.2.0"]
    return entries


# Lock; version, its push, its name here; assignment, its push, its name; pointer; smoke; page.
@pytest.mark.parametrize("step", range(10))
def test_killed_before_any_change(world, machine, releases, killed, step):
    """The old version serves or the new one does, and the next run ends with all of it done."""
    assert killed(step, machine(), (releases, "call"))
    assert world.held() in {(OLD, OLD), (NEW, OLD), (NEW, NEW)}
    machine()()
    before = complete(world, releases).history()
    machine()()
    assert complete(world, releases).history() == before


@pytest.mark.parametrize("step", range(5))
def test_the_registry_goes_down(world, machine, releases, monkeypatch, step):
    """At any of its requests: one sentence, and the same job again ends with all of it done."""
    send, left = oci.ContainerRegistry._send, [step]

    def cut(self, *args, **more):
        left[0] -= 1
        if left[0] < 0:
            raise oci.HTTPError("cut")
        return send(self, *args, **more)

    monkeypatch.setattr(transport, "RETRIES", oci.Retry(0))
    monkeypatch.setattr(oci.ContainerRegistry, "_send", cut)
    with pytest.raises(StoreUnreachable, match=r"The registry \S+: .*Nothing is lost. Next: "):
        machine()()
    monkeypatch.setattr(oci.ContainerRegistry, "_send", send)
    assert world.held() in {(OLD, OLD), (NEW, OLD), (NEW, NEW)}
    machine()()
    complete(world, releases)


@pytest.mark.parametrize("step", range(6))
def test_origin_goes_down(world, machine, releases, monkeypatch, step):
    """Before any fetch or push: git's own reason, and the same job again does the rest."""
    ask, left = git._at_origin, [step]

    def cut(repo, *args, **more):
        left[0] -= 1
        return ask(repo, *args, **more) if left[0] >= 0 else git.run(repo, args[0], "/nowhere")

    monkeypatch.setattr(git, "_at_origin", cut)
    with pytest.raises(
        StoreUnreachable, match=r"git failed at origin: .*/nowhere.*Nothing is lost"
    ):
        machine()()
    monkeypatch.setattr(git, "_at_origin", ask)
    machine()()
    complete(world, releases)


def test_github_is_down(world, machine, releases):
    """The version serves without its page, which the next run makes."""
    releases.down = True
    with pytest.raises(GitHubRefused):
        machine()()
    assert world.held() == (NEW, NEW)
    releases.down = False
    machine()()
    complete(world, releases)
    assert releases.made["model@v1.2.0"]["body"] == "# Model c\n"


def test_an_older_commit_gives_way(world, machine, releases, monkeypatch):
    """Two merges, and the run of the first one ends last: what it made is a version, no more."""
    first = world.git(world.repo, "rev-parse", "HEAD~1")
    monkeypatch.setenv("GITHUB_SHA", world.git(world.repo, "rev-parse", "HEAD"))
    target = deploy.Target(world.repo, world.image, "", 2.0, first)
    code = world.put_image("code", world.host.bundles[world.digests[OLD]])
    deploy.deploy(target, OLD, code)
    machine()()
    note = complete(world, releases).current().note
    assert note["commit"] == world.git(world.repo, "rev-parse", "HEAD")
    monkeypatch.setenv("GITHUB_SHA", first)
    older = deploy.deploy(target, NEW, code)
    assert (older.outcome, older.current.image_digest) == ("superseded", world.digests[NEW])
    complete(world, releases)


@pytest.fixture
def released_meanwhile(world, monkeypatch):
    """`released_meanwhile()` puts v1.0.0 into production; the job is in run 7, of main's commit."""
    monkeypatch.setenv("GITHUB_SHA", commit := world.git(world.repo, "rev-parse", "HEAD"))
    monkeypatch.setenv("GITHUB_RUN_ID", "7")

    def run(commit=commit):
        image = world.digests["v1.0.0"]
        call = {"why": "faster", "image": image, "commit": commit, "push": True}
        return ledger.assign(world.repo, "v1.0.0", **call)[0]

    return run


CHANGED = r"with v1\.1\.0, and v1\.0\.0 is in production now. Next: gh run rerun 7 "


def test_production_changed_since_the_gate(world, machine, releases, released_meanwhile):
    """The release is refused before its version is registered, and no version gets a page."""
    released_meanwhile()
    before = ledger.fetch(world.repo).history()
    with pytest.raises(UsageError, match=CHANGED):
        machine()()
    assert ledger.fetch(world.repo).history() == before
    assert not releases.made


def test_production_changes_after_the_version_is_registered(
    world, machine, releases, released_meanwhile, monkeypatch
):
    """In the very moment before the assignment: it is refused as well."""
    check, calls = image.Image.check_bundle, []

    def change(self, digest, *more):
        calls.append(digest)
        if len(calls) == 1:
            released_meanwhile()
        return check(self, digest, *more)

    monkeypatch.setattr(image.Image, "check_bundle", change)
    with pytest.raises(UsageError, match=CHANGED):
        machine()()
    entries = ledger.fetch(world.repo)
    assert (entries.versions[-1].version, entries.current().version) == (NEW, "v1.0.0")
    assert not releases.made


def test_the_same_model_needs_no_new_verdict(world, machine, releases, monkeypatch):
    """Another run has deployed this very model: its image is exchanged."""
    machine()()
    monkeypatch.setenv("GITHUB_SHA", world.git(world.repo, "rev-parse", "HEAD"))
    machine()()
    complete(world, releases)


def test_a_release_that_is_approved_late(world, machine, releases, released_meanwhile, capsys):
    """A later commit is in production: nothing is registered, and nothing fails."""
    child = world.git(world.repo, "commit-tree", "-p", "HEAD", "-m", "Later", "HEAD^{tree}")
    world.git(world.repo, "push", "--quiet", "origin", f"{child}:refs/heads/main")
    released_meanwhile(child)
    before = ledger.fetch(world.repo).history()
    machine()()
    assert ledger.fetch(world.repo).history() == before
    said = capsys.readouterr().out
    assert "Not registered, production is newer: v1.0.0 is in production" in said
    assert "Not deployed, production is newer: v1.0.0 is in production" in said
    assert not releases.made
