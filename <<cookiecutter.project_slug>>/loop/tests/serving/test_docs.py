"""The OpenAPI document and its page: true, with examples that work, and without a CDN."""

import re

import pytest

from mlops_loop.serving import reload

PAGES = ["/", "/docs", "/card"]


def schemas(client):
    return client.get("/openapi.json").json()["components"]["schemas"]


@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_examples_work(start, bundles, kind):
    """Every example of the request can be posted; the example answer is what comes back."""
    client = start(bundles[kind])
    operation = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    request, answer = (
        part["content"]["application/json"]["examples"]
        for part in (operation["requestBody"], operation["responses"]["200"])
    )
    for example in request.values():
        assert client.post("/predict", json=example["value"]).status_code == 200
    row, expected = request["One row"]["value"], answer["One row"]["value"]
    answered = client.post("/predict", json=row).json()
    assert _flat(expected) == answered | answered.pop("probabilities", {})


def _flat(answer: dict) -> dict:
    """Approximate numbers, for pytest takes no texts among them."""
    numbers = answer | answer.pop("probabilities", {})
    return {
        k: pytest.approx(v, rel=1e-3) if isinstance(v, float) else v for k, v in numbers.items()
    }


@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_examples_are_rounded(start, bundles, kind):
    """Numbers have four digits, in the rows and in the answer, and no zero after the point."""
    document = start(bundles[kind]).get("/openapi.json").text
    examples = re.findall(r'"examples":(\{"One row".*?\}\}\})', document)
    numbers = re.findall(r"(?<=[:\[])-?\d+\.\d+", " ".join(examples))
    assert len(examples) >= 2
    assert numbers
    assert [text for text in numbers if len(text.strip("-0.").replace(".", "")) > 4] == []


def test_row_schema(client):
    """Types, ranges, categories, patterns and missing values come from the contract."""
    row = schemas(client)["Row"]
    properties = row["properties"]
    assert row["required"] == ["weekday", "origin", "dest"]
    assert row["additionalProperties"] is False
    assert properties["origin"]["enum"] == ["EWR", "JFK", "LGA"]
    number, null = properties["air temp"]["anyOf"]
    assert (number["type"], number["maximum"], null) == ("number", 130, {"type": "null"})
    assert (properties["weekday"]["minimum"], properties["weekday"]["maximum"]) == (0, 6)
    assert properties["dest"]["pattern"].startswith("^(?:")
    assert properties["weekday"]["description"] == "0 is Monday: a whole number from 0 to 6"


def test_answers_match_their_schema(start, bundles, row):
    """What is sent has exactly the keys that the document promises."""
    for folder in bundles.values():
        client = start(folder)
        promised = schemas(client)
        one = client.post("/predict", json=row).json()
        many = client.post("/predict", json=[row]).json()
        assert set(one) == set(promised["Answer"]["required"])
        assert set(many) == set(promised["Answers"]["required"])
        assert set(many["predictions"][0]) == set(promised["Prediction"]["required"])


def test_references_resolve(client):
    """Every `$ref` of the document points to a schema that it holds."""
    text = client.get("/openapi.json").text
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= set(schemas(client))
    assert "Row" in names


def test_document_without_a_model(start, tmp_path):
    """Without a model the document still lists the routes."""
    assert "/predict" in start(tmp_path).get("/openapi.json").json()["paths"]


@pytest.mark.parametrize("path", PAGES)
def test_files_of_this_server_only(client, path):
    """A page loads nothing from elsewhere, and each file that it names exists."""
    page = client.get(path)
    links = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert not [link for link in links if "//" in link]
    files = [link for link in links if link.startswith("static/")]
    assert files
    assert {client.get(f"/{link}").status_code for link in files} == {200}


@pytest.mark.parametrize("path", PAGES)
def test_no_inline_script(client, path):
    """The policy allows scripts of this server only, and the page needs no other."""
    page = client.get(path)
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert not re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=", page.text)


def test_the_document_is_made_once_for_each_model(start, bundles):
    """The same until another model serves."""
    app = start(bundles["binary"]).app
    first = app.openapi()
    assert app.openapi() is first
    reload.reload(app)
    assert app.openapi() is not first
    assert app.openapi() == first
