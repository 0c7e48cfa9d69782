"""The section `traffic` of `monitor.yaml`: one model for each kind. Secrets come from variables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic import field_validator as check

from mlops_loop.file_format import Form
from mlops_loop.sections import Section
from mlops_loop.source_params import URL_WITH_PASSWORD, Variable
from mlops_loop.text import public_url

SEE = "See loop/docs/monitoring-traffic.md"


def _without_password(path: str) -> str:
    if URL_WITH_PASSWORD.search(path):
        raise ValueError(f"path has a password in it, and this file is committed. {SEE}")
    return path


class Endpoint(Section):
    """The endpoint of PRODUCTION_URL; the limits are those of one day."""

    kind: Literal["endpoint"] = "endpoint"  # the log of the endpoint at PRODUCTION_URL
    audience: str = ""  # of GitHub's token; empty: PRODUCTION_URL
    max_mb: PositiveInt = 1024  # of one day
    max_minutes: PositiveFloat = 20  # for one day


class Folder(Section):
    """A folder or bucket of the files that `loop log export` writes, by path or URL."""

    kind: Literal["folder"] = "folder"  # files that `loop log export` writes
    path: str  # of a folder or a bucket

    _no_password = check("path")(_without_password)

    @property
    def name(self) -> str:
        """The path; a URL without user and query, which may hold what is secret."""
        return public_url(self.path).rstrip("/")


class Postgres(Section):
    """The prediction log's own database."""

    kind: Literal["postgres"] = "postgres"  # the database of the prediction log
    url_env: Variable = "LOG_URL"  # the environment variable with the URL of the database


class Replay(Section):
    """Files of later raw rows, scored by the model in production as if they came in today."""

    kind: Literal["replay"] = "replay"  # later raw rows, scored as if they came in today
    path: str = "data/later/*.csv"  # a path, a glob or a URL
    format: Form | None = None  # null: what the ending of the path says
    time: str = ""  # the raw column with the moment of a row; empty: split.column of params.yaml
    label_delay_days: NonNegativeFloat = 1  # after which the outcome of a row is known
    warm_up_days: NonNegativeInt = 28  # the replay begins so many days before the registration

    _no_password = check("path")(_without_password)

    @property
    def name(self) -> str:
        """The path; a URL without user and query, which may hold what is secret."""
        return public_url(self.path)


Traffic = Annotated[Endpoint | Folder | Postgres | Replay, Field(discriminator="kind")]
