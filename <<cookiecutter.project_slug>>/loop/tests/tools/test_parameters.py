"""The table of keys: values as JSON Schema allows them, defaults, and the comment beside each."""

from __future__ import annotations

from typing import Annotated, Literal

import parameters
import pytest
from pydantic import Field

from mlops_loop.sections import Section


class Part(Section):
    """A section."""

    share: Annotated[float, Field(gt=0, le=1)] = 0.00001  # of rows
    # A comment that is too long for the line
    # of its field.
    names: tuple[str, ...] = ()
    form: Literal["a", "b"] | None = None  # of a thing, see "#" in it


class Whole(Section):
    """A file."""

    count: Annotated[int, Field(ge=1000)]  # of all
    part: Part = Part()
    parts: tuple[Part, ...] = ()
    by_name: dict[str, Part] = Field(default_factory=dict)


class Silent(Section):
    """Nobody says what its key means."""

    key: bool = True


PART = [
    ("share", "a number above 0, to 1", "`0.00001`", "of rows"),
    ("names", "a list: text", "`[]`", "A comment that is too long for the line of its field."),
    ("form", "`a`, `b`, or `null`", "`null`", 'of a thing, see "#" in it'),
]


def test_each_key_has_values_default_and_meaning():
    """Keys of sections after theirs, entries of lists and names of mappings marked."""
    rows = list(parameters.rows(Whole))
    assert rows[0] == ("`count`", "a whole number from 1,000", "required", "of all")
    for prefix in ("part.", "parts[].", "by_name.NAME."):
        expected = [(f"`{prefix}{name}`", *rest) for name, *rest in PART]
        assert [row for row in rows if row[0].startswith(f"`{prefix}")] == expected


def test_a_key_that_nobody_explains_stops_the_tool():
    """By its name."""
    with pytest.raises(SystemExit, match=r"Silent\.key has no comment"):
        list(parameters.rows(Silent))


@pytest.mark.parametrize("file", parameters.FILES)
def test_the_page_has_every_key_once(file):
    """Of the models that read the files."""
    keys = [row[0] for row in parameters.rows(parameters.FILES[file])]
    assert len(set(keys)) == len(keys) > 20
