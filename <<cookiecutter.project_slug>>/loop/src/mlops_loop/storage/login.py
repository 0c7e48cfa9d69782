"""The login for a container registry: each belongs to a host, and nobody else gets it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Login = tuple[str, str]  # user and password
Use = Literal["STORE", "IMAGE"]  # what is kept in the registry


def credentials(host: str, use: Use = "STORE", env: Mapping[str, str] = os.environ) -> Login | None:
    """The login of the environment, see `source`, else that of Docker.

    None without any: the registry says whether it needs one.
    """
    if login := given(host, use, env):
        return login
    folder = Path(env.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        return _docker_login(host, json.loads((folder / "config.json").read_text("utf-8")))
    except (
        OSError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        subprocess.SubprocessError,
    ):
        return None


def given(host: str, use: Use, env: Mapping[str, str] = os.environ) -> Login | None:
    """The login of the environment alone."""
    name = source(host, use, env)
    if name == "GITHUB":
        return env["GITHUB_ACTOR"], env["GITHUB_TOKEN"]
    return (env.get(f"{name}_USERNAME", ""), env[f"{name}_PASSWORD"]) if name else None


def source(host: str, use: Use, env: Mapping[str, str] = os.environ) -> str:
    """Whose login in the environment is for a host: STORE, IMAGE or GITHUB, "" for none.

    That of the use; that of the store for images on the store's host; in a workflow the job's
    token, for GitHub's own registry only.
    """
    if env.get(f"{use}_PASSWORD"):
        return use
    url = env.get("STORE_URL", "")
    if env.get("STORE_PASSWORD") and url.startswith("http") and urlsplit(url).netloc == host:
        return "STORE"
    is_own = of_github(host, env)
    return "GITHUB" if is_own and env.get("GITHUB_ACTOR") and env.get("GITHUB_TOKEN") else ""


def of_github(host: str, env: Mapping[str, str] = os.environ) -> bool:
    """Whether a host is that of GitHub's registry: https://docs.github.com/en/packages."""
    name = urlsplit(env.get("GITHUB_SERVER_URL") or "https://github.com").hostname or ""
    names = {"ghcr.io"} if name == "github.com" else {name, f"containers.{name}"}
    return host in names or urlsplit(f"//{host}").hostname in names


def _docker_login(host: str, config: Mapping[str, Any]) -> Login:
    """From the credential helper that Docker's config names, or from the config itself."""
    if helper := config.get("credHelpers", {}).get(host) or config.get("credsStore"):
        call = [f"docker-credential-{helper}", "get"]
        done = subprocess.run(call, input=host, capture_output=True, text=True, timeout=30)
        login = json.loads(done.stdout)
        return login["Username"], login["Secret"]
    user, password = base64.b64decode(config["auths"][host]["auth"]).decode().split(":", 1)
    return user, password
