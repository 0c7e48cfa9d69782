"""What the registry's protocol says that an answer holds; anything else is no answer.

The forms are those of https://github.com/opencontainers/distribution-spec (1.1) and of
https://distribution.github.io/distribution/spec/auth/token. Types are strict: null, a number where
text belongs and a truncated document are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt, StringConstraints, ValidationError

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Tag = Annotated[str, StringConstraints(pattern=r"^\w[\w.-]{0,127}$")]
Secret = Annotated[str, StringConstraints(pattern=r"^[!-~]+$")]


class Unexpected(ValueError):
    """An answer that the protocol does not know; the message quotes its beginning."""


class Document(BaseModel):
    """A JSON document of a known form."""

    model_config = ConfigDict(strict=True)

    @classmethod
    def read(cls, data: bytes) -> Self:
        """The document; raises Unexpected with the first thing that is wrong."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            reason = f"{place}: {first['msg']}" if place else first["msg"]
            raise Unexpected(f"{quoted(data)} ({reason})") from None


class Tags(Document):
    """All tags, or a page of them; null stands for none."""

    tags: list[Tag] | None


class Token(Document):
    """What a login is exchanged for, under one of two names."""

    token: Secret | None = None
    access_token: Secret | None = None

    @property
    def value(self) -> str:
        """The token; raises Unexpected where there is none."""
        if value := self.token or self.access_token:
            return value
        raise Unexpected("no token")


class Manifest(Document):
    """Of any kind: an image, an artifact, an index of images. The rest is that of an artifact."""

    schemaVersion: Literal[2]  # the protocol says it so
    config: dict[str, Any] | None = None
    layers: list[dict[str, Any]] | None = None


class Platform(Document):
    """What a part of an image runs on; "unknown" where it does not run."""

    architecture: str


class Part(Document):
    """A blob or manifest that another manifest names; its media type may be missing."""

    digest: Digest
    mediaType: str = ""
    platform: Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def is_attestation(self) -> bool:
        """Whether it is what BuildKit says about another part, and no image."""
        runs = self.platform is None or self.platform.architecture != "unknown"
        return not runs and "vnd.docker.reference.type" in (self.annotations or {})


class Links(Document):
    """What a manifest of any kind names: the parts of an index, what an attestation is about."""

    manifests: list[Part] = []
    subject: Part | None = None


class ImageManifest(Document):
    """An image has a `config`, one for several platforms has `manifests`."""

    schemaVersion: Literal[2]
    config: Part | None = None
    manifests: list[Part] | None = None


class Settings(Document):
    """What an image says of itself, under Docker's names."""

    Labels: dict[str, str] | None = None


class ImageConfig(Document):
    """The configuration of an image."""

    config: Settings | None = None


class Content(Document):
    """The index of a project's store, see artifact.py."""

    packs: dict[Digest, list[tuple[str, NonNegativeInt]]]
    merged: set[Tag]
    damaged: set[Digest] = set()
    superseded: set[Digest] = set()


def quoted(data: bytes, most: int = 60) -> str:
    """The beginning of an answer, for a message: one line, printable."""
    text = " ".join(data[: 4 * most].decode("utf-8", "replace").split())
    return repr(text[:most] + ("..." if len(text) > most else ""))
