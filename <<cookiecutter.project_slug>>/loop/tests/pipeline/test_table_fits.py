"""Tests of what is refused because it does not fit into memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import cli, paths
from mlops_loop.errors import UsageError
from mlops_loop.pipeline import memory, table_fits


@pytest.fixture
def table(tmp_path, monkeypatch):
    """20,000 rows of 16 bytes, validated, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    paths.VALIDATED.parent.mkdir()
    rows = pd.DataFrame({"a": np.arange(20_000.0), "b": np.arange(20_000)})
    rows.to_parquet(paths.VALIDATED)
    return rows


def has(monkeypatch, n):
    """Let this machine have so many bytes beside what a program starts with."""
    monkeypatch.setattr(memory, "total", lambda: table_fits.START + n)


def test_what_does_not_fit_is_refused_with_the_rows_that_would(table, monkeypatch):
    """Half of what the stage takes: half of the rows."""
    size = table.memory_usage(deep=True).sum()
    has(monkeypatch, size * table_fits.STAGES["prepare"][1] / 2)
    with pytest.raises(UsageError) as caught:
        table_fits.check("prepare")
    said = str(caught.value)
    assert said.startswith("20,000 rows of data/validated.parquet take about 0.0 GB as a table")
    rows = int(said.partition("so about ")[2].partition(" rows")[0].replace(",", ""))
    assert rows == pytest.approx(10_000, rel=0.01)
    assert "Next: run it on a machine with more" in said


@pytest.mark.parametrize("n", [10**12, float("inf")])
def test_what_fits_passes_and_so_it_does_where_nobody_knows(table, monkeypatch, n):
    """A system that does not say what it has."""
    has(monkeypatch, n)
    table_fits.check("prepare")


def test_a_table_that_is_not_there_is_the_stage_s_to_tell(tmp_path, monkeypatch):
    """It names the stage that has not run."""
    monkeypatch.chdir(tmp_path)
    has(monkeypatch, 1)
    for stage in cli.MODULES["pipeline"]:
        table_fits.check(stage)


def test_a_table_without_rows_takes_nothing(table, monkeypatch):
    """The stage refuses it, for another reason."""
    table.head(0).to_parquet(paths.VALIDATED)
    has(monkeypatch, 1)
    table_fits.check("prepare")


def test_every_stage_that_reads_a_table_is_known():
    """All of dvc.yaml but the first, which reads the source."""
    stages = set(cli.MODULES["pipeline"]) - {"fingerprint", "profile", "ingest"}
    assert stages == set(table_fits.STAGES)
