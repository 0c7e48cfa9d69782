"""Columns that a later file has, or has no more: told, ignored, or refused with the file."""

from __future__ import annotations

from typing import Any, Optional

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.typing import Series

from mlops_loop import errors, paths, project
from mlops_loop.file_format import LACKING
from mlops_loop.pipeline import ingest
from mlops_loop.pipeline import validate as stage
from mlops_loop.pipeline.validate import validate

TABLE = pd.DataFrame({"n": [1, 2], "x": [1.5, None], "id": ["a", "b"]})


def model(config: dict[str, Any] | None = None, **fields: Any) -> Any:
    """A schema of `n`, and `x` as it is given: a type and a field."""
    kinds = {"n": (Series[int], pa.Field())} | fields
    body: dict[str, Any] = {name: field for name, (_, field) in kinds.items()}
    body["__annotations__"] = {name: kind for name, (kind, _) in kinds.items()}
    body["Config"] = type("Config", (), config or {})
    return type("RawRows", (pa.DataFrameModel,), body)


def lacking(**files: list[str]) -> pd.DataFrame:
    table = TABLE.copy()
    table.attrs = {LACKING: files}
    return table


MAYBE = Optional[Series[float]]  # noqa: UP045
NULLABLE = pa.Field(nullable=True)


def test_a_column_that_the_schema_does_not_name_is_told_and_kept():
    """It may be a key or a slice."""
    result = validate(TABLE, model(x=(MAYBE, NULLABLE)))
    assert list(result.rows) == ["n", "x", "id"]
    assert result.columns.extra == ("id",)
    assert result.columns.lines() == [
        "RawRows does not name 'id': only for key, group, slice and target"
    ]


def test_a_new_column_of_a_later_file_is_told_and_ignored():
    """Without a name in RawRows; the table is not changed in place."""
    table = lacking(id=["old.csv"])
    result = validate(table, model(x=(MAYBE, NULLABLE)))
    assert list(result.rows) == ["n", "x"]
    [line] = result.columns.lines()
    assert line.startswith("new column 'id': ignored, since RawRows does not name it and 'old.csv'")
    assert "id" in table
    assert table.attrs == {LACKING: {"id": ["old.csv"]}}


@pytest.mark.parametrize(
    ("schema", "extra", "reason"),
    [
        (model(), "refuse", r"'x', 'id' \(validate.extra_columns: refuse\).*'id' is not in 'old"),
        (model({"strict": True}), "ignore", r"'x', 'id' \(strict = True in RawRows\)"),
    ],
    ids=["params.yaml", "schema.py"],
)
def test_a_new_column_is_refused_where_that_is_asked(schema, extra, reason):
    """With the files that lack it, and what to do."""
    with pytest.raises(errors.DataRefused, match=rf"{reason}.* Next: add them to RawRows"):
        validate(lacking(id=["old.csv"]), schema, extra)


def test_strict_filter_is_told():
    """The columns are gone for keys and slices too."""
    result = validate(TABLE, model({"strict": "filter"}))
    assert list(result.rows) == ["n"]
    assert result.columns.lines() == ["RawRows does not name 'x', 'id': left out (strict)"]


@pytest.mark.parametrize(
    ("kind", "field", "config", "reason"),
    [
        (Series[float], NULLABLE, {}, "RawRows requires it.*write Optional"),
        (MAYBE, pa.Field(), {}, "RawRows does not let it be missing.*write nullable=True"),
        (Series[float], pa.Field(), {"add_missing_columns": True}, "let it be missing"),
    ],
)
def test_a_file_that_lacks_a_column_of_the_schema_is_refused(kind, field, config, reason):
    """By its name, unless the schema says what is there then."""
    words = f"no column 'x' in 'new.csv'; other files have it.*{reason}"
    with pytest.raises(errors.DataRefused, match=words):
        validate(lacking(x=["new.csv"]), model(config, x=(kind, field)))


def test_a_column_that_was_renamed_is_guessed():
    """Nearly the same name, in the files that lack the other one."""
    table = lacking(x=["new.csv"], X_=["old.csv"]).assign(x_=[None, 2.0])
    table.attrs = {LACKING: {"x": ["new.csv"], "x_": ["old.csv"]}}
    with pytest.raises(errors.DataRefused, match="Is 'x_' another name of it"):
        validate(table, model(x=(Series[float], NULLABLE)))


@pytest.mark.parametrize(
    ("kind", "field", "config", "second"),
    [
        (MAYBE, NULLABLE, {}, None),
        (MAYBE, pa.Field(default=7.0), {}, 7.0),
        (Series[float], NULLABLE, {"add_missing_columns": True}, None),
        (Series[float], pa.Field(default=7.0), {"add_missing_columns": True}, 7.0),
    ],
)
def test_a_file_may_lack_what_the_schema_says(kind, field, config, second):
    """Its rows have a missing value there, or the default."""
    rows = validate(lacking(x=["new.csv"]), model(config, x=(kind, field))).rows
    assert rows["x"].astype(object).where(rows["x"].notna(), None).tolist() == [1.5, second]


def test_a_column_that_no_file_has_is_told():
    """Where the schema allows it."""
    result = validate(TABLE[["n"]], model(x=(MAYBE, NULLABLE)))
    assert result.columns.absent == ("x",)
    assert result.columns.lines() == ["the source has no 'x', which RawRows allows"]


@pytest.mark.parametrize("setting", ["ignore", "refuse"])
def test_the_stages_pass_it_on(tmp_path, monkeypatch, make_params, capsys, setting):
    """From two files to the report of `validate`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "raw_rows", model)
    (tmp_path / "2024-01.csv").write_text("n\n1\n")
    (tmp_path / "2024-02.csv").write_text("n,gust\n2,9\n")
    source = {"kind": "files", "path": "*.csv", "fingerprint": "."}
    own = make_params(changes={"source": source, "validate.extra_columns": setting})
    paths.INGESTED.parent.mkdir()
    ingest.run(own)
    if setting == "refuse":
        with pytest.raises(errors.DataRefused, match=r"'gust'.*is not in '2024-01\.csv'"):
            stage.run(own)
        return
    stage.run(own)
    assert "new column 'gust': ignored" in capsys.readouterr().out
    assert '"gust": [\n        "2024-01.csv"' in paths.VALIDATION_REPORT.read_text()
