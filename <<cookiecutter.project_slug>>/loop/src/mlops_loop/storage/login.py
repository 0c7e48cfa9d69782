"""The login for a container registry."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Login = tuple[str, str]  # user and password


def credentials(host: str, env: Mapping[str, str] = os.environ) -> Login | None:
    """STORE_USERNAME and STORE_PASSWORD, in a workflow GITHUB_*, else the login of Docker.

    None without any: the registry says whether it needs one.
    """
    if env.get("STORE_PASSWORD"):
        return env.get("STORE_USERNAME", ""), env["STORE_PASSWORD"]
    if host == "ghcr.io" and env.get("GITHUB_ACTOR") and env.get("GITHUB_TOKEN"):
        return env["GITHUB_ACTOR"], env["GITHUB_TOKEN"]
    folder = Path(env.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        return _docker_login(host, json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, ValueError, LookupError, AttributeError, subprocess.TimeoutExpired):
        return None


def _docker_login(host: str, config: Mapping[str, Any]) -> Login:
    """From the credential helper that Docker's config names, or from the config itself."""
    if helper := config.get("credHelpers", {}).get(host) or config.get("credsStore"):
        call = [f"docker-credential-{helper}", "get"]
        done = subprocess.run(call, input=host, capture_output=True, text=True, timeout=30)
        login = json.loads(done.stdout)
        return login["Username"], login["Secret"]
    user, password = base64.b64decode(config["auths"][host]["auth"]).decode().split(":", 1)
    return user, password
