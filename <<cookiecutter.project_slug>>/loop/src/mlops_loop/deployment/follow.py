"""Let a Deployment of Kubernetes run the image that production names, as a host does.

A candidate without traffic comes first: a pod of the new image that must answer its own golden
rows. Then the Deployment gets the digest, and the rollout is over when every pod reports it. A
rollout that fails or misses its deadline goes back to the digest that every pod ran before. Each
run continues where one that was killed ended: all that is remembered is in the Deployment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mlops_loop.deployment import smoke
from mlops_loop.deployment.client import Client
from mlops_loop.deployment.cluster import CHECK, CONTAINER, Cluster, Pod, Workload
from mlops_loop.errors import NotAttested, SmokeFailed, StoreUnreachable, UsageError
from mlops_loop.storage.oci import ContainerRegistry

POINTER = "production"
POLL_S, ASK_S = 2.0, 3.0
PORT = 8000
UNHEALTHY = "did not become healthy"


class NotStarted(SmokeFailed):
    """No node has room, or the image could not be pulled: the same image is tried again."""


@dataclass(frozen=True)
class Follower:
    """What follows: `deployment` runs `image`, whose tag production `registry` is asked for.

    verify: raises NotAttested for an image (NAME@sha256:...) that may not start. timeout_s: how
    long a candidate, and then the rollout, may take.
    """

    cluster: Cluster
    registry: ContainerRegistry
    image: str
    deployment: str
    verify: Callable[[str], object] = str
    timeout_s: float = 300.0

    @property
    def candidate(self) -> str:
        """The Deployment that never has traffic."""
        return f"{self.deployment}-candidate"


@dataclass(frozen=True)
class Followed:
    """What all pods run now. outcome: whether that is new."""

    digest: str
    outcome: Literal["changed", "unchanged"]
    n_pods: int


def follow(to: Follower) -> Followed:
    """Run what production names, once.

    Raises StoreUnreachable where there is no such tag, NotAttested for an unsigned image,
    SmokeFailed where the image was refused, now or before, ClusterRefused where the cluster is
    down. What ran before stays or is back in each case.
    """
    wanted, live = _wanted(to), to.cluster.workload(to.deployment)
    note = to.cluster.note(to.deployment)
    if not live.replicas:
        nothing = f"{to.deployment} has no replicas, so nothing can be rolled out"
        raise UsageError(f"{nothing}. Next: kubectl scale deployment/{to.deployment} --replicas 2")
    if live.digest == wanted == live.good:
        to.cluster.scale(to.candidate, 0)  # what a killed run left
        return _unchanged(to, live, note)
    try:
        if note.startswith(f"{wanted} {UNHEALTHY}"):
            raise SmokeFailed(note)
        if live.digest != wanted:
            _try(to, wanted)
            to.cluster.run(to.deployment, to.image, wanted, (CONTAINER,))
        pods = _wait(to, to.deployment, wanted, _reports)
    except (SmokeFailed, NotAttested) as error:
        _go_back(to, wanted, live.good, error, note)
        raise
    to.cluster.keep(to.deployment, wanted)
    _unchanged(to, live, note)
    return Followed(wanted, "changed", len(pods))


def _wanted(to: Follower) -> str:
    if digest := to.registry.digest(POINTER):
        return digest
    raise StoreUnreachable(
        f"{to.image} has no tag {POINTER}; the running version stays. Next: merge a model that "
        "passes the gate, or loop deploy vX.Y.Z"
    )


def _unchanged(to: Follower, live: Workload, note: str) -> Followed:
    if note:
        to.cluster.write_note(to.deployment, "")
    return Followed(live.digest, "unchanged", live.replicas)


def _try(to: Follower, digest: str) -> None:
    """Start the image without traffic and wait for its golden rows; raises SmokeFailed."""
    to.verify(f"{to.image}@{digest}")
    to.cluster.run(to.candidate, to.image, digest, (CONTAINER, CHECK))
    to.cluster.scale(to.candidate, 1)
    try:
        _wait(to, to.candidate, digest, _passes)
    finally:
        to.cluster.scale(to.candidate, 0)


def _wait(
    to: Follower, name: str, digest: str, trouble: Callable[[Workload, Pod, str], str]
) -> list[Pod]:
    """The pods of a Deployment, as soon as none of them has trouble; raises SmokeFailed."""
    deadline = time.monotonic() + to.timeout_s
    while True:
        work = to.cluster.workload(name)
        pods = to.cluster.pods(work)
        found = [t for pod in pods if (t := trouble(work, pod, digest))]
        if work.settled and pods and not found and len(pods) == work.replicas:
            return pods
        _check_hope(work, pods, digest, time.monotonic() > deadline, found, to.timeout_s)
        time.sleep(POLL_S)


def _check_hope(
    work: Workload, pods: list[Pod], digest: str, is_late: bool, found: list[str], timeout_s: float
) -> None:
    """Raise SmokeFailed where the rollout is given up or late, with the reason of a new pod."""
    new = [pod for pod in pods if pod.digest == digest and pod.problem and not pod.ready]
    ended = next((pod for pod in new if not pod.unfetched), None)
    reason = f"{new[0].name}: {new[0].problem}" if new else next(iter(found), "too few pods")
    if ended and work.name.endswith("-candidate"):  # it has one try; pods have the deadline
        raise SmokeFailed(f"{ended.name}: {ended.problem}")
    if is_late or work.stuck:
        kind = NotStarted if new and all(pod.unfetched for pod in new) else SmokeFailed
        raise kind(f"{work.stuck or f'{work.name} was not ready within {timeout_s:g} s'}; {reason}")


def _passes(work: Workload, pod: Pod, digest: str) -> str:
    return "" if pod.ready and pod.digest == digest else f"{pod.name} is not ready"


def _reports(work: Workload, pod: Pod, digest: str) -> str:
    """Why a pod is not known to run an image; empty where it says so itself."""
    if not pod.ready or not pod.ip:
        return f"{pod.name} is not ready"
    host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
    try:
        version = Client(f"http://{host}:{PORT}", key="", timeout_s=ASK_S).ask("/version")
    except SmokeFailed as error:
        return f"{pod.name}: {error}"
    found = version.get("image_digest")
    return "" if found == digest else f"{pod.name} reports {found}, expected {digest}"


def _go_back(to: Follower, wanted: str, good: str, error: Exception, before: str) -> None:
    """Let all pods run what they ran before, and say why at /version."""
    live = to.cluster.workload(to.deployment)
    if good and live.digest != good:
        to.cluster.run(to.deployment, to.image, good, (CONTAINER,))
    note = _note(wanted, good, error)
    if not before.startswith(f"{wanted} {UNHEALTHY}"):
        to.cluster.write_note(to.deployment, note)
    if good:
        _wait(to, to.deployment, good, _reports)


def _note(wanted: str, good: str, error: Exception) -> str:
    """What /version says, which anybody may read: the reason without a row of data."""
    reason = str(error).partition(smoke.ROW)[0]
    if isinstance(error, NotAttested):
        return f"{wanted} is not signed by the workflow release, so it is not started: {reason}"
    if isinstance(error, NotStarted):
        return f"{wanted} was not started: {reason}"
    return f"{wanted} {UNHEALTHY}, so {good or 'no version'} stays: {reason}"


def checked_name(image: str) -> str:
    """The name of an image without a tag; raises UsageError for one that has a tag or digest."""
    last = image.rpartition("/")[2]
    if not image or "@" in image or ":" in last:
        raise UsageError(f"IMAGE={image!r} is refused: allowed is HOST/OWNER/NAME without a tag.")
    return image
