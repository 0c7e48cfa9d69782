"""The command `schema`, as it is typed."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mlops_loop.commands.drafts import schema
from mlops_loop.draft import drafting
from mlops_loop.errors import UsageError


@pytest.fixture
def asked(monkeypatch) -> list:
    """What a draft would be made of; none is made."""
    calls: list = []

    def make(tables, stated):
        calls.append((tables, stated))
        raise UsageError("enough")

    monkeypatch.setattr(drafting, "make", make)
    return calls


def test_options_are_what_is_stated(asked):
    """And what is not typed is to be guessed."""
    words = ["a.csv", "b.csv", "--target", "y", "--key", "id", "--key", "day", "--split", "group"]
    CliRunner().invoke(schema, words)
    [(tables, stated)] = asked
    assert [path.name for path in tables] == ["a.csv", "b.csv"]
    assert (stated.target, stated.key, stated.split) == ("y", ("id", "day"), "group")
    assert (stated.positive, stated.task, stated.time, stated.group) == ("", "", "", "")


def test_a_table_has_to_be_named(asked):
    """With the usage, and no traceback."""
    done = CliRunner().invoke(schema, ["--target", "y"])
    assert done.exit_code == 2
    assert "Missing argument 'TABLE...'" in done.output
    assert asked == []
