"""What only the newest rows have is said by `prepare`, before the search."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import files, paths
from mlops_loop.pipeline import prepare, split, unseen

NEW = {"split.strategy": "time", "split.column": "moment"}


@pytest.fixture
def raw(make_rows) -> pd.DataFrame:
    """A hundred raw rows, each newer than the one before it."""
    return make_rows(100).drop(columns=list(split.RESERVED))


@pytest.mark.usefixtures("rows_as_they_are")
def test_what_only_the_newest_rows_have_is_said(raw, make_params, tmp_path, monkeypatch, capsys):
    """With its rows and what to do; the report has it too."""
    monkeypatch.chdir(tmp_path)
    raw.loc[90:, "town"] = "new town"
    raw["size"] = np.where(raw.index < 80, np.nan, 3.5)
    files.write_table(raw, paths.VALIDATED)
    prepare.run(make_params(changes=NEW))
    text = capsys.readouterr().out
    assert "'town': 10 of 50 validation and holdout rows have categories that training" in text
    assert "such as 'new town'; the model takes them as unseen. Where they matter: " in text
    assert "'size' has no value in training, and one in 20 of 50 " in text
    assert "Next: leave it out of ModelInput" in text
    assert files.read_json(paths.PREPARATION_REPORT)["unseen"] == [
        {"column": "size", "rows": 20, "categories": []},
        {"column": "town", "rows": 10, "categories": ["new town"]},
    ]


@pytest.mark.usefixtures("rows_as_they_are")
def test_nothing_is_said_where_training_knows_all(raw, make_params, tmp_path, monkeypatch, capsys):
    """Numbers are always new, and no news."""
    monkeypatch.chdir(tmp_path)
    files.write_table(raw, paths.VALIDATED)
    prepare.run(make_params(changes=NEW))
    assert "validation and holdout rows" not in capsys.readouterr().out
    assert files.read_json(paths.PREPARATION_REPORT)["unseen"] == []


@pytest.mark.parametrize(("least", "n"), [(1, 1), (2, 1), (3, 3)])
def test_a_category_of_few_training_rows_is_unseen(least, n):
    """As the contract has it; a missing value is no category."""
    rows = pd.DataFrame({"c": ["a", "a", "a", "b", "b", "b", "b", "z", None, "a"]})
    parts = pd.Series(["train"] * 5 + ["holdout"] * 5)
    found = unseen.find(rows, parts, ["c"], least)
    assert [(item.n, item.of) for item in found] == [(n, 5)]


@pytest.mark.parametrize(
    "values", [["a", "a", "a"], [1.0, 2.0, 3.0], [None] * 3, [True, False, True]]
)
def test_other_columns_are_left_alone(values):
    """No value anywhere, numbers, booleans."""
    parts = pd.Series(["train", "train", "validation"])
    assert unseen.find(pd.DataFrame({"c": values}), parts, ["c"], 1) == []
