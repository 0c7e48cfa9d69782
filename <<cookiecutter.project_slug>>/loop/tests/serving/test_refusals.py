"""What `/predict` refuses, and whether the answer helps: column, value, what is allowed."""

import json

import pytest

from mlops_loop.inference import errors, validation_errors

MISSING = object()
HUGE = 10**400

REFUSED = {
    "text for a number": ("air temp", "61", "is not a number", "a number from -60 to 130 (°F)"),
    "true for a number": ("air temp", True, "is not a number", "from -60 to 130"),
    "list for a number": ("air temp", [1], "is not a number", "from -60 to 130"),
    "NaN": ("air temp", float("nan"), "is not a finite number", "or null"),
    "infinity": ("air temp", float("inf"), "is not a finite number", "or null"),
    "beyond float": ("air temp", HUGE, "is not a finite number", "or null"),
    "beyond float32": ("<script>alert(1)</script>", 1e39, "is too large", "a number, or null"),
    "too small": ("air temp", -61, "is too small", "from -60 to 130"),
    "too large": ("weekday", 7, "is too large", "a whole number from 0 to 6"),
    "not whole": ("weekday", 1.5, "is not a whole number", "from 0 to 6"),
    "null": ("weekday", None, "may not be empty", "from 0 to 6"),
    "missing": ("weekday", MISSING, "is missing", "from 0 to 6"),
    "number for a boolean": ("holiday", 1, "is neither true nor false", "true or false, or null"),
    "unknown category": ("origin", "ORD", "is not one of the known values", "EWR, JFK or LGA"),
    "case matters": ("origin", "jfk", "is not one of the known values", "EWR, JFK or LGA"),
    "number for a category": ("dest", 5, "is not text", "text of the form"),
    "pattern": ("dest", "Boston", "does not have the right form", "[A-Z]{3}"),
    "unknown column": ("weekdai", 1, "is not a column of this model", "did you mean weekday?"),
}


def post(client, content):
    return client.post("/predict", content=content)


@pytest.mark.parametrize(("column", "value", "problem", "allowed"), REFUSED.values(), ids=REFUSED)
def test_refused_value(client, row, column, value, problem, allowed):
    """422 names the column, the value, what is wrong with it and what is allowed."""
    row[column] = value
    row = {key: each for key, each in row.items() if each is not MISSING}
    answer = post(client, json.dumps(row))
    (error,) = answer.json()["errors"]
    assert answer.status_code == 422
    assert (error["column"], error["row"], error["problem"]) == (column, None, problem)
    assert allowed in error["allowed"]
    assert error["value"] is None or str(error["value"])[:3].lower() in str(value).lower()


def test_sentence(client, row):
    """The answer begins with a sentence that can be shown to a person."""
    answer = post(client, json.dumps([row, row | {"origin": "ORD"}]))
    assert answer.json()["detail"] == (
        'In row 1, column origin: "ORD" is not one of the known values. Allowed: EWR, JFK or LGA.'
    )


def test_row_and_column_of_each_error(client, row):
    """In an array, each error says in which row it is."""
    answer = post(client, json.dumps([row | {"weekday": 9}, row, row | {"origin": 1}])).json()
    places = [(error["row"], error["column"]) for error in answer["errors"]]
    assert (places, answer["total"]) == ([(0, "weekday"), (2, "origin")], 2)


def test_many_errors_are_cut(client, row):
    """The first twenty errors are sent, and how many there are."""
    answer = post(client, json.dumps([row | {"weekday": 9}] * 50)).json()
    assert (len(answer["errors"]), answer["total"]) == (validation_errors.SHOWN, 50)
    assert "And 49 more." in answer["detail"]


def test_long_values_are_cut(client, row):
    """A long value is not sent back in full."""
    answer = post(client, json.dumps(row | {"origin": "x" * 100_000, "weekday": [0] * 9999}))
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("body", ["5", '"text"', "null", "[5]", "[[]]", "[null]"])
def test_no_rows(client, body):
    """JSON that is neither an object nor an array of objects is no row."""
    answer = post(client, body)
    assert answer.status_code == 422
    assert "a JSON object" in answer.json()["errors"][0]["allowed"]


def test_empty_array(client):
    """An array needs at least one row."""
    answer = post(client, "[]")
    assert (answer.status_code, answer.json()["errors"][0]["problem"]) == (422, "holds no row")


def test_too_many_rows(start, bundles, row):
    """More rows than one request may hold are refused with the number that is allowed."""
    answer = start(bundles["binary"], max_rows=10).post("/predict", json=[row] * 11)
    assert answer.status_code == 422
    assert "at most 10 rows" in answer.json()["errors"][0]["allowed"]


BROKEN = {
    "empty": (b"", "The body is not JSON"),
    "truncated": (b'{"weekday": 4', "The body is not JSON"),
    "single quotes": (b"{'weekday': 4}", "The body is not JSON"),
    "not UTF-8": (b'{"weekday": "\xff"}', "The body is not JSON"),
    "too deep": (b"[" * 5000, "The body is not JSON"),
    "endless number": (b'{"weekday": ' + b"9" * 5000 + b"}", "The body is not JSON"),
}


@pytest.mark.parametrize(("body", "words"), BROKEN.values(), ids=BROKEN)
def test_not_json(client, body, words):
    """A body that cannot be read is 400 with a sentence."""
    answer = post(client, body)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_body_too_large(start, bundles, announced):
    """A body over the limit is 413, whether its length was announced or not."""
    client = start(bundles["binary"], max_body_bytes=2_000)
    body = b" " * 2_001
    answer = post(client, body if announced else iter([body]))
    assert answer.status_code == 413
    assert "2000 bytes" in answer.json()["detail"]


def test_look_around_patterns(bundles):
    """A pattern that Rust's engine does not know still works."""
    from mlops_loop.inference import rows
    from mlops_loop.model import contract

    column = contract.Column("code", "category", pattern="(?!XX)[A-Z]{2}$")
    reader = rows.RowReader(contract.Contract("regression", "y", (column,)), 10)
    assert reader.read(b'{"code": "AB"}') == {"code": "AB"}
    with pytest.raises(errors.RowsRefused, match="right form"):
        reader.read(b'{"code": "XX"}')
