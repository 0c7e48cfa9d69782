"""The first stage stores what the source gives, or leaves what is there."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_loop import errors, paths
from mlops_loop.pipeline import ingest

TABLE = pd.DataFrame({"n": [1, 2, 3], "x": [0.5, None, 1.5], "s": ["a", "b", None]})


def test_run_refuses_a_source_without_rows(tmp_path, monkeypatch, make_params):
    """A header alone is no data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.csv").write_text("x,y\n")
    with pytest.raises(errors.DataRefused, match=r"'raw.csv' has no rows"):
        ingest.run(make_params())
    assert not paths.INGESTED.exists()


def test_run_leaves_the_old_data_when_the_source_is_broken(tmp_path, monkeypatch, make_params):
    """What was read last time stays until all of the new is there."""
    monkeypatch.chdir(tmp_path)
    TABLE.to_csv("raw.csv", index=False)
    ingest.run(make_params())
    (tmp_path / "raw.csv").write_text("")
    with pytest.raises(errors.DataRefused):
        ingest.run(make_params())
    pd.testing.assert_frame_equal(pd.read_parquet(paths.INGESTED), TABLE.astype("str"))
