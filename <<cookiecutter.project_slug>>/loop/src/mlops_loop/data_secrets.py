"""Passwords of sources and stores in a workflow: the lines NAME=value of the secret DATA_SECRETS.

One secret holds them all, so that a source which needs one more needs no other workflow. The lines
are those of a `.env` file and are read by python-dotenv, never by a shell. What python-dotenv would
skip or cut without a word is refused. No message repeats a value.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from dotenv.parser import Binding, parse_stream

from mlops_loop.errors import UsageError

VARIABLE = "DATA_SECRETS"
SEE = "See loop/docs/sources.md"
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")
# What these change is the job itself, not what it reads; or they have a setting of their own.
RESERVED = re.compile(
    "(PATH|HOME|CI|ENV|IFS|SHELL|TMPDIR|VIRTUAL_ENV|PRODUCTION_URL|DATA_SECRETS"
    "|(BASH|LD|DYLD|UV|PIP|GIT|GITHUB|RUNNER|ACTIONS|DOCKER|DVC|GATE|STORE|IMAGE|MLOPS_LOOP)_.*"
    "|PYTHON.*)"
)
COMMENT = re.compile(r"=\s*[^\s'\"#][^\n]*\s#")  # after a value without quotes
SHORTEST = 4  # characters; GitHub would mask every place where a shorter text occurs


def read(text: str) -> dict[str, str]:
    """The variables that the lines of the secret name, none for an empty text.

    Raises UsageError with the number of a line that cannot be read, names a variable twice, has no
    value, or names a variable that would change the job itself.
    """
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or binding.key:
            name, value = _pair(binding)
            if name in found:
                raise _refusal(binding, f"{name} a second time")
            found[name] = value
    return found


def _pair(binding: Binding) -> tuple[str, str]:
    name, value = binding.key or "", binding.value
    if binding.error or value is None or not NAME.fullmatch(name):
        raise _refusal(binding, "no NAME=value")
    if not value:
        raise _refusal(binding, f"no value for {name}")
    if COMMENT.search(binding.original.string):
        raise _refusal(binding, f"a # in or after a value without quotes, for {name}")
    if RESERVED.fullmatch(name):
        raise _refusal(binding, f"{name}, which would change the job itself")
    return name, value


def _refusal(binding: Binding, what: str) -> UsageError:
    return UsageError(
        f"The secret {VARIABLE} has in line {binding.original.line} {what}. Each line is "
        f"NAME=value or NAME='value', as in a .env file. {SEE}"
    )


def to_mask(values: Iterable[str]) -> list[str]:
    """What no log may show: each line of each value; of a URL its password too, quoted or not.

    Not `true` and `false`, which are outputs of jobs: GitHub drops an output that holds a secret.
    """
    lines = {line for value in values for line in value.splitlines()}
    lines |= {form for value in lines for form in _passwords(value)}
    return sorted(line for line in lines - {"true", "false"} if len(line) >= SHORTEST)


def _passwords(url: str) -> set[str]:
    try:
        password = urlsplit(url).password or ""
    except ValueError:
        return set()
    return {password, unquote(password)}
