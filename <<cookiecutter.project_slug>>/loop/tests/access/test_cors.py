"""Web pages of other origins: none, unless a setting names them exactly."""

import pytest

from mlops_loop import errors, settings

PAGE, OTHER = "https://flights.example.org", "https://flights.example.org.evil.example"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Content-Type"}


@pytest.fixture
def named(start, bundles):
    return start(bundles["binary"], cors_origins=f"{PAGE}, http://localhost:3000", max_rows=1)


def allowed(answer):
    return answer.headers.get("Access-Control-Allow-Origin")


def test_off_by_default(client, row):
    """No page of another origin reads an answer or asks first."""
    assert allowed(client.post("/predict", json=row, headers={"Origin": PAGE})) is None
    asked = client.options("/predict", headers={"Origin": PAGE} | ASKED)
    assert (asked.status_code, allowed(asked)) == (405, None)


@pytest.mark.parametrize("origin", [PAGE, "http://localhost:3000"])
def test_a_named_page(named, row, origin):
    """Asks first, predicts, and reads refusals as well, with the id of the request."""
    headers = {"Origin": origin}
    asked = named.options("/predict", headers=headers | ASKED)
    assert (asked.status_code, allowed(asked)) == (200, origin)
    assert "Access-Control-Allow-Credentials" not in asked.headers
    for content, status in ((row, 200), ([row, row], 422)):
        answer = named.post("/predict", json=content, headers=headers)
        assert (answer.status_code, allowed(answer)) == (status, origin)
        assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Vary"] == "Origin"


def test_a_refusal_before_the_app(start, bundles):
    """Too many requests are read by the page, too, and not as a broken network."""
    client = start(bundles["binary"], cors_origins=PAGE, rate_per_s=0.01, rate_burst=1)
    answers = [client.get("/version", headers={"Origin": PAGE}) for _ in range(2)]
    assert [(answer.status_code, allowed(answer)) for answer in answers] == [
        (200, PAGE), (429, PAGE),
    ]  # fmt: skip


@pytest.mark.parametrize("origin", [OTHER, "null", "http://flights.example.org", f"{PAGE}:8443"])
def test_another_page(named, origin):
    """An origin that only looks like a named one is none."""
    assert named.options("/predict", headers={"Origin": origin} | ASKED).status_code == 400
    assert allowed(named.get("/version", headers={"Origin": origin})) is None


@pytest.mark.parametrize("value", ["*", f"{PAGE}/", f"{PAGE},*", "https://*.example.org", "null"])
def test_no_origin(value):
    """A pattern, a path or everybody is refused at the start, with what is allowed."""
    with pytest.raises(errors.UsageError, match=r"CORS_ORIGINS=.* is no origin. Allowed: https"):
        settings.Settings.from_environment(cors_origins=value)
