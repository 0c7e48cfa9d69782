"""Anchors that were edited, or are of another table, are refused, and name no cluster."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mlops_loop import errors, paths
from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import known_names
from mlops_loop.tasks.task_names import Anchor, Anchors

COLUMNS = (Column("length", "number", nullable=True), Column("colour", "category", levels=("red",)))
CONTRACT = Contract("clustering", "cluster", COLUMNS, ("cluster 1",))
CONFLICT = '<<<<<<< HEAD\n{"last": 3, "rows": []}\n=======\n{"last": 4, "rows": []}\n>>>>>>> new\n'


def anchors(*rows: dict[str, Any]) -> Anchors:
    return Anchors(rows=tuple(Anchor(row=row, name="cluster 1") for row in rows))


def test_rows_are_encoded():
    """A missing value is null, and a column that the model takes no more counts for nothing."""
    rows = [{"length": 2.0, "colour": "red", "width": 3}, {"length": None, "colour": "red"}]
    found = known_names.encode(anchors(*rows), CONTRACT)
    assert np.array_equal(found, [[2, 0], [np.nan, 0]], equal_nan=True)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"colour": "red"}, "its rows lack 'length', which the model takes"),
        ({"tall": 3, "wide": 2}, "its rows lack 'length', 'colour'"),
        ({"length": "long", "colour": "red"}, "'long', in a column of numbers"),
        ({"length": [2], "colour": "red"}, "in a column of numbers"),
        ({"length": 1e300, "colour": "red"}, "a number that float32 cannot"),
    ],
)
def test_rows_of_another_table_are_refused(row, message):
    """With what is wrong, and how to write them again."""
    with pytest.raises(errors.UsageError, match=rf"anchors\.json.*{message}.*loop anchors"):
        known_names.encode(anchors(row), CONTRACT)


@pytest.mark.parametrize("text", [CONFLICT, "", '{"rows": '])
def test_a_broken_file_comes_back_from_git(tmp_path, monkeypatch, text):
    """No stage makes it again, and without it names and `deps` of `train` would be lost."""
    monkeypatch.chdir(tmp_path)
    paths.ANCHORS.parent.mkdir()
    paths.ANCHORS.write_text(text)
    with pytest.raises(errors.UsageError, match=r"not JSON.*Next: git checkout HEAD -- data"):
        known_names.read()


def test_it_is_read(tmp_path, monkeypatch):
    """As `loop anchors` wrote it."""
    monkeypatch.chdir(tmp_path)
    paths.ANCHORS.parent.mkdir()
    known = anchors({"length": None, "colour": "red"})
    paths.ANCHORS.write_text(json.dumps(known.model_dump()))
    assert known_names.read() == known
