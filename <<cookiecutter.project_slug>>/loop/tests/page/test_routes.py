"""The web page as the server renders it: what a browser without JavaScript shows."""

import html
import re

import pytest


def text_of(answer):
    """The words of a page, without tags."""
    text = re.sub(r"<(?:style|script).*?</(?:style|script)>|<[^>]+>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(text).split())


def form_of(row):
    return {name: "" if value is None else str(value).lower() for name, value in row.items()} | {
        name: row[name] for name in ("origin", "dest")
    }


def test_form_holds_an_example(client):
    """The form has a labelled field for each column, filled with a golden row."""
    page = client.get("/").text
    assert re.search(r'<label for="field-0">Temperature', page)
    assert re.search(r'name="air temp"[^>]*value="61.5" step="any" min="-60" max="130"', page)
    assert re.search(r'name="weekday" required[^>]*value="4" step="1" min="0" max="6"', page)
    assert '<option value="JFK" selected>' in page
    assert '<option value="BOS"></option>' in page


def test_every_field_is_labelled(client):
    """Each control has an id that a label names, and a description that exists."""
    page = client.get("/").text
    ids = set(re.findall(r' id="([^"]+)"', page))
    controls = re.findall(
        r'<(?:input|select) [^>]*?id="([^"]+)"[^>]*aria-describedby="([^"]+)"', page
    )
    assert len(controls) == 6
    for control, described_by in controls:
        assert f'<label for="{control}">' in page
        assert set(described_by.split()) <= ids


def test_hints_say_what_may_be_typed(client):
    """Beside its field; a select shows that by itself."""
    hints = re.findall(r'<p class="hint" id="field-(\d)-hint">(.*?)</p>', client.get("/").text)
    assert len(hints) == 6
    assert "a number from -60 to 130 (°F)" in html.unescape(hints[0][1])


def test_another_example(client):
    """The link leads to the next golden row, and after the last to the first."""
    assert 'href="?example=1"' in client.get("/").text
    second = client.get("/?example=1").text
    assert '<option value="EWR" selected>' in second
    assert 'href="?example=0"' in client.get("/?example=3").text


@pytest.mark.parametrize("number", ["-1", "x", "9" * 400, "٣"])
def test_strange_example_numbers(client, number):
    """Any number leads to an example; what is none is refused."""
    answer = client.get("/", params={"example": number})
    assert answer.status_code == (422 if number in ("x", "٣") else 200)


def test_prediction_without_javascript(client, row):
    """A posted form answers with the prediction, its probability and the model version."""
    answer = client.post("/", data=form_of(row))
    expected = client.post("/predict", json=row).json()
    assert answer.status_code == 200
    assert f'<p class="verdict">{expected["prediction"]}</p>' in answer.text
    assert f"{100 * expected['probabilities']['late']:.1f} %" in text_of(answer)
    assert "v1.4.0" in text_of(answer)
    assert '<option value="JFK" selected>' in answer.text


def test_regression_without_javascript(start, bundles, row):
    """A number is shown with its unit."""
    client = start(bundles["regression"])
    model = client.app.state.model
    prediction = client.post("/predict", json=row).json()
    expected = model.task.headline(prediction, model.contract)
    assert expected.endswith(" min")
    assert expected in text_of(client.post("/", data=form_of(row)))


def test_empty_fields_are_missing(client, row):
    """An empty optional field predicts as null does."""
    answer = client.post("/", data=form_of(row | {"air temp": None, "holiday": None}))
    expected = client.post("/predict", json=row | {"air temp": None, "holiday": None}).json()
    assert f"{100 * expected['probability']:.1f} %" in text_of(answer)


WRONG = [
    ("weekday", "", "is missing. Allowed: a whole number from 0 to 6."),
    ("weekday", "seven", "is not a number. Allowed: a whole number from 0 to 6."),
    ("weekday", "inf", "is not a finite number."),
    ("weekday", "nan", "is missing."),
    ("air temp", "131", "is too large. Allowed: a number from -60 to 130 (°F), or null."),
    ("origin", "ORD", "is not one of the known values. Allowed: EWR, JFK or LGA."),
    ("holiday", "perhaps", "is neither true nor false. Allowed: true or false, or null."),
]


@pytest.mark.parametrize(("column", "text", "message"), WRONG)
def test_errors_beside_their_fields(client, row, column, text, message):
    """A refused form keeps what was typed, marks the field and says what is allowed."""
    answer = client.post("/", data=form_of(row) | {column: text})
    assert answer.status_code == 422
    assert message in text_of(answer)
    field = re.search(rf'name="{column}"[^>]*aria-invalid="true"[^>]*', answer.text)
    assert field
    beside = re.search(r'aria-describedby="(\S+) (\S+)"', field[0])
    error = re.search(rf'<p class="error" id="{beside[2]}">(.*?)</p>', answer.text)[1]
    assert message in html.unescape(error)
    assert 'class="verdict error">1 value is not allowed' in answer.text


def test_unknown_field(client, row):
    """A field that is no column is refused, and named where the prediction would be."""
    answer = client.post("/", data=form_of(row) | {"weekdai": "1"})
    assert "did you mean weekday?" in text_of(answer)


def test_nothing_is_markup(client, row):
    """Column names, categories and typed texts are shown, never run."""
    for answer in (client.get("/"), client.post("/", data=form_of(row) | {"dest": '"><b>x'})):
        assert "<script>alert" not in answer.text
        assert "<b>" not in answer.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text


def test_what_moved_it(client, row):
    """The answer shows which columns moved it, and says how that was found and what it is not."""
    answer = client.post("/", data=form_of(row | {"air temp": None, "weekday": 6}))
    rows = re.findall(
        r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td>', answer.text
    )
    temperature = next(cells for cells in rows if cells[0] == "Temperature")
    assert temperature[1:3] == ("missing", "61.5 °F")
    assert re.fullmatch(r"[+-]\d+\.\d points", temperature[3])
    assert "probability of “late” is than with the typical value" in text_of(answer)
    assert "none is a cause" in text_of(answer)


def test_what_moved_a_number(start, bundles, row):
    """Of a number, the change has its unit."""
    answer = start(bundles["regression"]).post("/", data=form_of(row | {"air temp": 12}))
    assert re.search(r"<td>[+-][\d.e+-]+ min</td></tr>", answer.text)


def test_model_card(client):
    """The card is a page of its own; what looks like HTML in it is text."""
    page = client.get("/card").text
    assert '<td class="number">integer</td>' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert 'href="javascript' not in page
    assert 'href="card"' in client.get("/").text


def test_without_a_model(start, tmp_path):
    """Without a model the page says so, and why."""
    client = start(tmp_path)
    for answer in (client.get("/"), client.post("/", data={})):
        assert answer.status_code == 503
        assert f"No model bundle in {tmp_path}" in text_of(answer)


def test_strange_forms(client):
    """Bytes that are no form are an ordinary refusal."""
    assert client.post("/", content=b"\xff\x00&&==%zz").status_code == 422
    assert client.post("/", content=b"a=1&" * 20_000).status_code == 413


@pytest.mark.parametrize(("kind", "what"), [("binary", "(on time, late)"), ("regression", "(min)")])
def test_what_is_predicted_has_its_unit(start, bundles, kind, what):
    """Or its classes."""
    page = start(bundles[kind]).get("/").text
    assert re.search(rf"<dt>Predicts</dt><dd>\w+ {re.escape(what)}</dd>", page)
