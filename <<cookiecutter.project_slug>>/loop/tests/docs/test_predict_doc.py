"""The lines of docs/predict.md run as they stand there, in a notebook's folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd

PAGE = Path(__file__).parents[2] / "docs" / "predict.md"
ROWS = [
    {"weekday": 4, "origin": "JFK", "dest": "BOS"},
    {"weekday": 99, "origin": "?", "dest": "BOS"},
]


def test_the_lines_for_a_notebook(tmp_path, monkeypatch, bundles):
    """The first two predict, the others show what is refused."""
    first, second = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.mlops-loop]\npackage = "made_up"\n')
    shutil.copytree(bundles["binary"], tmp_path / "models" / "bundle")
    monkeypatch.chdir(tmp_path / "notebooks")
    monkeypatch.setenv("MLOPS_LOOP_PACKAGE", "")
    names = {"frame": pd.DataFrame(ROWS[:1])}
    exec(first, names)
    exec("answer = " + first.splitlines()[-1], names)
    assert list(names["answer"]) == [
        "prediction", "probability", "probability_on time", "probability_late",
    ]  # fmt: skip
    names["frame"] = pd.DataFrame(ROWS)
    exec(second, names)
    assert list(names["refused"].index) == [1]
    assert "In column origin" in names["refused"]["reason"][1]
