"""Where serving runs, read once from the environment: `Settings.from_environment()`.

What changes the model is in `params.yaml`; nothing here does. Importing this reads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import UsageError


@dataclass(frozen=True)
class Settings:
    """One field for each environment variable, named alike in capitals.

    `bundle_dir` holds the model bundle. With `require_bundle`, serving refuses to start without
    a valid one; otherwise it starts, answers 503 and says why. `max_body_bytes` and `max_rows`
    limit one request. `model_version`, `git_commit` and `image_digest` are told at `/version`;
    an empty one is unknown.
    """

    bundle_dir: Path = Path("models/bundle")
    bind_host: str = "127.0.0.1"
    port: int = 8000
    require_bundle: bool = True
    max_body_bytes: int = 4 * 1024 * 1024
    max_rows: int = 10_000
    model_version: str = "unregistered"
    git_commit: str = ""
    image_digest: str = ""

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, **given: Any
    ) -> Settings:
        """Settings by precedence: `given` (unless None), `environment`, default.

        Raises UsageError naming the variable, its value and what is allowed.
        """
        environment = os.environ if environment is None else environment
        read = {
            field.name: _READERS[field.name](field.name.upper(), environment[field.name.upper()])
            for field in fields(cls)
            if environment.get(field.name.upper())
        }
        return cls(**read | {name: value for name, value in given.items() if value is not None})


def _path(_name: str, text: str) -> Path:
    return Path(text)


def _text(_name: str, text: str) -> str:
    return text


def _yes_or_no(name: str, text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in words:
        raise UsageError(f"{name}={text!r} is neither true nor false.")
    return words[text.lower()]


def _whole_number(minimum: int, maximum: int) -> Callable[[str, str], int]:
    def read(name: str, text: str) -> int:
        if text.isascii() and text.isdigit() and minimum <= int(text) <= maximum:
            return int(text)
        raise UsageError(f"{name}={text!r} is not a whole number from {minimum} to {maximum}.")

    return read


_READERS: dict[str, Callable[[str, str], Any]] = {
    "bundle_dir": _path,
    "bind_host": _text,
    "port": _whole_number(0, 65_535),
    "require_bundle": _yes_or_no,
    "max_body_bytes": _whole_number(1_024, 1_024**3),
    "max_rows": _whole_number(1, 1_000_000),
    "model_version": _text,
    "git_commit": _text,
    "image_digest": _text,
}
