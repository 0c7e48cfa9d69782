"""The same written value is the same in every source, in training, gate, endpoint and log."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pandera.pandas as pa_
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pandera.typing import Series

from mlops_loop import columns, files, paths, project, source_params
from mlops_loop.inference.rows import RowReader
from mlops_loop.model import bundle
from mlops_loop.page import batch
from mlops_loop.pipeline import derive, ingest, prepare, split, validate
from mlops_loop.prediction_log import archive, records
from mlops_loop.prediction_log.log import PredictionLog
from mlops_loop.sources import api

BIG = 2**53 + 1  # the first integer that a float64 cannot hold
TEXTS = ["00501", "501", "1e5", "NA", "null", "None", "nan", "1.0", "1", "True", "true", "TRUE"]
TEXTS += [str(BIG), str(BIG - 1), " a", "a ", "a", "1_000", "0x10", "-0", "+5", "1,5", "é", "a\nb"]
TEXTS += ["2013-01-02", "02/01/2013", "=1+1", "-", "inf", "  ", '"', "100000000000000001"]
INTEGERS = [0, 1, -1, 255, 2**31, BIG, BIG - 1, 10**17, 10**17 + 1, 2**63 - 1]
COLUMNS = {
    "customer": pa.int64(), "code": pa.string(), "member": pa.bool_(), "y": pa.int64(),
    "x": pa.float64(), "id": pa.int64(),
}  # fmt: skip


def csv_of(rows: list[dict]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def from_csv(rows: list[dict], folder: Path) -> source_params.Source:
    (folder / "raw.csv").write_bytes(csv_of(rows))
    return source_params.Files(path="raw.csv", fingerprint="raw.csv")


def from_parquet(rows: list[dict], folder: Path) -> source_params.Source:
    """As Arrow and Spark write it: without pandas' own notes."""
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(COLUMNS)), folder / "raw.parquet")
    return source_params.Files(path="raw.parquet", format="parquet", fingerprint="raw.parquet")


def from_sql(rows: list[dict], folder: Path) -> source_params.Source:
    """SQLite has no booleans: they are 1 and 0."""
    (folder / "raw.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "raw.db")) as database, database:
        database.execute(
            "CREATE TABLE t (customer INTEGER, code TEXT, member INTEGER, y, x REAL, id)"
        )
        marks = ", ".join(f":{name}" for name in COLUMNS)
        database.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    (folder / "rows.sql").write_text("SELECT * FROM t")
    return source_params.Sql(query="rows.sql", chunk_rows=3, fingerprint=str(paths.SOURCE_STATE))


def from_json(rows: list[dict], folder: Path) -> source_params.Source:
    """Pages of three rows."""
    pages = [rows[i : i + 3] for i in range(0, len(rows), 3)]
    api._pages = lambda *_: iter(json.loads(json.dumps(pages)))  # the fixture puts it back
    return source_params.Api(url="https://a.example/", fingerprint=str(paths.SOURCE_STATE))


SOURCES = (from_csv, from_parquet, from_sql, from_json)


class RawRows(pa_.DataFrameModel):
    """`id` and `y` are not named: a key and a target need no type."""

    customer: Series[int] = pa_.Field(nullable=True)
    code: Series[str] = pa_.Field(nullable=True)
    member: Series[bool] = pa_.Field(nullable=True)
    x: Series[float] = pa_.Field(nullable=True)

    class Config:
        coerce = True


class Inputs(pa_.DataFrameModel):
    """One text is open to any value."""

    code: Series[str] = pa_.Field(nullable=True)
    x: Series[float] = pa_.Field(nullable=True)

    class Config:
        coerce = True
        strict = "filter"


@pytest.fixture(scope="module")
def world(tmp_path_factory, make_params):
    """`world.stored(rows, source)` is the table that `ingest` stores; `world.params` fit it."""
    folder = tmp_path_factory.mktemp("same")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DATABASE_URL", "sqlite:///raw.db")
        patch.setattr(api, "_pages", api._pages)
        patch.setattr(project, "raw_rows", lambda: RawRows)
        patch.setattr(project, "model_rows", lambda rows: rows)
        patch.setattr(project, "model_input", lambda: Inputs)

        def stored(rows: list[dict], source) -> pd.DataFrame:
            ingest.run(SimpleNamespace(source=source(rows, folder)))
            return files.read_table(paths.INGESTED)

        changes = {
            "target.column": "y",
            "target.positive": "1",
            "split.max_overlap": 1,
            "evaluate.slices": ["code"],
        }
        changes |= {"prepare.carry_columns": ["customer", "member"]}
        yield SimpleNamespace(stored=stored, params=make_params("binary", changes))


def texts_of(table: pd.DataFrame) -> dict[str, list]:
    """Every value of a table as text, missing as None."""
    written = {name: columns.texts(table[name]).astype(object) for name in table}
    return {name: column.where(column.notna(), None).tolist() for name, column in written.items()}


ROWS = st.fixed_dictionaries(
    {
        "customer": st.none() | st.sampled_from(INTEGERS),
        "code": st.none() | st.sampled_from(TEXTS),
        "member": st.none() | st.booleans(),
        "y": st.none() | st.sampled_from([0, 1]),
        "x": st.none() | st.floats(allow_nan=False, width=32),
        "id": st.sampled_from(INTEGERS),
    }
)


@given(rows=st.lists(ROWS, min_size=1, max_size=8))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_source_gives_the_same_rows(world, rows):
    """Raw texts, types, keys, targets, categories and slices, whatever is missing beside them."""
    found = []
    for source in SOURCES:
        valid = validate.validate(world.stored(rows, source), RawRows)
        assert valid.quarantined.empty
        whole = valid.rows.assign(**prepare._reserved(valid.rows, world.params))
        found.append({"types": valid.rows.dtypes[list(RawRows.to_schema().columns)].to_dict()})
        found[-1] |= texts_of(whole[sorted(whole)])
    assert found[1:] == found[:1] * 3
    assert found[0]["code"] == [row["code"] for row in rows]
    keys = [str(row["id"]) for row in rows]
    assert found[0][split.KEY] == keys
    assert found[0][split.TARGET] == [None if row["y"] is None else str(row["y"]) for row in rows]


@pytest.mark.parametrize("source", SOURCES)
def test_an_empty_cell_moves_no_other_row(world, source):
    """A holdout by group: the group of a row is a text, with or without a missing one beside it."""
    rows = [dict.fromkeys(COLUMNS) | {"customer": n, "id": n} for n in range(200)]
    rule = {"strategy": "group", "seed": 1, "validation": 0.2, "holdout": 0.3}

    def parts(rows: list[dict]) -> list[str]:
        valid = validate.validate(world.stored(rows, source), RawRows).rows
        groups = columns.texts(valid["customer"])
        return split.part_of(pd.DataFrame({split.GROUP: groups}), rule).tolist()

    full = parts(rows)
    assert parts([rows[0] | {"customer": None}, *rows[1:]])[1:] == full[1:]
    assert full == [
        split.part_of(pd.DataFrame({split.GROUP: [str(n)]}), rule).item() for n in range(200)
    ]


@example(codes=["\n"])  # a formula for a spreadsheet, and all of it blank
@given(codes=st.lists(st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8")), min_size=1))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_training_gate_endpoint_and_page_give_one_answer(world, codes):
    """A text that training kept can be sent as JSON, typed into the form and uploaded as CSV."""
    assume(not {f"'{code}" for code in codes} & {*codes})  # the page's way to write the other one
    table = pd.DataFrame({"code": codes, "x": 1.0, split.TARGET: "0"})
    table.loc[len(table)] = ["word", 2.0, "1"]
    training = validate.validate(table, Inputs).rows.assign(**{split.TARGET: table[split.TARGET]})
    contract = derive.derive_contract(Inputs.to_schema(), training, world.params)
    reader, expected = RowReader(contract, 1000), contract.encode_table(training)
    gate = pd.DataFrame({name: training[name].astype(object) for name in contract.names})
    np.testing.assert_array_equal(contract.encode_table(gate), expected)
    rows = [{"code": text, "x": x} for text, x in zip(table["code"], table["x"], strict=True)]
    sent = reader.read(json.dumps(rows).encode())
    np.testing.assert_array_equal(contract.encode_rows(sent), expected)
    typed = [reader.read_form({"code": row["code"], "x": str(row["x"])}) for row in rows]
    np.testing.assert_array_equal(contract.encode_rows(typed), expected)
    for safe in (str, batch._safe):  # as it is, and as the page writes it for a spreadsheet
        cells = [{"code": safe(row["code"]), "x": str(row["x"])} for row in rows]
        known = [reader.read_form(row) for row in cells]
        np.testing.assert_array_equal(contract.encode_rows(known), expected)


def test_the_log_keeps_the_text(world, tmp_path):
    """As it was sent, also into the file of a day."""
    log = PredictionLog(f"sqlite:///{tmp_path}/log.db")
    log.start()
    rows = [{"code": text, "x": 1.0} for text in TEXTS]
    log.put("v1", 0, None, rows, json.dumps(rows).encode())
    log.put("v1", 0, None, rows, json.dumps(rows).encode(), json.dumps(rows).encode())
    assert log.close() == 0
    [page] = log.database.pages(records.FIRST, datetime.now(UTC) + timedelta(days=1))
    assert [record["inputs"] for record in records.records(page)] == rows * 2
    [path] = archive.write_days(log.database, tmp_path, records.FIRST, datetime.now(UTC))
    assert [json.loads(text) for text in files.read_table(path)["inputs"]] == rows * 2


CODES = ["02115", "00501", "02115", "10001", "94105"]
N = 300
RNG = np.random.default_rng(0)
Y = ["yes" if flag else "no" for flag in RNG.random(N) < 0.5]
LONG = [10**17 + i for i in range(N)]
OF_CASE = {"id": range(N), "postcode": CODES * 60, "x": RNG.normal(size=N).round(3), "y": Y}


def as_rows(**changes) -> pd.DataFrame:
    """As a database or JSON gives them: values of Python."""
    data = (OF_CASE | changes).items()
    return pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in data})


def as_csv(**changes) -> str:
    """As pandas writes them."""
    return as_rows(**changes).to_csv(index=False)


AT = {"target.column": "y", "train.threshold": "f1"}
GIVEN = pytest.mark.parametrize("given_as", [as_csv, as_rows])


@GIVEN
@pytest.mark.parametrize("more", [{}, {"str_matches": r"^\d{5}$"}], ids=["open", "pattern"])
def test_postcodes_keep_their_zeros(run_stages, given_as, more):
    """The case postcode-leading-zeros."""
    kinds = {"postcode": ("str", more)}
    made = run_stages(given_as(), kinds, changes=AT, raw=kinds)
    assert made.contract.columns[0].levels == ("00501", "02115", "10001", "94105")


@GIVEN
def test_long_ids_beside_a_missing_one(run_stages, given_as):
    """The case long-ids-one-missing: one row goes into quarantine, and no other is a double."""
    made = run_stages(
        given_as(id=[*LONG[:-1], None]), {"x": "float"}, changes=AT, raw={"id": "int"}
    )
    assert sum(made.manifest["rows"].values()) == N - 1


LABELS = [([0, 1], 1, {}), ([0.0, 1.0], "1", {}), (["0", "1"], 1.0, {"y": "str?"})]
LABELS += [(["0.0", "1.0"], "1.0", {"y": "str?"})]


@GIVEN
@pytest.mark.parametrize(("labels", "positive", "raw"), LABELS, ids=lambda value: str(value))
def test_labels_beside_missing_ones(run_stages, given_as, labels, positive, raw):
    """The case labels-one-missing: the classes are '0' and '1', named in RawRows or not."""
    written = [None if i < 3 else labels[i * i % 7 % 2] for i in range(N)]
    changes = AT | {"target.positive": positive}
    made = run_stages(given_as(y=written), {"x": "float"}, changes=changes, raw=raw)
    assert isinstance(made, bundle.Bundle), made
    assert made.contract.classes == ("0", "1")


@GIVEN
def test_labels_that_are_booleans(run_stages, given_as):
    """A CSV of pandas says True; `positive: true` in YAML is the same class."""
    written = [None if i < 3 else i * i % 7 % 2 == 0 for i in range(N)]
    made = run_stages(given_as(y=written), {"x": "float"}, changes=AT | {"target.positive": True})
    assert made.contract.classes == ("false", "true")
