"""A CSV of many rows: the same predictions, a file that is safe to open, refusals by row."""

import csv
import io

import pytest

from mlops_loop.page import batch

HEADER = "air temp,weekday,origin,dest,holiday"
LINES = ["61.5,4,JFK,BOS,false", ",0,EWR,BOS,", "-5,6,LGA,LAX,true"]
FILE = "\n".join([HEADER, *LINES])


def upload(client, text):
    return client.post("/batch", content=text if isinstance(text, bytes) else text.encode())


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.json()["csv"], newline="")))


def test_same_predictions(client):
    """Each row gets what `/predict` gives it, beside its own cells and the version."""
    rows = [
        {"air temp": 61.5, "weekday": 4, "origin": "JFK", "dest": "BOS", "holiday": False},
        {"weekday": 0, "origin": "EWR", "dest": "BOS"},
        {"air temp": -5, "weekday": 6, "origin": "LGA", "dest": "LAX", "holiday": True},
    ]
    expected = client.post("/predict", json=rows).json()["predictions"]
    found = table(upload(client, FILE))
    assert [each["prediction"] for each in found] == [each["prediction"] for each in expected]
    shares = [float(each["probability"]) for each in found]
    assert shares == pytest.approx([each["probability"] for each in expected])
    assert (found[2]["air temp"], found[2]["model_version"]) == ("-5", "v1.4.0")


def test_regression(start, bundles):
    """A number needs no probability."""
    answer = upload(start(bundles["regression"]), FILE).json()
    assert answer["header"] == [*HEADER.split(","), "prediction", "model_version"]


VARIANTS = {
    "semicolons": FILE.replace(",", ";"),
    "tabs": FILE.replace(",", "\t"),
    "Windows": "\ufeff" + FILE.replace("\n", "\r\n"),
    "blank lines": FILE.replace("\n", "\n\n") + "\n\n",
    "quotes": FILE.replace("JFK", '"JFK"'),
    "spaces": FILE.replace(",", " , "),
}


@pytest.mark.parametrize("text", VARIANTS.values(), ids=VARIANTS)
def test_as_spreadsheets_write_it(client, text):
    """What spreadsheets make of the same table is read alike."""
    columns = ("prediction", "probability")
    found, plain = table(upload(client, text)), table(upload(client, FILE))
    assert [[row[c] for c in columns] for row in found] == [[r[c] for c in columns] for r in plain]


def test_preview(client):
    """The first rows and how many there are, in the same columns as the file."""
    answer = upload(client, "\n".join([HEADER, *LINES * 10])).json()
    assert (len(answer["preview"]), answer["rows"]) == (batch.PREVIEW, 30)
    assert len(answer["preview"][0]) == len(answer["header"])


REFUSED = {
    "a value": (FILE.replace("LGA", "ORD"), 422, 'In row 4, column origin: "ORD"'),
    "after a blank line": (FILE.replace("\n", "\n\n").replace("LGA", "ORD"), 422, "In row 7,"),
    "no number": (FILE.replace("61.5", "warm"), 422, "In row 2, column air temp"),
    "another column": (FILE.replace("weekday", "week"), 422, "And 5 more"),
    "a missing column": ("air temp\n1", 422, "column weekday"),
    "a short row": (FILE.replace(",LAX,true", ""), 422, "has 3 cells. Allowed: 5 cells"),
    "a long row": (FILE + ",1", 422, "In row 4: "),
    "an open quote": (FILE + '\n"', 400, "no CSV in UTF-8"),
    "not UTF-8": (FILE.encode("utf-16"), 400, "no CSV in UTF-8"),
    "a large cell": (FILE + "\n" + "x" * 200_000, 400, "no CSV in UTF-8"),
    "nothing": ("", 400, "needs a header"),
    "a header only": (HEADER, 400, "a row below"),
    "a column twice": (FILE.replace("weekday", "air temp"), 400, "different columns"),
}


@pytest.mark.parametrize(("text", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(client, text, status, words):
    """Each error names its row, as a spreadsheet counts."""
    answer = upload(client, text)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_bounds(start, bundles):
    """Rows and bytes have a limit, and so has the list of what is wrong."""
    client = start(bundles["binary"], max_rows=25, max_body_bytes=2_000)
    assert upload(client, "\n".join([HEADER, *LINES * 9])).status_code == 413
    assert upload(client, FILE + " " * 2_000).status_code == 413
    answer = upload(client, "\n".join([HEADER, *["x,,,,"] * 25])).json()
    assert len(answer["errors"]) == 20


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("@SUM(1)", "'@SUM(1)"),
        ("-2+3", "'-2+3"), ("\t=1", "'\t=1"), ("-5", "-5"), ("+1e3", "+1e3"), ("a=1", "a=1"),
        (-5.0, "-5.0"),
    ],
)  # fmt: skip
def test_no_formulas(cell, safe):
    """A text that a spreadsheet would run gets an apostrophe; numbers stay numbers."""
    assert next(csv.reader(io.StringIO(batch.to_csv([[cell]]), newline=""))) == [safe]


def test_example_file(client):
    """The example can be uploaded as it is."""
    example = client.get("/example.csv")
    assert example.headers["content-type"].startswith("text/csv")
    assert upload(client, example.content).json()["rows"] == 4


def test_without_a_model(start, tmp_path):
    """503 with the reason."""
    client = start(tmp_path)
    for answer in (upload(client, FILE), client.get("/example.csv"), client.get("/card")):
        assert (answer.status_code, "No model bundle" in answer.text) == (503, True)
