"""A log with three requests on two days, and servers that send what a test says."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlops_loop.prediction_log.database import Database, Logged, Outcome, Problem
from mlops_loop.prediction_log.ids import new_id, utc

PROBLEMS = {("", "request refused"): 3, ("temp", "x"): 2}  # of DAY
DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
MOMENTS = (
    datetime(2026, 1, 5, 0, 0, tzinfo=UTC),
    datetime(2026, 1, 5, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 1, 6, 0, 0, tzinfo=UTC),
)


def logged(moment, n=2):
    """A request of `n` rows."""
    at_ns = int(moment.timestamp() * 1000) * 1_000_000
    inputs = [{"dest": "BOS", "temp": 61.5 + i} for i in range(n)]
    answers = [{"prediction": "late", "probability": 0.25 * i} for i in range(n)]
    facts = ("v1.0.0", "sha256:0", 1.5, "a-person", n, json.dumps(inputs), json.dumps(answers))
    return Logged(new_id(at_ns), utc(at_ns), *facts)


@pytest.fixture
def log_url(tmp_path):
    """The address of a log in SQLite: two rows on each of three requests, one outcome."""
    url = f"sqlite:///{tmp_path}/log.db"
    database = Database(url, writes=True)
    requests = [logged(moment) for moment in MOMENTS]
    with database.cursor() as cursor:
        cursor.insert("predictions", requests, "DO NOTHING")
    when = utc(int(MOMENTS[2].timestamp()) * 1_000_000_000)
    database.add_problems([
        Problem("2026-01-05", "", "request refused", 3), Problem("2026-01-05", "temp", "x", 2),
    ])  # fmt: skip
    database.keep([Outcome(requests[0].id, 1, when, '"late"')])
    database.close()
    return url


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.answers[min(len(self.server.seen), len(self.server.answers)) - 1](self)


class Server(ThreadingHTTPServer):
    """Gives its `answers` in turn, the last one for ever; `seen` are the requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen, self.answers = [], []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that was cut off is what the tests are about."""


@pytest.fixture
def server_of(listening):
    """A server; set its `answers`."""
    with listening(Server()) as server:
        yield server


def sends(body, status=200, cut=False, **headers):
    """An answer; one that is cut off has announced more than it sends."""

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) + cut))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def line(number, moment=MOMENTS[0], id_="a", **more):
    """A line of the export."""
    facts = {"prediction_id": id_, "row": number, "at": moment.isoformat(), "subject": "p"}
    facts |= {"model_version": "v1", "inputs": {"x": number}, "output": {"prediction": 1.0}}
    return json.dumps(facts | {"outcome": None, "outcome_at": None} | more).encode() + b"\n"
