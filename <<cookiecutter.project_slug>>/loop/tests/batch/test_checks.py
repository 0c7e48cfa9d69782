"""A table gets the answers of the endpoint, row by row, whatever stands in it."""

from __future__ import annotations

import csv
import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop.batch.checks import TableReader
from mlops_loop.columns import one_type_per_column
from mlops_loop.file_format import FileFormat, mark
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model import bundle
from mlops_loop.sources.csv_files import read_csv

ODD = (
    "", " ", "0", "3", " 3 ", "3.0", "2.5", "-1", "99", "+4", "1e1", "1E400", "1_0", ".5", "5.",
    "0x1", "nan", "NA", "null", "inf", "-Infinity", "true", "TRUE", "1", "yes", "off", "maybe",
    "JFK", " JFK", "'JFK", "jfk", "BOS", "bos", "LAXX", "<b>", "é", "3\u00a0", "٣", "1,5",
)  # fmt: skip
SANE = {"air temp": "61.5", "weekday": "4", "origin": "JFK", "dest": "BOS", "holiday": "true"}
TYPED = {
    "air temp": [61.5, 61, -61, 131, np.nan, None, np.inf, True, "61", 2**60, np.float32(0.1)],
    "weekday": [4, 4.0, 4.5, -1, 7, None, np.nan, True, "4", np.int8(3), 3.0000000000001],
    "origin": ["JFK", " JFK", "jfk", "", None, 4, True],
    "dest": ["BOS", "bos", "", None, "X" * 90, 5],
    "holiday": [True, False, None, 1, 0, "true", np.bool_(True)],
    "<script>alert(1)</script>": [None, 2.5, "x", 1e300, -1e39],
}


@pytest.fixture(name="contract", scope="module")
def _contract(bundles):
    return bundle.load(bundles["binary"]).contract


def by_endpoint(contract, read, rows):
    """Encoded rows, and errors by position, of the endpoint's reader alone."""
    matrix, refused = np.zeros((len(rows), len(contract.columns)), dtype="float32"), {}
    for i, row in enumerate(rows):
        try:
            matrix[i] = contract.encode_rows([read(row)])[0]
        except RowsRefused as error:
            refused[i] = [dataclasses.replace(item, row=None) for item in error.errors]
    return matrix, refused


def assert_same(checked, matrix, refused):
    """The same errors, and bit by bit the same numbers for rows without one."""
    assert checked.refused == refused
    keep = checked.accepted()
    np.testing.assert_array_equal(checked.matrix[keep], matrix[keep])


def as_csv(rows: list[dict[str, str]], names: list[str], **style) -> pd.DataFrame:
    """The rows as they come back from a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return mark(read_csv(io.BytesIO(text.getvalue().encode())), FileFormat(**style))


@pytest.mark.parametrize("name", list(TYPED))
def test_texts_of_a_csv_are_read_as_those_of_a_form(contract, name):
    """Every odd text in each column, beside sane ones."""
    rows = [SANE | {name: text} for text in ODD]
    names = list(dict.fromkeys([*SANE, name]))
    matrix, refused = by_endpoint(contract, RowReader(contract, 1).read_form, rows)
    assert_same(TableReader(contract).read(as_csv(rows, names), True), matrix, refused)
    assert 0 < len(refused) < len(rows)


@pytest.mark.parametrize("name", list(TYPED))
def test_typed_values_are_read_as_those_of_json(contract, name):
    """Each value alone in a table, so that its type is the column's own."""
    sane = {"air temp": 61.5, "weekday": 4, "origin": "JFK", "dest": "BOS", "holiday": True}
    refused_values = 0
    for value in TYPED[name]:
        row = sane | {name: value}
        plain = {k: v for k, v in row.items() if not (v is None or v != v or v == "")}
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in plain.items()}
        if name in ("origin", "dest") and name in plain:  # a category is a text, as in training
            plain[name] = {4: "4", 5: "5", True: "true"}.get(plain[name], plain[name])
        matrix, refused = by_endpoint(contract, RowReader(contract, 1).read_row, [plain])
        table = pd.DataFrame([row], dtype=object).apply(lambda column: column.infer_objects())
        assert_same(TableReader(contract).read(table, False), matrix, refused)
        refused_values += len(refused)
    assert refused_values


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries(
    {name: st.sampled_from(ODD) | st.text(max_size=5) for name in TYPED}), min_size=1, max_size=8
))  # fmt: skip
def test_any_texts_beside_each_other(contract, rows):
    """A row never depends on those beside it."""
    table = pd.DataFrame(rows, dtype="str")
    table = table.mask(table == "")  # as a CSV gives it
    matrix, refused = by_endpoint(contract, RowReader(contract, 1).read_form, rows)
    assert_same(TableReader(contract).read(table, True), matrix, refused)


def test_columns_that_may_be_missing_may_be_left_out(contract):
    """As a key that a client does not send."""
    rows = [{"weekday": "4", "origin": "JFK", "dest": "BOS"}]
    matrix, refused = by_endpoint(contract, RowReader(contract, 1).read_form, rows)
    assert not refused
    assert_same(TableReader(contract).read(as_csv(rows, list(rows[0])), True), matrix, {})


def test_numbers_with_a_decimal_comma(contract):
    """As `source` in params.yaml says; a decimal point is no number then."""
    rows = [SANE | {"air temp": "1,5"}, SANE | {"air temp": "1.5"}, SANE | {"air temp": "NA"}]
    checked = TableReader(contract).read(as_csv(rows, list(SANE), decimal=","), True)
    assert checked.matrix[0, 0] == 1.5
    assert np.isnan(checked.matrix[2, 0])
    (error,) = checked.refused[1]
    assert str(error).startswith('In column air temp: "1.5" is not a number. Allowed: a number')


def test_most_rows_need_no_reader_of_single_rows(contract, monkeypatch):
    """What is fine is encoded column by column; this is what makes it quick."""
    rows = [SANE | {"dest": text} for text in ("BOS", "LAX", "bos")] * 50
    reader, calls = TableReader(contract), []
    read = reader.reader.read_form
    monkeypatch.setattr(reader.reader, "read_form", lambda row: calls.append(row) or read(row))
    checked = reader.read(as_csv(rows, list(SANE)), True)
    assert len(checked.refused) == len(calls) == 50


def test_a_row_is_refused_with_all_that_is_wrong_with_it(contract):
    """In the order of the columns, as at the endpoint."""
    table = one_type_per_column(pd.DataFrame([{"weekday": 99, "dest": "BOS"}]))
    errors = TableReader(contract).read(table, False).refused[0]
    assert [(e.column, e.problem) for e in errors] == [
        ("weekday", "is too large"),
        ("origin", "is missing"),
    ]
