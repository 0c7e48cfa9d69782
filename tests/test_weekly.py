"""Tests of which tests run once a week."""

import subprocess
import sys

import pytest
import weekly
from conftest import ROOT


def collected(*options: str) -> list[str]:
    """Return the names of the tests that would run."""
    call = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", *options]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if "::" in line]


@pytest.fixture(scope="module")
def every() -> list[str]:
    """Return all tests."""
    return collected(weekly.OPTION)


def test_each_part_of_a_name_is_of_a_test(every):
    """A test that was renamed would run with every pull request again, and nobody would see it."""
    for path, parts in weekly.TESTS.items():
        names = [name for name in every if name.startswith(f"tests/{path}.py::")]
        for part in parts:
            assert any(part in name.partition("::")[2] for name in names), (path, part)


def test_the_rest_runs_always(every):
    """Most tests; each file of the rig has some of its own there."""
    always = collected()
    assert set(every) - set(always) == {name for name in every if weekly.is_weekly(name)}
    assert len(always) > 0.85 * len(every)
    files = {name.partition("::")[0] for name in every if "/workflows/" in name}
    assert files == {name.partition("::")[0] for name in always if "/workflows/" in name}


def test_who_names_a_file_gets_all_of_it():
    """As somebody does who works on it."""
    assert any(weekly.is_weekly(name) for name in collected("tests/test_experiments.py"))
