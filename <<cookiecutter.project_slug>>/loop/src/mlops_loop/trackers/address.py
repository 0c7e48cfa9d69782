"""Where MLflow is, and with which login: the variables of MLflow's own client.

A login goes to the host of MLFLOW_TRACKING_URI alone: without TLS only to this machine, never
along a redirect, and never to another host that the server names for files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mlops_loop.errors import UsageError

VARIABLE = "MLFLOW_TRACKING_URI"
USER, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
TOKEN = "MLFLOW_TRACKING_TOKEN"
EXPERIMENT, MODEL = "MLFLOW_EXPERIMENT_NAME", "MLFLOW_REGISTERED_MODEL_NAME"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Address:
    """An MLflow server. experiment, model: names there, by default that of the project."""

    url: str
    experiment: str
    model: str

    @property
    def host(self) -> str:
        """Its name and port, for messages."""
        return urlsplit(self.url).netloc

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read a login: TLS, or this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or parts.hostname in LOOPBACK


def find(name: str, env: Mapping[str, str] = os.environ) -> Address | None:
    """The server that the environment names; None without one. name: of the project.

    Raises UsageError for an address or a login that is not allowed; no message repeats a login.
    """
    if not (url := env.get(VARIABLE, "").strip()):
        return None
    found = Address(_checked(url), env.get(EXPERIMENT) or name, env.get(MODEL) or name)
    if bool(env.get(USER)) != bool(env.get(PASSWORD)):
        raise UsageError(f"{USER} and {PASSWORD} belong together: set both, or none.")
    if (env.get(TOKEN) or env.get(USER)) and not found.is_private:
        raise UsageError(not_private(found))
    return found


def not_private(address: Address) -> str:
    """Why a login is not sent there."""
    return (
        f"{VARIABLE} is http://{address.host}, and a login would cross the network unencrypted. "
        f"Allowed is https://, or http:// without {TOKEN}, {USER} and a login in ~/.mlflow"
    )


def _checked(url: str) -> str:
    rule = f"{VARIABLE} must be https://HOST, or http://HOST, of an MLflow server"
    try:
        parts = urlsplit(url)
        host, has_login = parts.hostname, "@" in parts.netloc
        _ = parts.port
    except ValueError:
        raise UsageError(f"{rule}; it is no address. Next: loop/docs/trackers.md") from None
    if has_login:
        raise UsageError(f"{rule}, without a login in it. Next: set {USER} and {PASSWORD}")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        scheme = f"{parts.scheme}:..." if parts.scheme else "without a scheme"
        raise UsageError(f"{rule}; it is {scheme}. Next: loop/docs/trackers.md")
    return url.rstrip("/")
