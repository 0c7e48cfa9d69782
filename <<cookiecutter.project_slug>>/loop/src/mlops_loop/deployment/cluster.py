"""Kubernetes' API as the service account of a pod knows it: a few calls, to its own host alone.

The account's token is read anew for each request, because the kubelet replaces it, and goes to no
other host: redirects are refused, and the server must show a certificate of the cluster. See
https://kubernetes.io/docs/tasks/run-application/access-api-from-pod
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from mlops_loop.errors import ClusterRefused, UsageError
from mlops_loop.text import printable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CONTAINER = "endpoint"  # in each Deployment that this module changes
CHECK = "check"  # beside it in a candidate: asks the golden rows
# Reasons of the kubelet that say nothing about the image itself.
UNFETCHED = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"}
PATCH = "application/strategic-merge-patch+json"
Facts = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """A Deployment: what it should run, and how far that is.

    digest: of its image, empty where that is named by a tag. good: the last digest that every pod
    ran. settled: whether no pod of another template is left and all are available.
    stuck: why Kubernetes gave the rollout up, empty where it did not.
    """

    name: str
    digest: str
    good: str
    replicas: int
    selector: str
    settled: bool
    stuck: str


@dataclass(frozen=True)
class Pod:
    """A pod that is not being ended. problem: why it does not start, empty where it does.

    unfetched: that its image could not be pulled, or no node has room: no fault of the image.
    """

    name: str
    ip: str
    digest: str
    ready: bool
    problem: str
    unfetched: bool


class Cluster:
    """The namespace of this pod.

    The constructor raises UsageError outside a cluster; every method raises ClusterRefused where
    the API refuses, cannot be reached, or answers no JSON.
    """

    GOOD = "mlops-loop/good"

    def __init__(self, env: Mapping[str, str] = os.environ, account: Path = ACCOUNT):
        host = env.get("KUBERNETES_SERVICE_HOST", "")
        if not host or not (account / "token").is_file():
            raise UsageError(
                "This is no pod with a service account: KUBERNETES_SERVICE_HOST or "
                f"{account}/token is missing. Next: see deploy/kubernetes/README.md"
            )
        host = f"[{host}]" if ":" in host else host
        self._origin = f"https://{host}:{env.get('KUBERNETES_SERVICE_PORT') or 443}"
        self._account = account
        self._namespace = (account / "namespace").read_text("utf-8").strip()

    @cached_property
    def _http(self) -> urllib3.PoolManager:
        patience = Retry(3, redirect=False, backoff_factor=0.5, status_forcelist=(429, 503))
        certificates = str(self._account / "ca.crt")
        wait = Timeout(connect=5, read=20)
        return urllib3.PoolManager(ca_certs=certificates, retries=patience, timeout=wait)

    def workload(self, name: str) -> Workload:
        """The Deployment of a name."""
        return _workload(self._ask("GET", self._deployment(name)))

    def pods(self, workload: Workload) -> list[Pod]:
        """Its pods, without those that are being ended."""
        asked = urlencode({"labelSelector": workload.selector})
        items = self._ask("GET", f"{self._core('pods')}?{asked}").get("items") or []
        return [_pod(pod) for pod in items if not pod["metadata"].get("deletionTimestamp")]

    def run(self, name: str, image: str, digest: str, containers: tuple[str, ...]) -> None:
        """Let the named containers of a Deployment run an image by its digest."""
        reported = [{"name": "IMAGE_DIGEST", "value": digest}]
        pod = [{"name": c, "image": f"{image}@{digest}", "env": reported} for c in containers]
        self._change(name, {"spec": {"template": {"spec": {"containers": pod}}}})

    def scale(self, name: str, replicas: int) -> None:
        """Set how many pods a Deployment should have."""
        self._change(name, {"spec": {"replicas": replicas}})

    def keep(self, name: str, digest: str) -> None:
        """Remember the digest that every pod of a Deployment runs: what a bad one goes back to."""
        self._change(name, {"metadata": {"annotations": {self.GOOD: digest}}})

    def note(self, name: str) -> str:
        """What pods report at /version as `deploy_note`; empty where there is nothing."""
        found = self._ask("GET", self._core(f"configmaps/{name}"))
        return ((found.get("data") or {}).get("refused") or "").strip()

    def write_note(self, name: str, text: str) -> None:
        """Replace the note; an empty text removes it."""
        path = self._core(f"configmaps/{name}")
        self._ask("PATCH", path, {"data": {"refused": text or None}})

    def _change(self, name: str, change: Facts) -> None:
        self._ask("PATCH", self._deployment(name), change)

    def _deployment(self, name: str) -> str:
        return f"/apis/apps/v1/namespaces/{self._namespace}/deployments/{name}"

    def _core(self, path: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/{path}"

    def _ask(self, method: str, path: str, content: Facts | None = None) -> Facts:
        token = (self._account / "token").read_text("utf-8").strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": PATCH}
        body = None if content is None else json.dumps(content)
        try:
            url = self._origin + path
            answer = self._http.request(method, url, headers=headers, body=body, redirect=False)
            if answer.status == 200:
                return _object(answer.data)
        except (HTTPError, ValueError) as error:
            raise self._error(method, path, str(error)) from error
        raise self._error(method, path, f"{answer.status} {_reason(answer.data)}")

    def _error(self, method: str, path: str, what: str) -> ClusterRefused:
        place = f"{method} {self._origin}{path.partition('?')[0]}"
        return ClusterRefused(
            f"{place}: {printable(what)}. What runs stays. Next: the follower tries again; if it "
            "stays so, compare its Role with deploy/kubernetes/base/follower.yaml"
        )


def _object(data: bytes) -> Facts:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError(f"it answers no object: {data[:60]!r}")
    return found


def _reason(data: bytes) -> str:
    """The message of a refusal."""
    try:
        return str(_object(data).get("message") or "")
    except ValueError:
        return data[:200].decode(errors="replace")


def digest_of(image: str) -> str:
    """The digest in the name of an image; empty where it has none."""
    return image.partition("@")[2]


def _workload(found: Facts) -> Workload:
    meta, spec, status = found["metadata"], found["spec"], found.get("status") or {}
    replicas = spec.get("replicas", 1)
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    progress = conditions.get("Progressing", {})
    observed = status.get("observedGeneration", 0) >= meta.get("generation", 1)
    given_up = observed and progress.get("status") == "False"
    counts = [status.get(f"{kind}eplicas", 0) for kind in ("r", "updatedR", "availableR")]
    labels = spec["selector"]["matchLabels"]
    return Workload(
        meta["name"],
        digest_of(_container(spec["template"]["spec"])["image"]),
        (meta.get("annotations") or {}).get(Cluster.GOOD, ""),
        replicas,
        ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        observed and counts == [replicas] * 3,
        progress.get("message", "the rollout is given up") if given_up else "",
    )


def _container(pod: Facts) -> Facts:
    found: Facts = next(c for c in pod["containers"] if c["name"] == CONTAINER)
    return found


def _pod(found: Facts) -> Pod:
    status = found.get("status") or {}
    states = {c["name"]: c for c in status.get("containerStatuses") or []}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    problem, unfetched = _problem(conditions, states)
    return Pod(
        found["metadata"]["name"],
        status.get("podIP", ""),
        digest_of(_container(found["spec"])["image"]),
        conditions.get("Ready", {}).get("status") == "True",
        problem,
        unfetched,
    )


def _problem(conditions: Mapping[str, Facts], states: Mapping[str, Facts]) -> tuple[str, bool]:
    """Why a pod does not start, and whether that is no fault of its image."""
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return f"it has no node: {scheduled.get('message', '')}", True
    for name in (CHECK, CONTAINER):  # what the check says is nearer to the cause
        state = states.get(name) or {}
        waiting = (state.get("state") or {}).get("waiting") or {}
        if (reason := waiting.get("reason", "")) in UNFETCHED:
            return f"{reason}: {waiting.get('message', '')}", True
        if ended := _ended(state):
            return f"the container {name} ended with {ended}", False
    return "", False


def _ended(state: Facts) -> str:
    """Exit code and last words of a container that ended, now or before its restart."""
    for when in ("state", "lastState"):
        if ended := (state.get(when) or {}).get("terminated"):
            words = (ended.get("message") or ended.get("reason") or "").strip().splitlines()
            return f"{ended.get('exitCode')}: {printable(words[-1]) if words else 'no word'}"
    return ""
