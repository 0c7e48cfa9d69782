"""Kinds of remotes of DVC: how each logs in, and what must exist before the store can be empty.

A mistyped bucket looks like an empty one, and each pull request would train anew in silence. So
the bucket, the container or the parent folder must exist; only what is below it may be missing.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlops_loop import job_token
from mlops_loop.errors import StoreUnreachable, UsageError

PATIENCE_S = 15  # the libraries themselves try for 77 s (azure) to 86 s (gs) to find no login


@dataclass(frozen=True)
class Kind:
    """A kind of remote.

    login: how DVC calls user and password; () where it takes none. holder: what the store lies
    in, for messages; `bucket`: the first part of its path.
    """

    login: tuple[str, ...]
    holder: str
    bucket: bool = True


KINDS = {
    "s3": Kind(("access_key_id", "secret_access_key"), "bucket"),
    "gs": Kind((), "bucket"),
    "azure": Kind(("account_name", "account_key"), "container"),
    "ssh": Kind(("user", "password"), "folder", bucket=False),
}
# After `loop cloud login`, Azure's library takes the job's token. DVC turns on again what
# AZURE_TOKEN_CREDENTIALS turns off: each would be tried first, or after a refusal.
OTHERS = ("environment", "visual_studio_code", "shared_token_cache", "managed_identity")
FOLDER = Kind((), "folder", bucket=False)


def scheme(url: str) -> str:
    """The part of a URL before ://, which names the kind of a remote; a path is its own."""
    return url.partition("://")[0]


def kind_of(url: str) -> Kind:
    """The kind of a remote; a path, and what only DVC knows, is a folder."""
    return KINDS.get(scheme(url), FOLDER)


def with_login(remote: dict[str, Any]) -> dict[str, Any]:
    """The settings of a remote with the login of STORE_USERNAME and STORE_PASSWORD.

    A workflow without secrets of these names passes GitHub's own login, which nobody else gets.
    Azure's account is no secret: it may come without a key. Raises UsageError for a bucket of
    Google, which takes no password.
    """
    kind = scheme(remote["url"])
    user, password = (os.environ.get(key, "") for key in ("STORE_USERNAME", "STORE_PASSWORD"))
    if user == os.environ.get("GITHUB_ACTOR"):
        user = password = ""
    if password and kind == "gs":
        raise UsageError(
            "A bucket of Google takes no STORE_PASSWORD. Next: remove it, and log in as Google's "
            "own tools do (loop/docs/store.md)"
        )
    if kind == "azure" and os.environ.get(job_token.FILE):
        remote = remote | {f"exclude_{name}_credential": True for name in OTHERS}
    if not user or not (password or kind == "azure"):
        return remote
    keys = kind_of(remote["url"]).login
    return remote | dict(zip(keys, filter(None, (user, password)), strict=False))


def check(connect: Callable[[], Any], root: str, address: str) -> None:
    """Raise StoreUnreachable where a bucket, or a folder's parent, is not there.

    connect: gives the file system; root: the store's path in it. A login that may not look at the
    bucket itself proves nothing: the listing that follows will answer.
    """
    kind = kind_of(address)
    parts = root.rstrip("/").split("/")
    holder = parts[0] if kind.bucket else "/".join(parts[:-1]) or "/"
    try:
        within(PATIENCE_S, lambda: connect().info(holder), address)
    except PermissionError:
        return
    except FileNotFoundError as error:
        raise StoreUnreachable(
            f"The store {address} does not exist: there is no {kind.holder} {holder!r}. Nothing is "
            f"lost. Next: correct STORE_URL or .dvc/config, or make that {kind.holder}"
        ) from error


def within(seconds: float, act: Callable[[], Any], address: str) -> Any:
    """The result of `act`; raises what it raises, and StoreUnreachable after `seconds`."""
    done: list[tuple[Any, Exception | None]] = []

    def run() -> None:
        try:
            done.append((act(), None))
        except Exception as error:  # for whoever waits
            done.append((None, error))

    thread = threading.Thread(target=run, daemon=True)  # the program may end while it still waits
    thread.start()
    thread.join(seconds)
    if not done:
        raise StoreUnreachable(
            f"The store {address} has not answered within {seconds:g} s. Nothing is lost. Next: "
            "check its address and your login (loop/docs/store.md), then the same again"
        )
    result, error = done[0]
    if error:
        raise error
    return result


def exists(fs: Any, path: str) -> bool:
    """Whether a path is there; other than `fs.exists`, a refusal is an error and not a no."""
    try:
        fs.info(path)
    except FileNotFoundError:
        return False
    return True
