"""The section `source` of `params.yaml`: one model for each kind, and one for the user's own kinds.

A password in it would be committed: it is refused, and the refusal does not repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from mlops_loop import project
from mlops_loop.file_format import FileFormat
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.sections import Section, frozen
from mlops_loop.text import listed, public_url

SEE = "See loop/docs/sources.md"
SEE_OWN = "See loop/docs/extensions.md"
Variable = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
URL_WITH_PASSWORD = re.compile("://[^/@]*:[^/@]*@")
SECRET_KEY = re.compile("^token$|(password|passwd|pwd|secret|api_?key|access_?key)$", re.IGNORECASE)


class Files(FileFormat):
    """Files that fsspec can read, by path, glob or URL."""

    kind: Literal["files"] = "files"  # files that fsspec can read
    path: str  # a path, a glob or a URL
    fingerprint: str  # what DVC looks at for changes: the folder, or data/source.json

    @model_validator(mode="after")
    def _fingerprint_fits(self) -> Files:
        if URL_WITH_PASSWORD.search(self.path):
            raise ValueError(f"path has a password in it, and this file is committed. {SEE}")
        local = "://" not in self.path and PurePath(self.path).is_relative_to(self.fingerprint)
        if not local and self.fingerprint != str(SOURCE_STATE):
            raise ValueError(
                f"fingerprint must be {SOURCE_STATE}, or for local files the folder of {self.name}"
            )
        return self

    @property
    def name(self) -> str:
        """The path; a URL without user and query, which may hold what is secret."""
        return public_url(self.path)


class Sql(Section):
    """Rows of a query."""

    kind: Literal["sql"] = "sql"  # the rows of a query
    query: str  # path of the file with the query
    url_env: Variable = "DATABASE_URL"  # the environment variable with the URL of the database
    chunk_rows: Annotated[int, Field(ge=1)] = 50_000  # rows that are read at once
    fingerprint: Literal["data/source.json"]  # what DVC looks at for changes

    @property
    def name(self) -> str:
        """The path of the query."""
        return self.query


class Api(Section):
    """Rows of a JSON API."""

    kind: Literal["api"] = "api"  # the rows of a JSON API
    url: str  # of the first page, without user and password
    rows: str = ""  # dotted path of the list in an answer; empty: the answer is the list
    next: str = ""  # dotted path of the next URL; empty: the header Link with rel=next
    page_param: str = ""  # of the query, counts from 1 until a page has no rows
    token_env: Variable | None = None  # the environment variable with a bearer token
    fingerprint: Literal["data/source.json"]  # what DVC looks at for changes

    @model_validator(mode="after")
    def _is_usable(self) -> Api:
        if not re.match("https?://[^/@]+(/|$)", self.url):
            raise ValueError(f"url must be http(s)://HOST/PATH, without user or password. {SEE}")
        if self.next and self.page_param:
            raise ValueError("next and page_param are two ways of paging: give one")
        return self

    @property
    def name(self) -> str:
        """The URL without its query."""
        return public_url(self.url)


class Own(Section):
    """A source of the user's."""

    model_config = ConfigDict(extra="allow")

    kind: str  # a key of SOURCES in extensions.py; other keys are its options
    fingerprint: str  # data/source.json, or a file or folder of the project

    @field_validator("kind")
    @classmethod
    def _exists(cls, kind: str) -> str:
        if kind not in project.extension("SOURCES"):
            raise ValueError(f"choose one of: {listed(kinds())}")
        return kind

    @field_validator("fingerprint")
    @classmethod
    def _is_in_the_project(cls, fingerprint: str) -> str:
        path = PurePath(fingerprint)
        if path.is_absolute() or ".." in path.parts or "://" in fingerprint or not path.parts:
            raise ValueError(f"must be {SOURCE_STATE}, or a file or folder of the project")
        return fingerprint

    @model_validator(mode="after")
    def _holds_no_secret(self) -> Own:
        for name, value in (self.model_extra or {}).items():
            if SECRET_KEY.search(name) or URL_WITH_PASSWORD.search(str(value)):
                raise ValueError(
                    f"{name} looks like a secret, and this file is committed: give the name of an "
                    f"environment variable that holds it, as in token_env: TOKEN. {SEE_OWN}"
                )
        return self

    @property
    def name(self) -> str:
        """The kind: options may hold what should not be shown."""
        return self.kind

    @property
    def options(self) -> Mapping[str, Any]:
        """What the user's function gets: all keys but `kind` and `fingerprint`, read-only."""
        return frozen(self.model_extra or {})


BUILT_IN = {"files": Files, "sql": Sql, "api": Api}


def kinds() -> list[str]:
    """What `source.kind` may be: the built-in kinds, then those of `extensions.SOURCES`."""
    return [*BUILT_IN, *(kind for kind in project.extension("SOURCES") if kind not in BUILT_IN)]


def _tag(source: Any) -> str | None:
    kind = source.get("kind") if isinstance(source, dict) else getattr(source, "kind", None)
    if kind is None:
        return None
    return kind if isinstance(kind, str) and kind in BUILT_IN else "own"


Source = Annotated[
    Annotated[Files, Tag("files")]
    | Annotated[Sql, Tag("sql")]
    | Annotated[Api, Tag("api")]
    | Annotated[Own, Tag("own")],
    Discriminator(_tag),
]
