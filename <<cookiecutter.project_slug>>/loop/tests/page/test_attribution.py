"""What moved a prediction, checked against asking the model one change at a time."""

import pytest

from mlops_loop.page import attribution

ODD = {"air temp": None, "weekday": 6, "origin": "EWR", "dest": "<b>MIA</b>", "holiday": True}


def score(client, row, kind, predicted):
    answer = client.post("/predict", json=row).json()
    if kind == "regression":
        return answer["prediction"]
    return answer["probabilities"]["late" if kind == "binary" else predicted]


@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_change_of_each_column(start, bundles, kind):
    """The change is that of the score when this column alone gets its typical value."""
    client = start(bundles[kind])
    model = client.app.state.model
    predicted = client.post("/predict", json=ODD).json()["prediction"]
    here = score(client, ODD, kind, predicted)
    found = {each["column"].name: each for each in attribution.what_if_effects(model, ODD)}
    assert set(found) <= set(model.contract.names)
    temperature = model.contract.columns[0]
    other = score(client, ODD | {temperature.name: temperature.example}, kind, predicted)
    assert found["air temp"]["change"] == pytest.approx(here - other, abs=1e-5)
    assert (found["air temp"]["value"], found["air temp"]["typical"]) == (None, 61.5)


def test_largest_first(client):
    """The five that moved it most, the largest change first."""
    changes = [
        abs(each["change"]) for each in attribution.what_if_effects(client.app.state.model, ODD)
    ]
    assert changes == sorted(changes, reverse=True)
    assert 0 < len(changes) <= attribution.SHOWN


def test_typical_rows_are_not_moved(client):
    """Where every value is typical, nothing moved it."""
    model = client.app.state.model
    typical = {column.name: column.example for column in model.contract.columns}
    assert attribution.what_if_effects(model, typical) == []
