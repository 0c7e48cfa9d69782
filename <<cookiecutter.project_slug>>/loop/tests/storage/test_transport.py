"""Requests end: with an answer, or with a sentence within a minute; waiting says why."""

from __future__ import annotations

import json
import logging
import socketserver
import time

import pytest
from urllib3.util import Retry

from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage import transport
from mlops_loop.storage.oci import ContainerRegistry

TAGS = json.dumps({"tags": ["a"]}).encode()


class Odd(socketserver.ThreadingTCPServer):
    """Gives every connection to `talk`, which may say anything or nothing."""

    daemon_threads = True

    def __init__(self, talk):
        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.server.visits += 1
                while self.rfile.readline().strip():
                    pass
                talk(self)

        self.visits = 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/a/store"

    def handle_error(self, request, client_address):
        """A client that leaves is what the tests are about."""


def head(length):
    return f"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.fixture
def hasty(monkeypatch):
    """What is a minute is a second."""
    for name, value in {"READ_S": 0.3, "PATIENCE_S": 0.8, "SLOW_S": 0.3}.items():
        monkeypatch.setattr(transport, name, value)


def silent(visit):
    time.sleep(5)


def dripping(visit):
    visit.wfile.write(head(100))
    for _ in range(50):
        visit.wfile.write(b" ")
        visit.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize(("talk", "reason"), [(silent, "Read timed out"), (dripping, "bytes in")])
def test_a_connection_that_is_half_open_ends(listening, hasty, monkeypatch, talk, reason):
    """One that says nothing, and one that never comes to an end."""
    monkeypatch.setattr(transport, "RETRIES", Retry(1, backoff_factor=0, allowed_methods=None))
    with listening(Odd(talk)) as odd:
        start = time.monotonic()
        with pytest.raises(StoreUnreachable, match=reason):
            ContainerRegistry(odd.url).tags()
        assert time.monotonic() - start < 3
        assert odd.visits == 2


def test_silence_is_given_a_minute_in_all(listening, hasty, monkeypatch):
    """However many tries are left."""
    assert transport.PATIENCE_S < transport.WRITE_S + 10
    monkeypatch.setattr(transport, "RETRIES", Retry(9, backoff_factor=0, allowed_methods=None))
    with listening(Odd(silent)) as odd, pytest.raises(StoreUnreachable, match="timed out"):
        ContainerRegistry(odd.url).tags()
    assert odd.visits == 2


def test_the_times_are_those_of_the_manual():
    """Reading is tried twice in a minute, writing once."""
    assert 2 * transport.READ_S < transport.PATIENCE_S < 3 * transport.READ_S
    assert transport.PATIENCE_S <= transport.WRITE_S + transport.READ_S <= 70
    assert max(2 * transport.READ_S, transport.WRITE_S) < 60


@pytest.mark.parametrize("length", [len(TAGS) + 20, len(TAGS) - 3])
def test_a_wrong_length_is_no_answer(listening, length):
    """Neither what is cut off nor what is too long is read as a list of tags."""
    odd = Odd(lambda visit: visit.wfile.write(head(length) + TAGS))
    with listening(odd), pytest.raises(StoreUnreachable):
        ContainerRegistry(odd.url).tags()


def test_an_answer_without_an_end_ends(listening, monkeypatch):
    """More than any answer of the protocol is not read."""
    monkeypatch.setattr(transport, "LARGEST", 1 << 20)

    def flood(visit):
        visit.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            visit.wfile.write(bytes(1 << 16))

    with listening(Odd(flood)) as odd, pytest.raises(StoreUnreachable, match="more than 1,048,576"):
        ContainerRegistry(odd.url).tags()


@pytest.mark.parametrize(
    ("after", "waits"), [("1", 1.0), ("0", 0.0), ("99999", 60.0), ("soon", 0.0), ("9" * 5000, 0.0)]
)
def test_waiting_says_why_and_how_long(listening, caplog, monkeypatch, after, waits):
    """The registry's own time, if it is one, up to a minute."""
    slept: list[float] = []
    monkeypatch.setattr(transport.time, "sleep", slept.append)
    retries = Retry(1, backoff_factor=0, retry_after_max=60, allowed_methods=None)
    answers = [
        f"HTTP/1.1 503 Full\r\nRetry-After: {after}\r\nContent-Length: 0\r\n\r\n".encode(),
        head(len(TAGS)) + TAGS,
    ]

    def talk(visit):
        visit.wfile.write(answers.pop(0))

    with listening(Odd(talk)) as odd, caplog.at_level(logging.WARNING):
        assert ContainerRegistry(odd.url, retries).tags() == ["a"]
    assert slept == [waits]
    said = caplog.messages
    assert said == [f"The registry {odd.url}: 503 Full. Trying again in {waits:.0f} s."]
