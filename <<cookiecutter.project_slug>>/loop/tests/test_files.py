"""What stages pass on has the same bytes for the same content, and is replaced at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import errors, files

TABLE = pd.DataFrame({"a": [1.5, None], "b": ["x", "é"], "c": pd.Series([1, None], dtype="Int64")})


def test_a_table_comes_back_as_it_was(tmp_path):
    """Types, missing values and folders that are not there yet."""
    files.write_table(TABLE, tmp_path / "new" / "table.parquet")
    pd.testing.assert_frame_equal(files.read_table(tmp_path / "new" / "table.parquet"), TABLE)


def test_a_wide_table_takes_a_new_column_without_a_warning(tmp_path):
    """Each column by itself would be a block of its own, and pandas warns from 100 on."""
    wide = pd.DataFrame(np.zeros((2, 900)), columns=[f"c{i}" for i in range(900)])
    files.write_table(wide.assign(n=1, b=True, t="x"), tmp_path / "wide")
    table = files.read_table(tmp_path / "wide")
    table["new"] = 1.0
    pd.testing.assert_frame_equal(table, wide.assign(n=1, b=True, t="x", new=1.0))


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """No time of day is in the file, and no trace of the index."""
    files.write_table(TABLE, tmp_path / "a")
    files.write_table(TABLE.set_index(pd.Index([5, 6])), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_interrupted_write_leaves_the_old_table(tmp_path, monkeypatch):
    """What is half written has another name."""
    files.write_table(TABLE, tmp_path / "table.parquet")

    def interrupted(self, path, **options):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write_table(TABLE[:1], tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(files.read_table(tmp_path / "table.parquet"), TABLE)


@pytest.mark.parametrize("read", [files.read_table, files.read_json])
def test_a_missing_file_names_the_next_command(tmp_path, read):
    """An earlier stage has not run."""
    with pytest.raises(errors.UsageError, match=r"is missing: .* Next: make pipeline"):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"{", b"", b"\xff"])
def test_a_cut_file_names_the_next_command(tmp_path, content):
    """A run that was killed, an artifact that came half."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(errors.UsageError, match=r"a.json is not JSON .* Next: rm "):
        files.read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("data", "tidied"),
    [
        (0.123456789, 0.123457),
        (float("nan"), None),
        (np.float32("inf"), None),
        (np.int64(3), 3),
        (np.bool_(True), True),
        ((1, 2), [1, 2]),
        ({1: {"a": [np.nan]}}, {"1": {"a": [None]}}),
        ("text", "text"),
    ],
    ids=repr,
)
def test_tidy_values(data, tidied):
    """Plain JSON, nothing that is not finite."""
    assert files.tidy(data) == tidied


@pytest.mark.parametrize(("digits", "wanted"), [(6, 0.123457), (None, 0.12345678901234567)])
def test_json_is_rounded_or_exact(tmp_path, digits, wanted):
    """Limits that rows are compared with are stored exactly, what people read is rounded."""
    files.write_json({"b": 0.12345678901234567, "a": 1}, tmp_path / "x.json", digits=digits)
    assert files.read_json(tmp_path / "x.json")["b"] == wanted
    assert list(files.read_json(tmp_path / "x.json")) == ["a", "b"]
