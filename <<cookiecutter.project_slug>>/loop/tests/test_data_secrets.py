"""The secret DATA_SECRETS: what its lines mean, which are refused, and what a log may not show."""

from __future__ import annotations

import pytest

from mlops_loop import data_secrets
from mlops_loop.errors import UsageError


def test_lines_are_those_of_an_env_file():
    """Comments and empty lines count for nothing; a value keeps its signs, and may be quoted."""
    text = """
# of the warehouse
DATABASE_URL=postgresql://me:p%40ss=w#rd$x@db/rows
API_TOKEN = 'a # b ${HOME} \\n'
export AWS_REGION="eu west"
KEY='-----BEGIN
of two lines'
"""
    assert data_secrets.read(text) == {
        "DATABASE_URL": "postgresql://me:p%40ss=w#rd$x@db/rows",
        "API_TOKEN": "a # b ${HOME} \\n",
        "AWS_REGION": "eu west",
        "KEY": "-----BEGIN\nof two lines",
    }
    assert data_secrets.read("") == data_secrets.read("\n# nothing\n") == {}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hunter2", "no NAME=value"),
        ("=hunter2", "no NAME=value"),
        ("API TOKEN=hunter2", "no NAME=value"),
        ("2FA=hunter2", "no NAME=value"),
        ("API-TOKEN=hunter2", "no NAME=value"),
        ("API_TOKEN='hunter2", "no NAME=value"),
        ("API_TOKEN='hunter2' hunter2", "no NAME=value"),
        ("API_TOKEN=", "no value for API_TOKEN"),
        ("API_TOKEN=hunter2 #hunter2", "a # in or after a value without quotes"),
        ("GOOD=hunter2", "GOOD a second time"),
    ],
)
def test_a_line_that_means_nothing_or_two_things_is_refused(line, reason):
    """By its number, and without the value, which would be cut, or another one."""
    with pytest.raises(UsageError, match=f"line 3 {reason}") as refused:
        data_secrets.read(f"# first\nGOOD=value\n{line}\n")
    assert "hunter2" not in str(refused.value)
    assert "NAME=value" in str(refused.value)


RESERVED = [
    "PATH",
    "HOME",
    "LD_PRELOAD",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "GITHUB_TOKEN",
    "GITHUB_ENV",
    "RUNNER_TEMP",
    "UV_INDEX_URL",
    "BASH_ENV",
    "GIT_SSH_COMMAND",
    "PIP_INDEX_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "DVC_STUDIO_TOKEN",
    "DOCKER_HOST",
    "STORE_PASSWORD",
    "IMAGE_URL",
    "GATE_OVERRIDE",
    "MLOPS_LOOP_PACKAGE",
    "PRODUCTION_URL",
    "DATA_SECRETS",
    "CI",
    "ENV",
]


@pytest.mark.parametrize("name", RESERVED)
def test_what_would_change_the_job_is_refused(name):
    """Only what is read may be set."""
    with pytest.raises(UsageError, match=f"line 1 {name}, which would change the job itself"):
        data_secrets.read(f"{name}=x")


@pytest.mark.parametrize("name", ["PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "PATH_OF_ROWS", "path"])
def test_other_names_are_free(name):
    """A name that only begins like a reserved one is another name."""
    assert data_secrets.read(f"{name}=value") == {name: "value"}


def test_a_log_shows_neither_values_nor_what_is_secret_in_them():
    """Lines, and the password of a URL in both of its forms; no text that an output may be."""
    values = [
        "postgresql://me:p%40ss@db/rows",
        "one\ntwo lines",
        "true",
        "false",
        "abc",
        "http://[",
    ]
    assert data_secrets.to_mask(values) == sorted(
        ["postgresql://me:p%40ss@db/rows", "p%40ss", "p@ss", "two lines", "http://["]
    )
