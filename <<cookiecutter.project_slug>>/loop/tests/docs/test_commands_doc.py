"""The tables of commands and exit codes are those of the code."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mlops_loop import cli, errors
from mlops_loop.commands import exit_codes

LOOP = Path(__file__).parents[2]
PAGES = [LOOP / "README.md", *sorted((LOOP / "docs").glob("*.md"))]
CALL = re.compile(r"^(?:uv run )?loop ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.M)
TOOL = runpy.run_path(str(LOOP / "tools" / "docs.py"))


@pytest.mark.parametrize("path", TOOL["PAGES"], ids=lambda path: path.name)
def test_the_tables_are_those_of_the_code(path):
    """`make -C loop docs` writes them anew; each is between its markers."""
    text = path.read_text(encoding="utf-8")
    assert TOOL["page"](path) == text
    assert all(f"<!-- end of {make.__name__} -->" in text for make in TOOL["PAGES"][path])


@pytest.mark.parametrize("name", cli.HELP)
def test_the_help_of_a_command_begins_with_its_sentence_in_the_list(name):
    """`loop --help` takes it from the table, `loop NAME --help` from the command."""
    command = cli.cli.get_command(click.Context(cli.cli), name)
    assert TOOL["first"](command) == cli.HELP[name]


def test_every_command_has_its_exit_codes():
    """And no other name has any."""
    assert list(exit_codes.ERRORS) == list(cli.HELP)
    assert set(exit_codes.VERDICTS) < set(cli.HELP)


def test_every_error_belongs_to_a_command():
    """But for UsageError, which belongs to all."""
    used = {error for raised in exit_codes.ERRORS.values() for error in raised}
    assert {*used, errors.UsageError} == set(errors.ProjectError.__subclasses__())


def calls(page: Path) -> Iterator[tuple[str, str]]:
    """Command and next word of each `loop ...` in shell blocks and code spans."""
    text = page.read_text(encoding="utf-8")
    code = re.findall(r"```sh\n(.*?)```|`(loop [^`]+|uv run loop [^`]+)`", text, re.DOTALL)
    for part in ("".join(found) for found in code):
        yield from CALL.findall(part)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_commands_that_exist(page):
    """Those of groups too."""
    for name, word in calls(page):
        assert name in cli.HELP, name
        command = cli.cli.get_command(click.Context(cli.cli), name)
        if isinstance(command, click.Group) and word:
            assert word in command.commands, f"{name} {word}"
