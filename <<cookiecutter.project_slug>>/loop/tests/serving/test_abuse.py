"""What the internet sends, over a real socket: each a clear 4xx, and the endpoint goes on."""

import http.client
import json
import socket
import time
from contextlib import suppress

import hypothesis
import pytest
import schemathesis

from mlops_loop.access import open_connections

START = b"POST /predict HTTP/1.1\r\nHost: x\r\n"


def talk(address, *parts, wait_s=0.0):
    """Send the parts, with a pause between; return status, JSON and whether it was closed."""
    with socket.create_connection(address, timeout=20) as client:
        for number, part in enumerate(parts):
            time.sleep(wait_s if number else 0)
            try:
                client.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        file = client.makefile("rb")
        status = int(file.readline().split()[1])
        headers = dict(line.lower().split(b": ") for line in iter(file.readline, b"\r\n"))
        body = json.loads(file.read(int(headers[b"content-length"])))
        return status, body.get("detail"), headers.get(b"connection") == b"close\r\n"


def post(body, *more):
    headers = [*more, b"Content-Length: %d" % len(body)]
    return START + b"\r\n".join(headers) + b"\r\n\r\n" + body


ROW = b'{"air temp": 61.5, "weekday": 4, "origin": "JFK", "dest": "BOS", "holiday": false}'
DEEP = b'{"a":' * 9_000 + b"1" + b"}" * 9_000
HOSTILE = {
    "empty": (b"", 400, "is not JSON"),
    "truncated": (ROW[:-5], 400, "is not JSON"),
    "truncated text": (b'{"origin": "J', 400, "is not JSON"),
    "two values": (ROW + ROW, 400, "is not JSON"),
    "not UTF-8": (ROW.replace(b"BOS", b"B\xffS"), 400, "is not JSON"),
    "UTF-16": (ROW.decode().encode("utf-16"), 400, "is not JSON"),
    "lone surrogate": (ROW.replace(b"BOS", b"\\ud800"), 400, "is not JSON"),
    "zeros": (b"\0" * 1_000, 400, "is not JSON"),
    "gzip": (b"\x1f\x8b\x08\0" * 9, 400, "is not JSON"),
    "deep array": (b"[" * 100_000, 400, "is not JSON"),
    "deep object": (DEEP, 400, "is not JSON"),
    "deep in a column": (ROW.replace(b"4", b"[" * 150 + b"]" * 150), 422, "weekday"),
    "NaN": (ROW.replace(b"61.5", b"NaN"), 422, "is not a finite number"),
    "Infinity": (ROW.replace(b"61.5", b"-Infinity"), 422, "is not a finite number"),
    "1e999": (ROW.replace(b"61.5", b"1e999"), 422, "is not a finite number"),
    "endless number": (ROW.replace(b"61.5", b"9" * 100_000), 400, "is not JSON"),
    "wrong type": (ROW.replace(b"4", b'"4"'), 422, "is not a number"),
    "object for a number": (ROW.replace(b"4", b"{}"), 422, "is not a number"),
    "NUL in a text": (ROW.replace(b"BOS", b"\\u0000"), 422, "right form"),
    "prototype": (b'{"__proto__": {},' + ROW[1:], 422, "__proto__"),
    "many columns": (json.dumps({str(n): n for n in range(15_000)}).encode(), 422, "more."),
    "a large row": (json.dumps({str(n): n for n in range(90_000)}).encode(), 413, "One row"),
    "many bad values": (
        json.dumps([{"x" * n: n for n in range(30)}] * 5_000).encode(),
        422,
        "And 164999",
    ),
    "many bad rows": (b"[" + b"{}," * 9_999 + b"{}]", 422, "more."),
    "too many rows": (b"[" + b"{}," * 10_000 + b"{}]", 422, "too many rows"),
    "too large": (b" " * (4 * 1024 * 1024 + 1), 413, "larger than 4194304 bytes"),
    "much too large": (b" " * (40 * 1024 * 1024), 413, "larger than 4194304 bytes"),
}


@pytest.fixture(scope="module")
def address(running):
    """One server for the whole table: it has to survive all of it."""
    with running() as address:
        yield address


@pytest.mark.parametrize(("body", "status", "words"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_body(address, body, status, words):
    """Each is refused with a sentence, and the next request is answered."""
    found, sentence, _ = talk(address, post(body))
    assert (found, words in sentence) == (status, True), sentence
    assert len(sentence) < 2_000
    assert "Traceback" not in sentence
    assert talk(address, post(ROW))[0] == 200


def test_duplicate_keys(client, row):
    """The last of two equal keys counts, as in Python, JavaScript and most of the world."""
    twice = b'{"weekday": 99, ' + json.dumps(row).encode()[1:]
    assert client.post("/predict", content=twice).json() == client.post("/predict", json=row).json()
    twice = json.dumps(row).encode()[:-1] + b', "weekday": 99}'
    assert client.post("/predict", content=twice).status_code == 422


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "nonsense", ""])
def test_content_type_is_not_read(client, row, kind):
    """The bytes decide, not what they are called: JSON is JSON, and all else is 400."""
    headers = {"Content-Type": kind}
    body = json.dumps(row)
    assert client.post("/predict", content=body, headers=headers).status_code == 200
    assert client.post("/predict", content="weekday=4", headers=headers).status_code == 400


@pytest.fixture
def impatient(live, monkeypatch):
    monkeypatch.setattr(open_connections, "READ_TIMEOUT_S", 0.5)
    return live(max_body_bytes=20_000)


CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"1\r\n \r\n"
SLOW = {
    "nothing": ([b""], "not read"),
    "half a header": ([START], "not read"),
    "header by header": ([START, *[b"X-More: 1\r\n"] * 30], "not read"),
    "no body": ([START + b"Content-Length: 90\r\n\r\n"], "did not come within"),
    "byte by byte": ([START + b"Content-Length: 90\r\n\r\n", *[b" "] * 60], "did not come within"),
    "chunk by chunk": ([CHUNKED, *[CHUNK] * 60], "did not come within"),
    "refused but sending": (
        [CHUNKED.replace(b"predict", b"nowhere"), *[CHUNK] * 60],
        "Not",
    ),
}


@pytest.mark.parametrize(("parts", "words"), SLOW.values(), ids=SLOW)
def test_slow_clients(impatient, parts, words):
    """What has not come in time is 408, and the connection is closed."""
    start = time.monotonic()
    status, sentence, closed = talk(impatient, *parts, wait_s=0.03)
    assert (status, closed) == (404 if words == "Not" else 408, True)
    assert words in sentence
    assert time.monotonic() - start < 10


def test_chunked_forever(impatient):
    """A body without an end is cut at the limit."""
    status, sentence, closed = talk(impatient, CHUNKED, *[b"400\r\n" + b" " * 1024 + b"\r\n"] * 999)
    assert (status, closed) == (413, True)
    assert "larger than 20000 bytes" in sentence


def test_who_is_still_sending_sees_the_answer(live):
    """A client that sends all before it reads gets 413, not a broken pipe."""
    connection = http.client.HTTPConnection(*live(), timeout=20)
    connection.request("POST", "/predict", b" " * (40 * 1024 * 1024))
    assert connection.getresponse().status == 413
    connection.close()


HEADERS = {
    "one long": (START + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "many": (START + b"X-Many: 1\r\n" * 2_000 + b"\r\n", 431),
    "without end": (START + b"X-Many: 1\r\n" * 20_000, 431),
}


@pytest.mark.parametrize(("sent", "status"), HEADERS.values(), ids=HEADERS)
def test_large_headers(impatient, sent, status):
    """Headers have a size."""
    assert talk(impatient, sent)[0] == status


def test_slow_but_in_time(live, row):
    """A body in pieces is answered."""
    address, body = live(), json.dumps([row]).encode()
    pieces = [body[at : at + 9] for at in range(0, len(body), 9)]
    head = START + b"Content-Length: %d\r\n\r\n" % len(body)
    assert talk(address, head, *pieces, wait_s=0.01)[0] == 200


def test_client_that_leaves(live, row, capsys):
    """Who leaves while sending is no error of ours."""
    address = live()
    with socket.create_connection(address) as client:
        client.sendall(START + b"Content-Length: 90\r\n\r\n{")
    for _ in range(200):
        if log := capsys.readouterr():
            break
    assert "Traceback" not in log.err


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.name)
def test_no_server_error(running, mode):
    """Whatever fits the OpenAPI document, or just does not, no route answers with 5xx."""
    asked = set()
    with running() as (host, port):
        schema = schemathesis.openapi.from_url(f"http://{host}:{port}/openapi.json")
        for operation in schema.get_all_operations():
            never_fails(operation.ok(), mode, asked)
    expected = 200 if mode is schemathesis.GenerationMode.POSITIVE else 422
    assert ("/predict", expected) in asked


def never_fails(operation, mode, asked):
    @hypothesis.settings(
        max_examples=40,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    def ask(case):
        answer = case.call()
        asked.add((operation.path, answer.status_code))
        assert answer.status_code < 500, answer.text

    with suppress(hypothesis.errors.Unsatisfiable):  # nothing to get wrong: no parameter, no body
        ask()
