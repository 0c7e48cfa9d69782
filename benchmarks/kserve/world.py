"""The InferenceService in the cluster: how it is deployed, and what there is of it."""

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kubernetes.load import ask
from benchmarks.kubernetes.world import NAME, NAMESPACE, get, kubectl, ready, run

OWNER = "ghcr.io/octo-org/flight-delays"


@dataclass
class World:
    """`folder` is deploy/kserve with the registry of this machine, which has these `digests`."""

    folder: Path
    digests: dict[str, str]

    def deploy(self, *words: str, late_s: int = 300) -> tuple[bool, str, float]:
        """Run deploy.sh; return whether it succeeded, its last line, its seconds."""
        start = time.monotonic()
        words = tuple(self.digests.get(word, word) for word in words)
        env = os.environ | {"ROLLOUT_TIMEOUT": f"{late_s}s"}
        said = run("sh", "-c", './deploy.sh "$@"; echo $?', "sh", *words, cwd=self.folder,
                   env=env, succeed=False)  # fmt: skip
        lines = said.splitlines()
        reason = [line for line in lines if line.startswith("deploy: ")]
        return "0" in lines, (reason or lines)[-1], time.monotonic() - start


def pods(service: str) -> list[dict]:
    """Return the pods of a Service of KServe that are not being ended."""
    items = get("pods", "--selector", f"app=isvc.{service}")["items"]
    return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def names(kind: str) -> set[str]:
    """Return the names of all objects of a kind."""
    return {one["metadata"]["name"] for one in get(kind)["items"]}


def address(service: str) -> str:
    """Return the address of a Service."""
    return get("service", service)["spec"]["clusterIP"]


def digests_at(service: str) -> set[str]:
    """Return what the pods of a Service report."""
    ips = [pod["status"]["podIP"] for pod in pods(service) if ready(pod)]
    return {ask(ip, "/version", port=8000)[1]["image_digest"] for ip in ips}


def condition(kind: str = "Ready") -> str:
    """Return a condition of the InferenceService."""
    conditions = get("inferenceservice", NAME).get("status", {}).get("conditions", [])
    return {one["type"]: one["status"] for one in conditions}.get(kind, "absent")


def copied(project: Path, folder: Path, image: str) -> Path:
    """Copy deploy/kserve, with another registry and nothing else."""
    made = Path(shutil.copytree(project / "deploy" / "kserve", folder / "deploy"))
    for file in made.iterdir():
        file.write_text(file.read_text().replace(OWNER, image))
    return made


def namespace() -> None:
    """Make the project's namespace."""
    kubectl("create", "namespace", NAMESPACE)
    label = "pod-security.kubernetes.io/enforce=restricted"
    kubectl("label", "namespace", NAMESPACE, label)


def own_config(folder: Path) -> None:
    """Let kubectl use the project's namespace, by a configuration of its own."""
    file = folder / "kubeconfig"
    file.write_text(run("kubectl", "config", "view", "--raw", "--flatten", "--minify"))
    os.environ["KUBECONFIG"] = str(file)
    run("kubectl", "config", "set-context", "--current", "--namespace", NAMESPACE)
