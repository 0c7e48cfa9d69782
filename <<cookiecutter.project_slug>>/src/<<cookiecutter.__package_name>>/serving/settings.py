"""Where serving runs, read once from the environment: `Settings.from_environment()`.

What changes the model is in `params.yaml`; nothing here does. Importing this reads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError

from ..errors import UsageError


class Settings(BaseModel, frozen=True):
    """One field for each environment variable, named alike in capitals.

    With `require_bundle`, serving refuses to start without a valid bundle; otherwise it starts,
    answers 503 and says why. `shared_port` is one on which another process may listen too: the
    next version, while it takes the place of this one. `model_version` to `note_file` are told at
    `/version`, of `note_file` the content; an empty one is unknown. For `log_...`, docs/serving.md.
    """

    bundle_dir: Path = Path("models/bundle")
    require_bundle: bool = True
    bind_host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    shared_port: int | None = Field(None, ge=1, le=65_535)
    max_body_bytes: int = Field(4 * 1024 * 1024, ge=1_024)
    max_rows: int = Field(10_000, ge=1)
    model_version: str = "unregistered"
    git_commit: str = ""
    image_digest: str = ""
    note_file: Path | None = None
    log_url: str = Field("", repr=False)
    log_columns: str = ""
    log_subject_key: str = Field("", repr=False)
    open_operations: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **given: Any) -> Self:
        """Settings by precedence: `given` (unless None), `environment` (unless empty), default.

        Raises UsageError naming the variable, its value and what is allowed.
        """
        read = {name: environment.get(name.upper()) for name in cls.model_fields}
        chosen = {name: value for name, value in read.items() if value}
        chosen |= {name: value for name, value in given.items() if value is not None}
        try:
            return cls(**chosen)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]).upper()
            raise UsageError(f"{name}={first['input']!r} is refused: {first['msg']}.") from None
