"""Each error has its own exit code, and the module's table tells the truth."""

from __future__ import annotations

import re

import pytest

from mlops_loop import errors

CLASSES = [errors.ProjectError, *errors.ProjectError.__subclasses__()]


def test_exit_codes_differ():
    """A script can tell the errors apart; 0, 1 and 2 are the gate's verdicts."""
    codes = [cls.exit_code for cls in CLASSES]
    assert len(set(codes)) == len(codes)
    assert not {0, 1, 2} & set(codes)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_table_lists_each_error_with_its_code(cls):
    """The docstring of the module is what people read."""
    assert re.search(rf"\b{cls.__name__} +{cls.exit_code} ", errors.__doc__)


def test_a_kind_of_an_error_has_the_name_that_people_look_up():
    """Tables, runbook and report know one name for each exit code."""
    assert errors.StoreNotThere("403").name == "StoreUnreachable"
    assert errors.UsageError("no").name == "UsageError"
