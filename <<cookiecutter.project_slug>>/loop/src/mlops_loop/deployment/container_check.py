"""A container of the image, started as a host would, asked, measured, and removed."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlops_loop import files, params
from mlops_loop.deployment import smoke
from mlops_loop.deployment.client import Client
from mlops_loop.errors import SmokeFailed, UsageError
from mlops_loop.gate.policy import Policy
from mlops_loop.model.bundle import Bundle

# As deploy/host and compose.yaml run it.
LOCKED_DOWN = (
    "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--user=10001:10001", "--memory=512m", "--pids-limit=128", "--publish=127.0.0.1::8000",
)  # fmt: skip
ROUNDS = 4  # of the golden rows, for the latency
LOG_LINES = 20


def run(image: str, bundle: Bundle, policy: Path, out: Path, timeout_s: float = 60.0) -> str:
    """Try an image; write what was measured to `out` and say what was found.

    The gate holds `out` against the budgets of its policy, and so does this. Raises SmokeFailed
    with the container's last words, UsageError where Docker cannot start it.
    """
    name = f"try-{uuid.uuid4().hex[:12]}"
    digest = image.partition("@")[2]
    try:
        _login(image)
        call = ("--detach", "--name", name, *LOCKED_DOWN, "--env", f"IMAGE_DIGEST={digest}", image)
        _docker("run", *call)
        said, measured = _ask(name, bundle, timeout_s)
        measured["image_mb"] = int(_docker("image", "inspect", "-f", "{{.Size}}", image)) / 1e6
        facts = {"bundle": bundle.id, "image": image, "measurements": measured}
        files.write_json(facts, out)
        _hold(measured, params.read_yaml(policy, Policy))
    except SmokeFailed as error:
        raise SmokeFailed(f"{error}\n{_last_words(name)}") from error
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True)
    return f"{said}; " + ", ".join(f"{key} {value:.3g}" for key, value in measured.items())


def _docker(*args: str, text: str = "") -> str:
    try:
        done = subprocess.run(["docker", *args], input=text, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise UsageError("docker is not installed, and an image is tried with it.") from error
    if done.returncode:
        raise UsageError(f"docker {args[0]}: {_escaped(done.stderr)}. Next: make image")
    return done.stdout.strip()


def _login(image: str, env: Mapping[str, str] = os.environ) -> None:
    """To the image's registry, where a job was given its password; a person has logged in."""
    host, password = image.partition("/")[0], env.get("STORE_PASSWORD")
    if password and "@" in image:
        user = env.get("STORE_USERNAME") or "token"
        _docker("login", host, "--username", user, "--password-stdin", text=password)


def _ask(name: str, bundle: Bundle, timeout_s: float) -> tuple[str, dict[str, float]]:
    """Ask the golden rows, then again for the time that each takes."""
    deadline, url = time.monotonic() + timeout_s, ""
    while not url:
        state = json.loads(_docker("inspect", name))[0]
        if not state["State"]["Running"]:
            raise SmokeFailed("The container ended instead of serving.")
        port = state["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"]
        url = f"http://127.0.0.1:{port}"
        try:
            Client(url).ask("/ready")
        except SmokeFailed as error:
            if time.monotonic() > deadline:
                raise SmokeFailed(f"Not ready within {timeout_s:g} s: {error}") from error
            url = ""
            time.sleep(0.25)
    said, took = smoke.smoke(url, bundle, timeout_s), []
    for line in bundle.golden() * ROUNDS:
        start = time.perf_counter()
        Client(url).ask("/predict", line["row"])
        took.append(time.perf_counter() - start)
    return said, {"latency_p95_ms": float(np.quantile(took, 0.95)) * 1000}


def _hold(measured: dict[str, float], policy: Policy) -> None:
    for name, rule in policy.budgets.items():
        if not measured.get(name, 0.0) <= rule.at_most:
            told = f"{name} is {measured[name]:.4g}"
            raise SmokeFailed(f"{told}, and gate.yaml allows {rule.at_most:g}.")


def _last_words(name: str) -> str:
    log: Any = subprocess.run(
        ["docker", "logs", "--tail", str(LOG_LINES), name],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    lines = [f"  {_escaped(line)}" for line in log.stdout.splitlines()]
    return "\n".join([f"The container's last {len(lines)} lines:", *lines])


def _escaped(text: str) -> str:
    """One line that cannot move a terminal's cursor, nor speak to GitHub's runner (`::`)."""
    shown = "".join(c if c.isprintable() else " " for c in text).strip()
    return shown.replace("::", ": :")[:500]
