"""Start a container of an image as a host would, test and measure it, and remove it."""

from __future__ import annotations

import json
import re
import subprocess
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlops_loop import files, params
from mlops_loop.deployment import docker, smoke
from mlops_loop.deployment.client import Client
from mlops_loop.deployment.image_label import LABEL, check_label
from mlops_loop.deployment.smoke import SmokeResult
from mlops_loop.errors import SmokeFailed
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.model.bundle import Bundle
from mlops_loop.text import printable

# As deploy/host and compose.yaml run it.
LOCKED_DOWN = (
    "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--user=10001:10001", "--pids-limit=128", "--publish=127.0.0.1::8000",
)  # fmt: skip
MEMORY = 512 << 20  # bytes that it may use, unless the budget asks for more
ROOM = 1.15  # times the budget: what requests may take beside the model
ROUNDS = 4  # of the golden rows, for the latency
LOG_LINES = 20


@dataclass(frozen=True)
class ContainerCheck:
    """A container that answered as it should, and what was measured on it.

    measurements: by the name of a budget in gate.yaml; `latency_p95_ms` of one row over HTTP in
    milliseconds, `image_mb` in 10^6 bytes, and `memory_mb`, the most that the process held, with
    the model loaded and the golden rows answered.
    """

    smoke: SmokeResult
    measurements: dict[str, float]


def check_image(
    image: str, bundle: Bundle, policy: Path, out: Path, timeout_s: float = 60.0,
    ran: Collection[str] = (),
) -> ContainerCheck:  # fmt: skip
    """Test and measure a container of an image; write the measurements to `out`.

    ran: digests of images that the bundle's version ran with, which may lack the label of their
    bundle. The measurements are compared with the budgets of the policy here, and by the gate,
    which reads `out`.
    Raises SmokeFailed with the container's last lines of log, UsageError where Docker cannot
    start it, and where its label names another bundle, or none.
    """
    name, rules = f"verify-{uuid.uuid4().hex[:12]}", params.read_yaml(policy, GatePolicy)
    try:
        _start(name, image, _room(rules))
        _check_label(image, bundle, ran)
        answers = smoke.smoke(_wait_until_ready(name, timeout_s), bundle, timeout_s)
        measured = {"latency_p95_ms": _latency(answers.url, bundle)}
        measured["image_mb"] = int(docker.run("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
        measured |= _most_memory(name)
        facts = {"bundle": bundle.id, "image": image, "measurements": measured}
        files.write_json(facts, out)
        _check_budgets(measured, rules)
    except SmokeFailed as error:
        raise SmokeFailed(f"{error}\n{_last_lines(name)}") from error
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True)
    return ContainerCheck(answers, measured)


def _room(policy: GatePolicy) -> int:
    """Bytes of memory for the container: as where it runs, or what its budget needs."""
    budget = policy.budgets.get("memory_mb")
    return max(MEMORY, int(budget.at_most * ROOM * 1e6)) if budget else MEMORY


def _start(name: str, image: str, memory: int) -> None:
    docker.login(image)
    digest = f"IMAGE_DIGEST={image.partition('@')[2]}"
    limits = (*LOCKED_DOWN, f"--memory={memory}")
    docker.run("run", "--detach", "--name", name, *limits, "--env", digest, image)


def _check_label(image: str, bundle: Bundle, ran: Collection[str]) -> None:
    label = docker.run("image", "inspect", "-f", f'{{{{index .Config.Labels "{LABEL}"}}}}', image)
    if label or image.partition("@")[2] not in ran:
        check_label(image, {label}, bundle.id, "models/bundle", "make image")


def _wait_until_ready(name: str, timeout_s: float) -> str:
    """The address of the container, once it is ready."""
    deadline = time.monotonic() + timeout_s
    while True:
        url = _address(name)
        try:
            Client(url).ask("/ready")
            return url
        except SmokeFailed as error:
            if time.monotonic() > deadline:
                raise SmokeFailed(f"Not ready within {timeout_s:g} s: {error}") from error
        time.sleep(0.25)


def _address(name: str) -> str:
    """Where the container listens; raises SmokeFailed where it has ended."""
    state = json.loads(docker.run("inspect", name))[0]
    if state["State"].get("OOMKilled"):
        raise SmokeFailed(
            "The container was killed: the model needs more memory than the "
            f"{state['HostConfig']['Memory'] / 1e6:,.0f} MB that it may use. Next: a smaller model "
            "(train.grid), or more memory: loop/docs/alerts.md#endpointmemory"
        )
    if not state["State"]["Running"]:
        raise SmokeFailed("The container ended instead of serving.")
    return f"http://127.0.0.1:{state['NetworkSettings']['Ports']['8000/tcp'][0]['HostPort']}"


def _latency(url: str, bundle: Bundle) -> float:
    """The 95th percentile of the time that an answer to one golden row takes, milliseconds."""
    seconds = []
    for line in bundle.golden() * ROUNDS:
        start = time.perf_counter()
        Client(url).ask("/predict", line["row"])
        seconds.append(time.perf_counter() - start)
    return float(np.quantile(seconds, 0.95)) * 1000


def _most_memory(name: str) -> dict[str, float]:
    """What the kernel counts of the first process, 10^6 bytes; {} where it does not count."""
    status = docker.run("exec", name, "cat", "/proc/1/status")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.M)
    return {"memory_mb": int(found[1]) * 1024 / 1e6} if found else {}


def _check_budgets(measured: dict[str, float], policy: GatePolicy) -> None:
    for name, rule in policy.budgets.items():
        if not measured.get(name, 0.0) <= rule.at_most:
            raise SmokeFailed(
                f"{name} is {measured[name]:.4g}, and gate.yaml allows {rule.at_most:g}."
            )


def _last_lines(name: str) -> str:
    log: Any = subprocess.run(
        ["docker", "logs", "--tail", str(LOG_LINES), name],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    lines = [f"  {printable(line)}" for line in log.stdout.splitlines()]
    return "\n".join([f"The container's last {len(lines)} lines:", *lines])
