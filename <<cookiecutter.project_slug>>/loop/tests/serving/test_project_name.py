"""Title of the page and name of the model: the project's, read when an app is made."""

import pytest


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """A folder that names no package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_LOOP_PACKAGE", raising=False)


def by_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("MLOPS_LOOP_PACKAGE", "flight_delays")


def by_file(monkeypatch, tmp_path):
    text = '[tool.mlops-loop]\npackage = "flight_delays"\n'
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")


def by_nothing(monkeypatch, tmp_path):
    pass


NAMED = [
    (by_variable, "flight_delays", "Flight Delays"),
    (by_file, "flight_delays", "Flight Delays"),
    (by_nothing, "model", "Model"),
]


@pytest.fixture(params=NAMED, ids=["variable", "file", "nothing"])
def named(request, monkeypatch, tmp_path, start, bundles):
    """A client of an app made there, the model's name and the title."""
    configure, name, title = request.param
    configure(monkeypatch, tmp_path)
    return start(bundles["binary"]), name, title


def test_title_of_page_and_document(named):
    client, _, title = named
    for path in ("/", "/docs", "/card"):
        assert f"<title>{title}</title>" in client.get(path).text
    assert client.get("/openapi.json").json()["info"]["title"] == title


def test_name_in_other_protocols(named, row):
    """In the addresses and in the answers; any other name is refused."""
    client, name, _ = named
    inputs = [
        {"name": column, "shape": [1], "datatype": "BYTES", "data": [value]}
        for column, value in row.items()
    ]
    assert client.get("/v2").json()["name"] == name
    for version in ("v1", "v2"):
        assert client.get(f"/{version}/models/{name}").json()["name"] == name
        refused = client.get(f"/{version}/models/other")
        assert refused.status_code == 404
        assert refused.json()["error"] == f"There is no model 'other'. Allowed: {name}."
    answer = client.post(f"/v1/models/{name}:predict", json={"instances": [row]})
    assert len(answer.json()["predictions"]) == 1
    answer = client.post(f"/v2/models/{name}/infer", json={"inputs": inputs})
    assert answer.json()["model_name"] == name


def test_each_app_has_its_own(start, bundles, monkeypatch):
    """Two apps of one process: the name is not fixed by an import."""
    clients = []
    for package in ("flight_delays", "house_prices"):
        monkeypatch.setenv("MLOPS_LOOP_PACKAGE", package)
        clients.append(start(bundles["binary"]))
    assert [c.get("/v2").json()["name"] for c in clients] == ["flight_delays", "house_prices"]
