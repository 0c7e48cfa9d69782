"""Deploy and rollback: a real registry, git with a bare origin, and a host that follows the tag."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from mlops_loop import git
from mlops_loop.commands.registry import registry
from mlops_loop.deployment import deploy, image, pointer, smoke
from mlops_loop.deployment.results import AutoRollback, ReleaseReverted
from mlops_loop.errors import SmokeFailed, StoreUnreachable, UsageError
from mlops_loop.registry import ledger, tags
from mlops_loop.storage import oci

# dvc 3.67 asks pygtrie for a value in a way that pygtrie will take away.
pytestmark = [
    pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),  # fork, to kill
]
OLD, NEW = "v1.0.0", "v1.1.0"


def test_a_release(world):
    """Ledger, pointer and endpoint agree, on another machine too."""
    made = world.deploy(NEW, why="better")
    assert (made.outcome, made.current.image_digest) == ("changed", world.digests[NEW])
    assert made.smoke.bundle_id == world.host.bundles[world.digests[NEW]]
    assert world.held() == (NEW, NEW)
    there = ledger.read(world.clone(world.repo.parent / "other")).current()
    assert (there.note["why"], there.note["image_digest"]) == ("better", world.digests[NEW])


def test_twice_changes_nothing(world):
    """And it is reported."""
    first = world.deploy(NEW)
    before = ledger.fetch(world.repo).assignments
    second = world.deploy(NEW)
    assert (second.outcome, second.current) == ("unchanged", first.current)
    assert ledger.fetch(world.repo).assignments == before


def test_without_an_address_nothing_is_asked(world):
    """The pointer alone is production."""
    world.host.broken = {world.digests[NEW]}
    made = world.deploy(NEW, url=False)
    assert (made.outcome, made.current.version, made.smoke) == ("changed", NEW, None)


def test_a_bad_release_is_reverted(world):
    """The previous version serves again and was asked, and the ledger has the reason."""
    world.deploy(OLD)
    world.host.broken = {world.digests[NEW]}
    with pytest.raises(ReleaseReverted, match="golden row") as failed:
        world.deploy(NEW)
    restored = failed.value.rollback
    assert (restored.digest, restored.current.version) == (world.digests[OLD], OLD)
    assert restored.smoke.bundle_id == world.host.bundles[world.digests[OLD]]
    assert world.held() == (OLD, OLD)
    why = ledger.fetch(world.repo).current().note["why"]
    assert why.startswith("automatic rollback: ")
    assert "distance" not in why  # a column: rows of data stay out of the ledger


def test_a_host_that_refuses_is_not_waited_for(world):
    """It reports so at /version."""
    world.deploy(OLD)
    world.host.note = f"{world.digests[NEW]} did not get healthy"
    with pytest.raises(SmokeFailed, match=r"The host of \S+ refused .*did not get healthy"):
        world.deploy(NEW)


def test_an_endpoint_that_stays_behind(world):
    """It is waited for, then the pointer goes back."""
    world.deploy(OLD)
    world.host.bundles[world.digests[NEW]] = "another"
    with pytest.raises(SmokeFailed, match=r"bundle another.*expected within 2 s: bundle "):
        world.deploy(NEW)
    assert world.held() == (OLD, OLD)


def test_a_bad_first_release(world):
    """Nothing is in production; this registry cannot delete its tag, which is reported."""
    world.host.broken = {world.digests[NEW]}
    with pytest.raises(ReleaseReverted) as failed:
        world.deploy(NEW)
    assert failed.value.rollback == AutoRollback(None, None, pointer_synced=False)
    assert ledger.fetch(world.repo).current() is None
    assert world.git(world.repo.parent / "origin", "tag", "--list", "*!*")


def test_a_changed_workflow_keeps_nobody_from_going_back(world, github_rule):
    """GitHub refuses a job's tag of an older commit; ledger and pointer go back all the same."""
    world.deploy(OLD)
    workflow = world.repo / ".github/workflows/ci.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: push\n")
    world.git(world.repo, "add", ".github")
    world.git(world.repo, "commit", "--quiet", "--message", "A workflow")
    world.git(world.repo, "push", "--quiet", "origin", "HEAD:main")
    github_rule(world.repo.parent / "origin")
    world.host.broken = {world.digests[NEW]}
    with pytest.raises(ReleaseReverted) as failed:
        world.deploy(NEW)
    assert not failed.value.rollback.ledger_error
    assert world.held() == (OLD, OLD)
    world.host.broken = set()
    world.deploy(NEW)
    assert deploy.rollback(world.target(), "previous", "late").current.version == OLD
    assert world.held() == (OLD, OLD)


def test_a_bad_image_of_the_same_version(world):
    """The code changed and the model did not: the earlier image is restored."""
    world.deploy(NEW)
    other = world.put_image("code", world.host.bundles[world.digests[NEW]])
    world.host.bundles[other] = "another"
    with pytest.raises(ReleaseReverted) as failed:
        deploy.deploy(world.target(), NEW, other)
    assert failed.value.rollback.digest == world.digests[NEW]
    assert world.held() == (NEW, NEW)


def test_an_older_run_gives_way(world):
    """The newer release was faster, and stays."""
    world.deploy(NEW)
    older = world.deploy(OLD)
    assert (older.outcome, older.current.version) == ("superseded", NEW)
    assert world.held() == (NEW, NEW)


def test_two_at_once(world, tmp_path, monkeypatch):
    """Each on its own machine, pushing the same tag: the newer one wins, whoever was first."""
    meeting, push, mine = threading.Barrier(2), git.publish_tag, threading.local()

    def together(*args):
        if not hasattr(mine, "met"):
            mine.met = meeting.wait(30)
        return push(*args)

    monkeypatch.setattr(git, "publish_tag", together)
    runs = []
    for version in (OLD, NEW):
        target = world.target(url=False, repo=world.clone(tmp_path / version))
        call = (target, version, world.digests[version])
        runs.append(threading.Thread(target=deploy.deploy, args=call))
        runs[-1].start()
    for run in runs:
        run.join(60)
    assert world.held() == (NEW, NEW)


def test_a_hold_stops_the_next_release(world):
    """Until it is lifted."""
    world.deploy(OLD)
    world.deploy(NEW)
    deploy.rollback(world.target(), "previous", "late answers")
    assert world.held() == (OLD, OLD)
    with pytest.raises(UsageError, match=r"held in production by Ada Tester: 'late answers'"):
        world.deploy(NEW)
    deploy.rollback(world.target(), OLD, "repaired", hold=False)
    assert world.deploy(NEW).outcome == "changed"


def test_rollback_twice_changes_nothing(world):
    """Where it names the version."""
    world.deploy(OLD)
    world.deploy(NEW)
    first = deploy.rollback(world.target(), OLD, "why")
    assert (first.outcome, first.current.held) == ("changed", True)
    assert first.smoke
    second = deploy.rollback(world.target(), OLD, "why")
    assert (second.outcome, second.current) == ("unchanged", first.current)


def test_nothing_to_go_back_to(world):
    """A clear error."""
    with pytest.raises(UsageError, match="Nothing was in production before"):
        deploy.rollback(world.target(), "previous", "why")
    world.deploy(NEW)
    with pytest.raises(UsageError, match=rf"{OLD} was never in production"):
        deploy.rollback(world.target(), OLD, "why")


def test_previous_of_an_interrupted_run(world):
    """Pointer and ledger disagree: which is meant?"""
    world.deploy(OLD)
    world.deploy(NEW)
    world.image.point(world.digests[OLD])
    with pytest.raises(UsageError, match=r"A run was interrupted.*name the version"):
        deploy.rollback(world.target(), "previous", "why")


WRONG = {
    "unknown version": ({"version": "v9.9.9"}, "No version 'v9.9.9'"),
    "digest of the latest": ({"version": "latest", "digest": "sha256:1"}, "belongs to one version"),
    "no image": ({"version": NEW}, "No image of v1.1.0 is known"),
    "missing image": ({"version": NEW, "digest": f"sha256:{'0' * 64}"}, "holds no image sha256:0"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_changes_nothing(world, call, message):
    """It is refused before anything is written."""
    with pytest.raises(UsageError, match=message):
        deploy.deploy(world.target(), **call)
    assert world.held() == (None, None)


def test_the_image_tagged_with_the_version(world):
    """Is the default."""
    store = oci.ContainerRegistry(world.image.url)
    store.write(NEW, *store.read(world.digests[NEW]))
    assert deploy.deploy(world.target(), NEW).current.image_digest == world.digests[NEW]


def test_an_image_index(world):
    """Of any media type: the very bytes are named, so the digest stays."""
    store, kind = oci.ContainerRegistry(world.image.url), f"{oci.DOCKER}.list.v2+json"
    _, manifest = store.read(world.digests[NEW])
    part = {"mediaType": oci.MANIFEST, "digest": world.digests[NEW], "size": len(manifest)}
    part["platform"] = {"architecture": "amd64", "os": "linux"}
    listed = {"schemaVersion": 2, "mediaType": kind, "manifests": [part]}
    store.write("multi", kind, deploy_bytes(listed))
    digest = world.image.digest("multi")
    deploy.deploy(world.target(url=False), NEW, digest)
    assert world.image.digest() == digest


def deploy_bytes(content):
    return oci.json.dumps(content, indent=3).encode()


def test_origin_is_down(world):
    """Nothing is half done, and the reason is git's own."""
    world.git(world.repo, "remote", "set-url", "origin", "/nowhere")
    with pytest.raises(
        StoreUnreachable, match=r"git failed at origin: .*/nowhere.* Nothing is lost"
    ):
        world.deploy(NEW)
    assert world.image.digest() is None


def test_origin_goes_down_before_the_way_back(world, monkeypatch):
    """People are served the old image all the same."""
    world.deploy(OLD)
    world.host.broken = {world.digests[NEW]}
    verify = smoke.smoke

    def cut(*args, **more):
        world.git(world.repo, "remote", "set-url", "origin", "/nowhere")
        return verify(*args, **more)

    monkeypatch.setattr(smoke, "smoke", cut)
    with pytest.raises(ReleaseReverted) as failed:
        world.deploy(NEW)
    assert failed.value.rollback.digest == world.digests[OLD]
    assert "git failed at origin" in failed.value.rollback.ledger_error
    assert world.image.digest() == world.digests[OLD]


def tells_the_truth(world, repo, monkeypatch):
    """What `registry show` says there is what origin and the pointer have, and how they differ."""
    monkeypatch.chdir(repo)
    done = CliRunner().invoke(registry, ["show"], catch_exceptions=False)
    version, pointer = world.held()
    assert done.stdout.split()[1] == version
    assert ("by the ledger" in done.stderr) == (version != pointer)
    assert tags.sync(repo) == [], "this clone has no tag that origin lacks"


# Tag, push, its name here, pointer, smoke; and where that fails the first four again.
CUTS = [(step, False) for step in range(5)] + [(step, True) for step in range(4, 9)]


@pytest.mark.parametrize(("step", "broken"), CUTS)
def test_a_killed_run_is_repaired_by_the_next(world, killed, tmp_path, monkeypatch, step, broken):
    """Wherever it died, here and on a machine that has nothing of it."""
    world.deploy(OLD, url=False)
    world.host.broken = {world.digests[NEW]} if broken else set()
    first, second = (world.target(repo=world.clone(tmp_path / name)) for name in ("one", "two"))
    assert killed(step, lambda: deploy.deploy(first, NEW, world.digests[NEW]))
    for target in (first, second):
        tells_the_truth(world, target.repo, monkeypatch)
    again = first if step % 2 else second
    with pytest.raises(SmokeFailed) if broken else nullcontext():
        deploy.deploy(again, NEW, world.digests[NEW])
    assert world.held() == ((OLD, OLD) if broken else (NEW, NEW))


@pytest.mark.parametrize("step", range(5))
def test_a_killed_rollback_is_repaired_by_the_next(world, killed, monkeypatch, step):
    """On the same machine, too."""
    world.deploy(OLD)
    world.deploy(NEW)
    assert killed(step, lambda: deploy.rollback(world.target(), OLD, "why"))
    tells_the_truth(world, world.repo, monkeypatch)
    deploy.rollback(world.target(), OLD, "why")
    assert world.held() == (OLD, OLD)
    assert ledger.fetch(world.repo).current().note["hold"]


@pytest.mark.parametrize("step", range(2))
@pytest.mark.parametrize("push", [True, False], ids=["push", "here"])
def test_a_killed_tag_is_none(world, killed, step, push):
    """Of an assignment or a version, before it is at origin: no later command reads it."""
    before = world.git(world.repo, "for-each-ref")

    def write():
        ledger.assign(world.repo, NEW, why="better", push=push)

    assert killed(step, write)
    assert world.git(world.repo, "for-each-ref") == before
    write()
    assert [item.tag for item in ledger.read(world.repo).assignments] == ["model#production#1"]


def test_pointer_and_ledger_are_compared(world):
    """None where they agree, else what each of them names."""
    world.deploy(NEW)
    assert pointer.disagreement(world.image, ledger.read(world.repo)) is None
    world.image.point(world.digests[OLD])
    mismatch = pointer.disagreement(world.image, ledger.read(world.repo))
    assert mismatch.digest == world.digests[OLD]
    assert f"production is {mismatch.digest}, and by the ledger {NEW} is in" in mismatch.describe()


def test_no_image_is_known(world, monkeypatch):
    """Without an address and without GitHub."""
    monkeypatch.delenv("IMAGE_URL")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    with pytest.raises(UsageError, match=r"No image is known.*IMAGE_URL=HOST/OWNER/NAME"):
        image.Image(world.repo)
    monkeypatch.setenv("GITHUB_REPOSITORY", "Ada/Flights")
    assert image.Image(world.repo).url == "https://ghcr.io/ada/flights"


@pytest.mark.parametrize("kind", ["rollback", "assign"])
def test_a_person_and_a_release_at_once(world, tmp_path, monkeypatch, kind):
    """A hold or a lift on a laptop while a release pushes: none is lost, and all agree."""
    world.deploy(OLD)
    meeting, push, mine = threading.Barrier(2), git.publish_tag, threading.local()

    def together(*args):
        if not hasattr(mine, "met"):
            mine.met = meeting.wait(60)
        return push(*args)

    monkeypatch.setattr(git, "publish_tag", together)
    release, person = (world.target(False, world.clone(tmp_path / name)) for name in ("a", "b"))

    def hold():
        if kind == "rollback":
            return deploy.rollback(person, OLD, "late")
        return ledger.assign(person.repo, OLD, why="late", hold=True, push=True)

    with ThreadPoolExecutor(2) as pool:
        shipped = pool.submit(deploy.deploy, release, NEW, world.digests[NEW])
        held = pool.submit(hold)
        problems = [shipped.exception(120), held.exception(120)]
    monkeypatch.setattr(git, "publish_tag", push)
    entries = ledger.fetch(world.repo)
    assert tags.sync(release.repo) == tags.sync(person.repo) == []
    assert entries.assignments == ledger.fetch(person.repo).assignments
    if isinstance(problems[0], UsageError):  # the hold was first
        assert (problems[1], entries.current().held) == (None, True)
        assert "held in production" in str(problems[0])
    else:  # the release was first; a plain assignment is told so, a rollback goes back behind it
        assert problems[0] is None
        assert (type(problems[1]), entries.current().version) in (
            (ledger.TagTaken, NEW),
            (type(None), OLD),
        )
    deploy.sync_pointer(person)
    now = entries.current().version
    assert world.held() == (now, now)
