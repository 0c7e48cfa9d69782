"""The follower of a cluster: what it starts, what it waits for, and what it goes back to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlops_loop.deployment import follow as following
from mlops_loop.deployment.cluster import CHECK, CONTAINER, Pod, Workload
from mlops_loop.deployment.follow import Follower, NotStarted
from mlops_loop.errors import NotAttested, SmokeFailed, StoreUnreachable, UsageError

OLD, NEW, LATER = (f"sha256:{letter * 64}" for letter in "abc")
NAME, CANDIDATE = "flights", "flights-candidate"


class Pods(ThreadingHTTPServer):
    """Every address 127.0.0.N is a pod, which reports what `reports` has for it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("0.0.0.0", 0), Reporter)
        self.reports = {}
        self.url = f"http://127.0.0.1:{self.server_port}"


class Reporter(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""

    def do_GET(self):
        data = json.dumps(
            {"image_digest": self.server.reports.get(self.connection.getsockname()[0])}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@dataclass
class Kubernetes:
    """Two Deployments. Each look moves one pod on; `behaviour` of a digest says how it ends.

    "crash" in any pod, "crash with traffic" in those of the endpoint alone, "silent" never ready,
    "unfetched" not pulled, "liar" reports another digest.
    """

    servers: Pods
    behaviour: dict = field(default_factory=dict)
    specs: dict = field(default_factory=lambda: {NAME: OLD, CANDIDATE: ""})
    replicas: dict = field(default_factory=lambda: {NAME: 2, CANDIDATE: 0})
    good: str = OLD
    text: str = ""
    running: list = field(default_factory=lambda: [OLD, OLD])
    calls: list = field(default_factory=list)

    def workload(self, name):
        wanted = self.specs[name]
        if name == NAME and self.fate(wanted, NAME) in ("", "liar"):
            stale = [n for n, digest in enumerate(self.running) if digest != wanted]
            if stale:
                self.running[stale[0]] = wanted
        settled = name == CANDIDATE or all(digest == wanted for digest in self.running)
        return Workload(name, wanted, self.good, self.replicas[name], name, settled, "")

    def fate(self, digest, name):
        found = self.behaviour.get(digest, "")
        with_traffic = found.endswith(" with traffic")
        return "" if with_traffic and name == CANDIDATE else found.removesuffix(" with traffic")

    def pods(self, work):
        if work.name == CANDIDATE:
            return [self.pod("candidate", "", work.digest, CANDIDATE)] * work.replicas
        pods = [self.pod(f"p{n}", f"127.0.0.{n + 2}", d, NAME) for n, d in enumerate(self.running)]
        is_new = work.digest not in self.running
        return [*pods, self.pod("new", "", work.digest, NAME)] if is_new else pods

    def pod(self, name, ip, digest, owner):
        fate = self.fate(digest, owner)
        self.servers.reports[ip] = LATER if fate == "liar" and owner == NAME else digest
        problem = {"crash": "the container check ended with 5: wrong", "unfetched": "no image"}
        ready = fate in ("", "liar")
        return Pod(name, ip, digest, ready, problem.get(fate, ""), fate == "unfetched")

    def run(self, name, image, digest, containers):
        self.calls.append((name, image, digest, containers))
        self.specs[name] = digest

    def scale(self, name, replicas):
        self.replicas[name] = replicas

    def keep(self, name, digest):
        assert name == NAME
        self.good = digest

    def note(self, name):
        return self.text

    def write_note(self, name, text):
        self.text = text


@dataclass
class Registry:
    """Holds what production names."""

    named: str | None = NEW

    def digest(self, tag):
        assert tag == "production"
        return self.named


@pytest.fixture
def to(listening, monkeypatch):
    """A follower of two pods that run OLD, while production names NEW."""
    monkeypatch.setattr(following, "POLL_S", 0.01)
    with listening(Pods()) as servers:
        monkeypatch.setattr(following, "PORT", servers.server_port)
        yield Follower(Kubernetes(servers), Registry(), "ghcr.io/o/flights", NAME, timeout_s=0.3)


def test_a_new_image_is_tried_without_traffic_and_then_rolled_out(to):
    """By its digest, in both containers of the candidate, which is gone after that."""
    done = following.follow(to)
    assert (done.digest, done.outcome, done.n_pods) == (NEW, "changed", 2)
    assert to.cluster.calls == [
        (CANDIDATE, "ghcr.io/o/flights", NEW, (CONTAINER, CHECK)),
        (NAME, "ghcr.io/o/flights", NEW, (CONTAINER,)),
    ]
    assert (to.cluster.running, to.cluster.good) == ([NEW, NEW], NEW)
    assert to.cluster.replicas == {NAME: 2, CANDIDATE: 0}


def test_nothing_new(to):
    """Nothing is started; what a killed run left without traffic is ended."""
    to.registry.named, to.cluster.replicas[CANDIDATE], to.cluster.text = OLD, 1, "old reason"
    assert following.follow(to).outcome == "unchanged"
    assert to.cluster.calls == []
    assert (to.cluster.replicas[CANDIDATE], to.cluster.text) == (0, "")


@pytest.mark.parametrize("fate", ["crash", "silent"])
def test_a_bad_candidate_changes_nothing(to, fate):
    """The endpoint's Deployment is not touched; the note says why; it is not tried again."""
    to.cluster.behaviour[NEW] = fate
    with pytest.raises(SmokeFailed):
        following.follow(to)
    assert [call[0] for call in to.cluster.calls] == [CANDIDATE]
    assert (to.cluster.running, to.cluster.replicas[CANDIDATE]) == ([OLD, OLD], 0)
    note = to.cluster.text
    assert note.startswith(f"{NEW} did not become healthy, so {OLD} stays: ")
    assert ("ended with 5: wrong" in note) == (fate == "crash")
    to.cluster.calls.clear()
    with pytest.raises(SmokeFailed, match="did not become healthy"):
        following.follow(to)
    assert (to.cluster.calls, to.cluster.text) == ([], note)
    to.registry.named = LATER
    assert following.follow(to).digest == LATER
    assert to.cluster.text == ""


def test_the_note_has_no_row_of_data(to, monkeypatch):
    """Anybody may read /version; the follower's own log has the row."""
    said = "the container check ended with 5: wrong. The row: {'age': 61}"
    whole = Kubernetes.pod

    def pod(self, *facts):
        found = whole(self, *facts)
        return replace(found, problem=said) if found.problem else found

    monkeypatch.setattr(Kubernetes, "pod", pod)
    to.cluster.behaviour[NEW] = "crash"
    with pytest.raises(SmokeFailed, match="61"):
        following.follow(to)
    assert to.cluster.text.endswith("ended with 5: wrong")


@pytest.mark.parametrize("fate", ["crash with traffic", "silent with traffic", "liar"])
def test_a_rollout_that_fails_goes_back(to, fate):
    """Also where a pod reports another digest than it was given."""
    to.cluster.behaviour[NEW] = fate
    with pytest.raises(SmokeFailed):
        following.follow(to)
    assert [(name, digest) for name, _, digest, _ in to.cluster.calls] == [
        (CANDIDATE, NEW),
        (NAME, NEW),
        (NAME, OLD),
    ]
    assert (to.cluster.running, to.cluster.good) == ([OLD, OLD], OLD)
    assert f"{NEW} did not become healthy, so {OLD} stays" in to.cluster.text


def test_one_pod_that_reports_it_is_not_enough(to, monkeypatch):
    """A rollout is over when every pod does."""
    seen = []
    whole = Kubernetes.workload

    def look(self, name):
        work = whole(self, name)
        if name == NAME:
            seen.append(list(self.running))
            work = replace(work, settled=True)  # whatever Kubernetes counts
        return work

    monkeypatch.setattr(Kubernetes, "workload", look)
    following.follow(to)
    assert [NEW, OLD] in seen
    assert seen[-1] == [NEW, NEW]


@pytest.mark.parametrize("fate", ["unfetched", "unfetched with traffic"])
def test_an_image_that_could_not_be_pulled_is_tried_again(to, fate):
    """It may be the registry, or a cluster without room."""
    to.cluster.behaviour[NEW] = fate
    with pytest.raises(NotStarted):
        following.follow(to)
    assert to.cluster.text.startswith(f"{NEW} was not started: ")
    assert to.cluster.running == [OLD, OLD]
    to.cluster.behaviour.clear()
    assert following.follow(to).digest == NEW
    assert to.cluster.text == ""


def test_an_unsigned_image_is_not_started(to):
    """Not even as a candidate; it is tried again, as a signature may come later."""
    signed = []

    def verify(image):
        if image not in signed:
            raise NotAttested(f"{image} is not signed")

    to = replace(to, verify=verify)
    with pytest.raises(NotAttested):
        following.follow(to)
    assert to.cluster.calls == []
    assert to.cluster.text.startswith(f"{NEW} is not signed by the workflow release")
    signed.append(f"ghcr.io/o/flights@{NEW}")
    assert following.follow(to).digest == NEW


def test_a_run_that_was_killed_is_continued(to):
    """The Deployment has the digest already, and some pods run it: no candidate again."""
    to.cluster.specs[NAME] = NEW
    assert following.follow(to).outcome == "changed"
    assert (to.cluster.calls, to.cluster.good) == ([], NEW)


def test_a_killed_run_of_a_bad_image_goes_back(to):
    """To what every pod ran, which the Deployment remembers."""
    to.cluster.specs[NAME], to.cluster.behaviour[NEW] = NEW, "silent"
    with pytest.raises(SmokeFailed):
        following.follow(to)
    assert to.cluster.specs[NAME] == OLD


def test_the_first_image_has_nothing_to_go_back_to(to):
    """And it is remembered once every pod runs it."""
    to.cluster.good, to.cluster.specs[NAME], to.cluster.behaviour[NEW] = "", NEW, "silent"
    to.cluster.running = []
    with pytest.raises(SmokeFailed):
        following.follow(to)
    assert (to.cluster.specs[NAME], to.cluster.good) == (NEW, "")
    assert "so no version stays" in to.cluster.text
    to.cluster.text, to.cluster.behaviour, to.cluster.running = "", {}, [NEW, NEW]
    following.follow(to)
    assert to.cluster.good == NEW


def test_no_tag_and_no_pods(to):
    """What runs stays, and nothing is promised of a Deployment without pods."""
    to.registry.named = None
    with pytest.raises(StoreUnreachable, match="no tag production; the running version stays"):
        following.follow(to)
    to.registry.named, to.cluster.replicas[NAME] = NEW, 0
    with pytest.raises(UsageError, match="has no replicas"):
        following.follow(to)
    assert to.cluster.calls == []


@pytest.mark.parametrize("name", ["", "ghcr.io/o/r:latest", f"ghcr.io/o/r@{OLD}"])
def test_a_name_with_a_tag_is_refused(name):
    """The follower adds the digest itself."""
    with pytest.raises(UsageError, match="without a tag"):
        following.checked_name(name)


def test_a_port_is_no_tag():
    """Of a registry on this machine."""
    assert following.checked_name("127.0.0.1:5000/o/r") == "127.0.0.1:5000/o/r"
