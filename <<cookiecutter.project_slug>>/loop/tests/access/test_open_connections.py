"""Connections end on which nothing happens, over a real socket; and one gives way to another."""

import http.client
import json
import socket
import threading
from contextlib import ExitStack, suppress

import pytest
import urllib3

from mlops_loop import errors
from mlops_loop.access import open_connections as module

GET = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def impatient(live, monkeypatch):
    """The address of a server that waits for tenths of a second."""
    for name in ("KEEP_ALIVE_S", "READ_TIMEOUT_S", "WRITE_TIMEOUT_S"):
        monkeypatch.setattr(module, name, 0.3)
    return live()


def answered(address, stack):
    """A connection on which a request was answered."""
    client = stack.enter_context(socket.create_connection(address, timeout=5))
    client.sendall(GET)
    answer = http.client.HTTPResponse(client)
    answer.begin()
    assert answer.status == 200
    answer.read()
    return client


def ended(address):
    """By reason, how many connections were ended."""
    text = get(address, "/metrics").data.decode()
    found = [line.split() for line in text.splitlines() if "connections_ended_total{" in line]
    return {name.split('"')[1]: int(float(value)) for name, value in found}


def get(address, path):
    return urllib3.request("GET", f"http://{address[0]}:{address[1]}{path}", retries=False)


@pytest.mark.parametrize("sent", [b"", b"\r\n"], ids=["nothing", "a line break"])
def test_idle_connection_ends(impatient, sent):
    """After an answer, without a word of ours."""
    with ExitStack() as stack:
        client = answered(impatient, stack)
        client.sendall(sent)
        assert client.recv(99) == b""
    assert ended(impatient) == {"slow": 0, "unread": 0, "full": 0, "invalid": 0}


def test_line_breaks_keep_no_connection(impatient):
    """However many come."""
    with ExitStack() as stack:
        client = answered(impatient, stack)
        with suppress(ConnectionError):
            for _ in range(60):
                client.sendall(b"\r\n")
                threading.Event().wait(0.05)
            pytest.fail("The connection is still open.")


def test_next_request_has_its_own_time(impatient):
    """Half of it after an answer is refused, and counted."""
    with ExitStack() as stack:
        client = answered(impatient, stack)
        client.sendall(GET[:-2])
        assert client.recv(99).startswith(b"HTTP/1.1 408 ")
    assert ended(impatient)["slow"] == 1


def test_answer_that_nobody_reads(impatient):
    """A client that asks and does not read is ended: memory and place are free again."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # soon full
        client.connect(impatient)
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 150)
        for _ in range(600):
            if ended(impatient)["unread"]:
                break
            threading.Event().wait(0.05)
    assert ended(impatient) == {"slow": 0, "unread": 1, "full": 0, "invalid": 0}


@pytest.mark.parametrize("sent", [b"x\r\n\r\n", b"GET / HTTP/1.1\r\na: " + b"b" * 20_000])
def test_what_is_no_request_is_counted_and_told_in_json(live, sent):
    """No HTTP, or too much of it: the answer is JSON as all others."""
    address = live()
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(sent)
        head, _, body = b"".join(iter(lambda: client.recv(4_096), b"")).partition(b"\r\n\r\n")
    assert head.split()[1] in (b"400", b"431")
    assert b"content-type: application/json" in head
    assert "was not read" in json.loads(body)["detail"]
    assert ended(address)["invalid"] == 1
    counted = 'http_requests_total{method="other",route="other",status="' + head.split()[1].decode()
    assert f'{counted}"}} 1.0' in get(address, "/metrics").data.decode()


def test_others_find_room(live):
    """Beyond the limit the longest idle connection goes, then the longest half request."""
    address = live(max_connections=3)
    with ExitStack() as stack:
        half = stack.enter_context(socket.create_connection(address, timeout=5))
        half.sendall(GET[:9])
        first, second = answered(address, stack), answered(address, stack)
        third = answered(address, stack)
        assert first.recv(9) == b""
        fourth, fifth = answered(address, stack), answered(address, stack)
        assert second.recv(9) == third.recv(9) == b""
        assert ended(address)["full"] >= 3
        assert fourth.fileno() != fifth.fileno()


class Running:
    """A connection on which a request runs."""

    refused = ""

    def refuse(self, status):
        self.refused = status


def test_no_room():
    """Nobody gives way on whom a request runs."""
    connections, loop, first, second = module.OpenConnections(1), Clock(), Running(), Running()
    connections.add(first, loop)
    connections.run(first)
    connections.add(second, loop)
    assert (first.refused, second.refused) == ("", "503 Service Unavailable")
    connections.remove(second)
    assert (len(connections), connections.ended) == (1, {"full": 1})


class Clock:
    def time(self):
        return 0.0

    def call_later(self, *_):
        pass


@pytest.mark.parametrize("limits", [(1024, 2000), (4096, 4096)])
def test_files_are_allowed(monkeypatch, limits):
    """The limit of the process is raised as far as needed."""
    raised = []
    monkeypatch.setattr(module.resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(module.resource, "setrlimit", lambda _, given: raised.append(given))
    module.allow_files(1_500)
    assert raised == [(1_600, 2_000)] * (limits[0] == 1024)


def test_too_few_files(monkeypatch):
    """The machine's limit is named with what would fit."""
    monkeypatch.setattr(module.resource, "getrlimit", lambda _: (256, 256))
    with pytest.raises(errors.UsageError, match=r"needs 1000 open files, allowed are 256.*=156"):
        module.allow_files(900)
