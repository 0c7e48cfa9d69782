"""The endpoint's export: whole days, in spite of cuts; limits; and who asks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from mlops_loop.errors import LogUnavailable, UsageError
from mlops_loop.monitoring.traffic import endpoint, table
from mlops_loop.monitoring.traffic.endpoint import EndpointTraffic
from mlops_loop.monitoring.traffic.kinds import Endpoint

from .conftest import DAY, MOMENTS, NEXT, PROBLEMS, line, sends


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(endpoint, "BACKOFF_S", 0)


@pytest.fixture
def rows_of(server_of):
    """`rows_of(answer, ...)`: ids and numbers of the rows of DAY, from a server that answers so."""

    def read(*answers, config=None, **env):
        server_of.answers = list(answers)
        source = EndpointTraffic(config or Endpoint(), {"PRODUCTION_URL": server_of.url} | env)
        found = table.read(source, DAY, NEXT)
        return [(r.prediction_id, r.row) for chunk in found for r in chunk.rows.itertuples()]

    return read


@pytest.fixture
def real(live, log_url):
    """The environment of who asks a real endpoint with its own key."""
    host, port = live(log_url=log_url)
    place = f"{log_url.removeprefix('sqlite:///')}-key"
    return {"PRODUCTION_URL": f"http://{host}:{port}/", "ENDPOINT_KEY_FILE": place}


def test_a_real_endpoint(real):
    """Days are cut at midnight (UTC), and no subject comes."""
    source = EndpointTraffic(Endpoint(), real)
    first, second = table.read(source, DAY, NEXT + timedelta(days=1))
    assert (first.day, len(first.rows), second.day, len(second.rows)) == (DAY, 4, NEXT, 2)
    assert first.rows["outcome"].tolist() == [None, "late", None, None]
    assert first.rows["at"].tolist() == [MOMENTS[0]] * 2 + [MOMENTS[1]] * 2
    assert first.rows.loc[1, "inputs"] == {"dest": "BOS", "temp": 62.5}
    assert first.rows.loc[1, "output"] == {"prediction": "late", "probability": 0.25}
    assert tuple(first.rows) == table.COLUMNS


def test_problems_of_a_real_endpoint(real):
    """By column, as numbers."""
    source = EndpointTraffic(Endpoint(), real)
    assert source.problems(DAY) == PROBLEMS
    assert source.problems(NEXT) == {}


@pytest.mark.parametrize(
    "answer",
    [sends(b"{}", 404), sends(b"[{}]"), sends(b"[", cut=True), sends(b"no"), sends(b"", 503)],
)
def test_an_endpoint_that_does_not_tell_its_problems(server_of, answer):
    """One of an earlier version has no such route: nobody knows, and the rows are read all the
    same."""
    server_of.answers = [answer]
    assert EndpointTraffic(Endpoint(), {"PRODUCTION_URL": server_of.url}).problems(DAY) is None


def test_the_endpoint_announces_what_it_sends(real):
    """So a log that was cut short, or pruned meanwhile, is seen."""
    key = {"X-API-Key": Path(real["ENDPOINT_KEY_FILE"]).read_text().strip()}
    url, until = f"{real['PRODUCTION_URL']}logs/export", "until=2026-01-06T00:00:00%2B00:00"
    answer = urllib3.request("GET", f"{url}?{until}", headers=key)
    assert answer.headers["X-Total-Rows"] == "4"
    assert answer.data.count(b"\n") == 4
    assert "X-Total-Rows" not in urllib3.request("GET", url, headers=key).headers


def test_the_command_finds_the_key(serve_process, bundles, log_url, tmp_path, monkeypatch):
    """Of an endpoint that was started in this folder; nobody sets a secret."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("")
    env = {"BUNDLE_DIR": str(bundles["binary"]), "LOG_URL": log_url, "PORT": "0"}
    with serve_process(env, text=True) as server:
        try:
            lines = [server.stdout.readline().split() for _ in range(3)]
            source = EndpointTraffic(Endpoint(), {"PRODUCTION_URL": lines[0][1]})
            assert source.problems(DAY) == PROBLEMS
        finally:
            server.terminate()
    assert lines[2] == ["Key", f"{log_url.removeprefix('sqlite:///')}-key"]


def test_a_cut_answer_goes_on_where_it_ended(rows_of, server_of):
    """From the last row on, and a row that comes twice counts once."""
    late = MOMENTS[0] + timedelta(hours=1)
    begun = line(0) + line(1) + line(0, late, "b")
    rest = line(0, late, "b") + line(1, late, "b") + line(0, late, "c")
    answers = sends(begun + b'{"half', cut=True, X_Total_Rows="5"), sends(rest, X_Total_Rows="3")
    assert rows_of(*answers) == [("a", 0), ("a", 1), ("b", 0), ("b", 1), ("c", 0)]
    asked = [parse_qs(urlsplit(path).query)["since"][0] for path, _ in server_of.seen]
    assert asked == ["2026-01-05T00:00:00+00:00", "2026-01-05T01:00:00+00:00"]


def test_fewer_rows_than_announced(rows_of):
    """A proxy that ends an answer properly in the middle is found out."""
    with pytest.raises(
        LogUnavailable, match=r"sent 1 of the 2 rows of 2026-01-05. Nothing of that"
    ):
        rows_of(sends(line(0), X_Total_Rows="2"))


@pytest.mark.parametrize("status", [503, 429])
def test_a_server_that_is_busy(rows_of, server_of, status):
    """Is asked again, and given up in the end."""
    assert rows_of(sends(b"later", status), sends(line(0))) == [("a", 0)]
    with pytest.raises(LogUnavailable, match=rf"{status} .*later. Tried 5 times"):
        rows_of(sends(b"later", status))
    assert len(server_of.seen) == 2 + 5


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "id-token: write"), (403, "needs AUTH"), (404, "set LOG_URL"), (302, "redirect")],
)
def test_a_refusal_says_what_to_do(rows_of, server_of, status, said):
    """At once; and nothing follows a redirect with the key."""
    with pytest.raises(UsageError, match=f"answers {status} .*{said}"):
        rows_of(sends(b"", status, Location=f"{server_of.url}/other"), ENDPOINT_KEY="k" * 20)
    assert len(server_of.seen) == 1


def test_a_key_and_a_token(rows_of, server_of, tmp_path):
    """A key file, a key, or what GitHub signs for this audience; a key is in no message."""
    (tmp_path / "keys").write_text("first-key\nsecond-key\n")
    rows_of(sends(line(0)), ENDPOINT_KEY_FILE=str(tmp_path / "keys"), ENDPOINT_KEY="other")
    rows_of(sends(line(0)), ENDPOINT_KEY="other")
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{server_of.url}/token?v=2"}
    job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-the-job"
    start = len(server_of.seen)
    server = [sends(b'{"value": "signed"}'), sends(line(0))]
    rows_of(*[None] * start, *server, **job)
    sent = [headers.get("Authorization") for _, headers in server_of.seen]
    assert sent == ["Bearer first-key", "Bearer other", "Bearer of-the-job", "Bearer signed"]
    asked = urlsplit(server_of.seen[start][0])
    assert parse_qs(asked.query) == {"v": ["2"], "audience": [server_of.url]}


def test_no_token(rows_of):
    """GitHub refuses, or answers something else."""
    job = {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/token"}
    job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-the-job"
    with pytest.raises(LogUnavailable, match=r"gives this job no token for http.*id-token: write"):
        rows_of(sends(line(0)), **job)


@pytest.mark.parametrize("url", ["", "http://example.org", "ftp://x", "https://u:p@example.org"])
def test_an_address_that_gets_no_key(url):
    """Not over plain http, and without a password in it."""
    with pytest.raises(UsageError, match="PRODUCTION_URL is") as caught:
        EndpointTraffic(Endpoint(), {"PRODUCTION_URL": url})
    assert ":p@" not in str(caught.value)


def test_limits(rows_of, monkeypatch):
    """Of size, of time, and of a line."""
    large = line(0, inputs={"x": "y" * (1 << 20)})
    with pytest.raises(UsageError, match=r"larger than traffic.max_mb = 1\."):
        rows_of(sends(large), config=Endpoint(max_mb=1))
    monkeypatch.setattr(endpoint, "LONGEST", 1 << 16)
    with pytest.raises(LogUnavailable, match="a line without an end"):
        rows_of(sends(large))
    with pytest.raises(UsageError, match=r"longer than traffic.max_minutes"):
        rows_of(sends(line(0)), config=Endpoint(max_minutes=1e-12))


@pytest.mark.parametrize(
    "body",
    [b"<html>\n", b"{}\n", line(-1), line(0, inputs=[]), line(0, at="now"), line(0) + b"[]\n"],
)
def test_what_is_no_row(rows_of, body):
    """One sentence, and no data in it."""
    with pytest.raises(LogUnavailable, match="sends what is no row of a log"):
        rows_of(sends(body))


def test_no_order(rows_of):
    """Then a row could be missed after a cut."""
    with pytest.raises(LogUnavailable, match="no order"):
        rows_of(sends(line(0, MOMENTS[1], "b") + line(0)))


def test_a_day_without_rows(rows_of):
    """Is a day, and no error."""
    assert rows_of(sends(b"", X_Total_Rows="0")) == []
