"""`loop predict FILE`: what it says, and how it exits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

from mlops_loop import params
from mlops_loop.commands.predict import predict

ROW = {"weekday": 4, "origin": "JFK", "dest": "BOS"}


@pytest.fixture
def call(tmp_path, monkeypatch, bundles):
    """`call("rows.csv", ...)` in a folder with a bundle and nothing else: exit code and output."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(bundles["binary"], "models/bundle")

    def run(*args: str):
        return CliRunner().invoke(predict, args)

    return run


def write(*weekdays: object, name: str = "new rows.csv", **style) -> None:
    """A CSV with a row for each weekday."""
    pd.DataFrame([ROW | {"weekday": day} for day in weekdays]).to_csv(name, index=False, **style)


def test_it_says_what_was_done(call):
    """Rows, model, how the table was read, and where the output is."""
    write(0, 1)
    done = call("new rows.csv")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("predict: 2 of 2 rows by unregistered (bundle ")
    assert "read as model input -> predictions/new rows.csv\n" in done.output
    assert "  There is no column 'air temp': missing in every row.\n" in done.output
    assert len(pd.read_csv("predictions/new rows.csv")) == 2


def test_refused_rows_have_an_exit_code(call):
    """1 for some, unless they are allowed; the kinds of problems are counted."""
    write(0, 1, 99, 98)
    done = call("new rows.csv")
    assert done.exit_code == 1
    assert "predict: 2 of 4 rows" in done.output
    assert "2 rows refused, see the column reason:\n    2 rows: weekday is too large" in done.output
    assert call("new rows.csv", "--overwrite", "--max-refused-share", "0.5").exit_code == 0
    assert call("new rows.csv", "--overwrite", "--max-refused-share", "0.4").exit_code == 1


def test_all_rows_refused_is_an_error(call):
    """With the first reason; the output has the others."""
    write(99, 98)
    done = call("new rows.csv", "--max-refused-share", "1")
    assert str(done.exception).startswith(
        "All 2 rows were refused. The first is row 0: In column weekday: "
    )
    assert done.exception.exit_code == 3
    assert pd.read_csv("predictions/new rows.csv")["reason"].notna().all()


def test_one_model_is_named(call):
    """By its version or by its folder."""
    write(0)
    refused = call("new rows.csv", "--version", "v1.0.0", "--bundle", "models/bundle").exception
    assert str(refused) == "--version and --bundle name a model each. Next: give one of them"
    assert call("new rows.csv", "--bundle", "models/bundle").exit_code == 0


def test_facts_for_machines(call):
    """As JSON."""
    write(0, 99)
    facts = json.loads(call("new rows.csv", "--json").stdout)
    assert (facts["n_rows"], facts["n_refused"], facts["rows"]) == (2, 1, "model")
    assert facts["problems"] == [{"column": "weekday", "problem": "is too large", "n_rows": 1}]


def test_how_the_file_is_written(call):
    """By the call; the output is written alike."""
    write(0, 1, sep=";")
    done = call("new rows.csv", "--set", "separator=;")
    assert done.exit_code == 0, done.output
    assert Path("predictions/new rows.csv").read_text().startswith("row;prediction;")
    wrong = call("new rows.csv", "--set", "separated=;").exception
    assert str(wrong).startswith("--set separated=;: choose one of format, compression, separator")
    wrong = call("new rows.csv", "--set", "decimal=x").exception
    assert str(wrong).startswith("--set: decimal = 'x': Input should be '.' or ','")


def test_source_says_how_the_file_is_written(call, make_params, monkeypatch):
    """And prepare.key which columns to copy; what its `format` says is about other files."""
    source = {"kind": "files", "path": "raw.csv", "fingerprint": "raw.csv", "format": "parquet"}
    own = make_params("binary", {"source": source | {"separator": ";"}, "prepare.key": ["dest"]})
    Path("params.yaml").write_text(yaml.safe_dump({}))
    monkeypatch.setattr(params, "load", lambda: own)
    write(0, sep=";")
    assert call("new rows.csv").exit_code == 0
    assert Path("predictions/new rows.csv").read_text().startswith("row;dest;prediction;")
