"""What the ledger says before there is anything in it."""

from __future__ import annotations

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.registry.entries import Entry, Ledger

VERSION = Entry("model@v1.0.0", "v1.0.0", None, "c" * 40, "2026-01-31T12:00:00Z", {})


def test_without_a_version_the_next_command_makes_one():
    """No list of versions is offered where there is none."""
    with pytest.raises(UsageError, match=r"none is registered yet\. Next: make pipeline gate"):
        Ledger([], []).find("production")


def test_without_an_assignment_the_next_command_makes_one():
    """A version that is known is put into production; one that is not, is looked up."""
    ledger = Ledger([VERSION], [])
    assert ledger.first_step() == "loop registry assign latest"
    with pytest.raises(UsageError, match=r"There are: v1\.0\.0\. Next: loop registry list"):
        ledger.find("v2.0.0")
