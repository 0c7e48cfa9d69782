"""The routes of MLflow's scoring server."""

import pytest


def split(rows):
    """Rows as pandas writes a data frame by `orient="split"`."""
    names = list(rows[0])
    return {"columns": names, "data": [[row[name] for name in names] for row in rows]}


BODIES = {
    "split": lambda rows: {"dataframe_split": split(rows)},
    "split with index": lambda rows: {"dataframe_split": split(rows) | {"index": [7, 8]}},
    "records": lambda rows: {"dataframe_records": rows, "params": {}},
    "instances": lambda rows: {"instances": rows},
    "inputs": lambda rows: {"inputs": {name: [row[name] for row in rows] for name in rows[0]}},
    "rows as inputs": lambda rows: {"inputs": rows},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_predicts(client, row, body):
    """Each form of a data frame gets the predictions of `/predict`."""
    rows = [row, row | {"air temp": None, "dest": "LAX"}]
    answer = client.post("/invocations", json=body(rows)).json()
    assert answer == {"predictions": client.post("/predict", json=rows).json()["predictions"]}


REFUSED = {
    "nothing": ({}, 400, "exactly one of dataframe_split"),
    "two": ({"instances": [], "inputs": {}}, 400, "exactly one of"),
    "params": ({"instances": [{}], "params": {"x": 1}}, 400, "takes none"),
    "short row": (
        {"dataframe_split": {"columns": ["a"], "data": [[]]}},
        400,
        "data.0: the row has 0",
    ),
    "twice": ({"dataframe_split": {"columns": ["a", "a"], "data": []}}, 400, "'a' comes twice"),
    "no columns": ({"dataframe_split": {"columns": [], "data": []}}, 422, "holds no row"),
    "no table": ({"dataframe_split": [1]}, 400, "In dataframe_split"),
    "unknown column": ({"dataframe_records": [{"air tmp": 1}]}, 422, "And 3 more"),
}


@pytest.mark.parametrize(("body", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(client, body, status, words):
    """With a sentence under `error`."""
    answer = client.post("/invocations", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


def test_other_content(client):
    """A CSV is refused by its type, which MLflow's own server would read."""
    answer = client.post("/invocations", content="a\n1\n", headers={"content-type": "text/csv"})
    assert (answer.status_code, "application/json" in answer.json()["error"]) == (415, True)
    json = {"content-type": "application/json; charset=utf-8"}
    assert client.post("/invocations", content="{}", headers=json).status_code == 400


def test_ping(client, start, tmp_path):
    """Ready, or the reason."""
    assert (client.get("/ping").status_code, client.get("/ping").text) == (200, "\n")
    answer = start(tmp_path).get("/ping")
    assert (answer.status_code, "No model bundle" in answer.json()["error"]) == (503, True)
