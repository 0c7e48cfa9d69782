"""Connections as clients of other languages open them, over a real socket."""

import http.client
import json
import socket

import pytest

ROW = b'{"air temp": 61.5, "weekday": 4, "origin": "JFK", "dest": "BOS", "holiday": false}'
# As Java's HttpClient sends it.
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAI\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.fixture(scope="module")
def address(running):
    with running() as address:
        yield address


def request(more=b"", body=ROW, version=b"1.1"):
    head = b"POST /predict HTTP/%b\r\nHost: x\r\n%b" % (version, more)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(more):
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\n%bTransfer-Encoding: chunked\r\n\r\n" % more
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(ROW), ROW)


def answers(address, parts, n):
    """The statuses and contents of `n` answers to the parts, each sent on its own."""
    with socket.create_connection(address, timeout=10) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            client.sendall(part)
        return [one_answer(client) for _ in range(n)]


def one_answer(client):
    answer = http.client.HTTPResponse(client, method="POST")
    answer.begin()
    return answer.status, json.loads(answer.read())


def split(data, at):
    return [data[start : start + at] for start in range(0, len(data), at)]


UPGRADES = {
    "h2c": [request(H2C)],
    "body later": [request(H2C)[: -len(ROW)], ROW],
    "byte by byte": split(request(H2C), 1),
    "chunked": [chunked(H2C)],
    "websocket": [request(WEBSOCKET)],
    "HTTP/1.0": [request(H2C, version=b"1.0")],
    "closes": [request(H2C.replace(b"Upgrade, ", b"Upgrade, close, "))],
}


@pytest.mark.parametrize("parts", UPGRADES.values(), ids=UPGRADES)
def test_upgrade_is_ignored(address, parts):
    """The body is read and answered as without it."""
    expected = answers(address, [request()], 1)
    assert answers(address, parts, 1) == expected
    assert expected[0][0] == 200


def test_upgrades_in_a_row(address):
    """Requests that are sent before an answer, more than Python's stack is deep."""
    many = request(H2C) + request() + request(H2C) * 1_200 + request(b"Connection: close\r\n")
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(many)
        answered = client.makefile("rb").read()
    assert answered.count(b"HTTP/1.1 200 OK") == 1_203


def test_connect(address):
    """The only method that asks for a tunnel."""
    with socket.create_connection(address, timeout=10) as client:
        client.sendall(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n" * 2)
        assert one_answer(client)[0] == 501
        assert client.recv(9) == b""
