"""What the commands that read sources and stores do with the secret DATA_SECRETS of a workflow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mlops_loop import data_secrets, paths
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.params import Params

MISSING = (
    f"This run has no secret {data_secrets.VARIABLE}, which holds the passwords of sources; runs "
    f"of forks and of Dependabot get none. {data_secrets.SEE}"
)


def export() -> None:
    """Give this process the variables of the secret; in a workflow, mask their values first.

    On stderr, as are the errors that may show one. Raises UsageError for a line that is refused.
    """
    values = data_secrets.read(os.environ.pop(data_secrets.VARIABLE, ""))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for text in data_secrets.to_mask(values.values()):
            # https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts
            click.echo(f"::add-mask::{text.replace('%', '%25')}", err=True)
    os.environ.update(values)


@contextmanager
def for_source(params: Params) -> Iterator[None]:
    """The same for what reads a source; an error of one elsewhere says that there is no secret."""
    outside = params.source.fingerprint == str(paths.SOURCE_STATE)
    missing = outside and os.environ.get(data_secrets.VARIABLE) == ""
    export()
    try:
        yield
    except (UsageError, DataRefused) as error:
        if not missing:
            raise
        raise type(error)(f"{error} {MISSING}") from error
