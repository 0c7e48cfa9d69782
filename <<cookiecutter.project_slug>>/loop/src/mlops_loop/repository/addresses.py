"""Where jobs keep data, models and images: the addresses that the workflows get here."""

from __future__ import annotations

import configparser
from pathlib import Path
from urllib.parse import urlsplit

from mlops_loop.errors import UsageError
from mlops_loop.repository.github_state import RepositoryState

GHCR = "ghcr.io"


def store_url(state: RepositoryState) -> str:
    """That of STORE_URL, of the remote in .dvc/config, or of GitHub's registry; or a folder."""
    default = f"https://{GHCR}/{state.full_name.lower()}/store"
    return state.variables.get("STORE_URL") or _dvc_remote() or default


def image_url(state: RepositoryState) -> str:
    """That of IMAGE_URL, or of GitHub's registry."""
    url = state.variables.get("IMAGE_URL") or f"{GHCR}/{state.full_name.lower()}"
    return url if "://" in url else f"https://{url}"


def package(url: str) -> tuple[str, str] | None:
    """Owner and name of the package on GitHub that an address is; None for any other place."""
    parts = urlsplit(url)
    if parts.netloc != GHCR:
        return None
    owner, _, name = parts.path.strip("/").partition("/")
    return owner, name


def _dvc_remote() -> str:
    """The address of the remote in .dvc/config, empty without one. Raises UsageError."""
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read(Path(".dvc/config"), "utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise UsageError(
            f".dvc/config cannot be read: {error}. Next: uv run dvc config -l"
        ) from None
    name = config.get("core", "remote", fallback="")
    return config.get(f"'remote \"{name}\"'", "url", fallback="") if name else ""
