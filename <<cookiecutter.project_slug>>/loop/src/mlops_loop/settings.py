"""Settings of the endpoint, from the environment: `Settings.from_environment()`.

What changes the model is in `params.yaml`; nothing here does. Importing this module reads nothing.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlops_loop.errors import UsageError

MIN_KEY_LENGTH = 20
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
ONE_FILE_EACH = (
    "LOG_URL=sqlite... with SHARED_LOG=true is refused: each replica would write a file of its own "
    "and lose it when it ends. Allowed: postgresql://USER:PASSWORD@HOST/DATABASE, or empty for no "
    "log. Next: put that address into the Secret, or remove it"
)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def digest(key: str) -> bytes:
    """SHA-256 of a key. Keys are long and random, so a slow password hash is not needed."""
    return hashlib.sha256(key.encode()).digest()


def hashed_key(key: str) -> bytes:
    """The digest of a key; raises ValueError where it is shorter than `MIN_KEY_LENGTH`."""
    if len(key) < MIN_KEY_LENGTH:
        raise ValueError(f"a key has {MIN_KEY_LENGTH} characters or more")
    return digest(key)


class Settings(BaseSettings):
    """One field for each environment variable of the same name in capitals.

    With `require_bundle`, serving refuses to start without a valid bundle; otherwise it starts,
    answers 503 and says why. `shared_port` is a port on which a second process may listen too:
    the next version, while it replaces this one. `model_version` to `note_file` are reported at
    `/version` (of `note_file`, its content); empty means unknown. The others: docs/serving.md.

    Fields with `repr=False` hold secrets: no message and no `repr` shows their value.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=False,  # no key is the default, and a key has 20 characters or more
    )

    bundle_dir: Path = Path("models/bundle")
    require_bundle: bool = True
    bind_host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    shared_port: int | None = Field(None, ge=1, le=65_535)
    max_body_bytes: int = Field(4 * 1024 * 1024, ge=1_024)
    max_rows: int = Field(10_000, ge=1)
    max_concurrency: int = Field(100, ge=1)
    max_connections: int = Field(900, ge=1)
    rate_per_s: float = Field(0, ge=0, allow_inf_nan=False)
    rate_burst: int = Field(20, ge=1)
    access_log: bool = False
    cors_origins: str = ""
    model_version: str = "unregistered"
    git_commit: str = ""
    image_digest: str = ""
    note_file: Path | None = None
    log_url: str = Field("", repr=False)
    shared_log: bool = False
    log_wait: bool = False
    log_columns: str = ""
    log_subject_key: str = Field("", repr=False)
    auth: Literal["api-key", "github-oidc"] = "api-key"
    auth_predict: bool = False
    api_key: Annotated[bytes, BeforeValidator(hashed_key)] = Field(b"", repr=False)
    api_key_file: Path | None = None
    own_key_file: Path | None = None
    oidc_issuer: str = "https://token.actions.githubusercontent.com"
    oidc_jwks_url: str = ""
    oidc_audience: str = ""
    oidc_repository: str = ""
    oidc_repository_id: str = ""
    oidc_ref: str = "refs/heads/main"

    @model_validator(mode="after")
    def _one_log_for_all_replicas(self) -> Self:
        if self.shared_log and self.log_url.startswith("sqlite"):
            raise ValueError(ONE_FILE_EACH)
        return self

    @field_validator("cors_origins")
    @classmethod
    def _known_exactly(cls, value: str) -> str:
        if wrong := next((each for each in _listed(value) if not ORIGIN.fullmatch(each)), ""):
            raise ValueError(
                f"{wrong!r} is no origin. Allowed: https://HOST or https://HOST:PORT in lower "
                "case, without a path and without *, several with commas"
            )
        return value

    @property
    def origins(self) -> list[str]:
        """Of web pages that may read answers."""
        return _listed(self.cors_origins)

    @classmethod
    def from_environment(cls, **given: Any) -> Self:
        """Settings by precedence: `given` (unless None), environment (unless empty), default.

        Raises UsageError naming the variable, its value and what is allowed.
        """
        try:
            return cls(**{name: value for name, value in given.items() if value is not None})
        except ValidationError as error:
            raise UsageError(cls._first_refusal(error)) from None

    @classmethod
    def _first_refusal(cls, error: ValidationError) -> str:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:  # settings that do not go together
            return first["msg"].removeprefix("Value error, ")
        name = str(first["loc"][0])
        field = cls.model_fields.get(name)
        value = repr(first["input"]) if field and field.repr else "..."
        return f"{name.upper()}={value} is refused: {first['msg']}."
