"""A source of the user's own: a function in `extensions.SOURCES` that returns a table.

What the function raises is shown without the secrets that its options name.
"""

from __future__ import annotations

import os
import re

import pandas as pd

from mlops_loop import project
from mlops_loop.errors import DataRefused, ProjectError, UsageError
from mlops_loop.source_params import Own
from mlops_loop.text import public_url


def read_own(source: Own) -> pd.DataFrame:
    """The table that the function of `source.kind` returns, without its index.

    Raises DataRefused where the function fails, UsageError where a library is missing, and where
    it returns no data frame, or one with a column that is not named by a text.
    """
    table = _call(source)
    returns = f"extensions.SOURCES[{source.kind!r}] returns"
    if not isinstance(table, pd.DataFrame):
        raise UsageError(f"{returns} {type(table).__name__}: it must return a pandas DataFrame.")
    if odd := [name for name in table.columns if not isinstance(name, str)]:
        raise UsageError(f"{returns} a column {odd[0]!r}: the name of a column must be a text.")
    table = table.reset_index(drop=True)
    table.attrs.clear()  # they would be written into the file
    return table


def _call(source: Own) -> object:
    try:
        return project.extension("SOURCES")[source.kind](source.options)
    except ProjectError:
        raise
    except ModuleNotFoundError as error:
        raise UsageError(
            f"The source {source.kind!r} needs {error.name!r}, which is not installed here. "
            "Next: uv add --group pipeline with its package"
        ) from error
    except Exception as error:  # whatever the user's code raises
        reason = _without_secrets(project.failure(error), source)
        raise DataRefused(f"The source {source.kind!r} cannot be read: {reason}.") from None


def _without_secrets(text: str, source: Own) -> str:
    """Values of the variables that an option `..._env` names are masked, URLs are shortened."""
    variables = [name for key, name in source.options.items() if key.endswith("_env")]
    secrets = {os.environ.get(str(name), "").strip() for name in variables} - {""}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return re.sub(r"\w+://\S+", lambda url: public_url(url[0]), text)
