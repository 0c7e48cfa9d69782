"""Request ids, the access log, and limits: what a client may cost."""

import http.client
import json
import socket
import threading
from concurrent import futures
from contextlib import ExitStack

import pytest
import urllib3

from mlops_loop.access import access_log, limits
from mlops_loop.access import rate as rates


@pytest.fixture
def logged(start, bundles):
    return start(bundles["binary"], access_log=True)


def lines_of(capsys):
    """What was written within a moment: lines of a moment are written together."""
    threading.Event().wait(3 * access_log.LOG_EVERY_S)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("given", ["abc-1.2_3", "x" * 64])
def test_sane_ids_are_kept(client, given):
    """A request id that the client chose comes back."""
    answer = client.get("/health", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "{}", '"', "\x7f", "é".encode("latin-1")])
def test_other_ids_are_replaced(client, given):
    """Anything that could break a log is replaced by an id of our own, as is none."""
    ids = [
        client.get(path, headers={"X-Request-Id": given}).headers["X-Request-Id"]
        for path in ("/health", "/nowhere")
    ]
    assert len(set(ids)) == 2
    assert all(limits.SANE_ID.fullmatch(each.encode()) for each in ids)


def test_log_line(logged, row, capsys):
    """Who asked what, how it ended and how long it took; nothing of query, header or body."""
    headers = {"X-Request-Id": "mine", "Authorization": "Bearer secret-1"}
    logged.post("/predict?key=secret-2", json=row | {"dest": "secret-3"}, headers=headers)
    (line,) = lines_of(capsys)
    assert set(line) == {"time", "id", "client", "method", "path", "status", "ms"}
    assert (line["id"], line["method"], line["path"]) == ("mine", "POST", "/predict")
    assert (line["status"], line["client"]) == (422, "testclient")
    assert line["time"].endswith("+00:00")
    assert line["ms"] > 0
    assert "secret" not in json.dumps(line)


def test_what_is_no_request_has_a_line(live, capsys):
    """The app never sees it."""
    with socket.create_connection(live(access_log=True), timeout=5) as client:
        client.sendall(b"x\r\n\r\n")
        assert b" 400 " in client.recv(4_096)
    (line,) = lines_of(capsys)
    assert (line["status"], line["method"], line["path"]) == (400, "", "")
    assert line["client"] == "127.0.0.1"


def test_the_last_line_is_written(start, bundles, capsys):
    """The end of the process does not wait for the moment to pass."""
    client = start(bundles["binary"], access_log=True)
    client.get("/health")
    client.__exit__(None, None, None)
    assert '"/health"' in capsys.readouterr().out


def test_log_of_strange_paths(logged, capsys):
    """A path cannot end the line or forge another."""
    logged.get('/a%0A{"status": 200}%22')
    (line,) = lines_of(capsys)
    assert (line["path"], line["status"]) == ('/a\n{"status": 200}"', 404)


def test_no_log(start, bundles, capsys):
    """Without ACCESS_LOG nothing is said."""
    start(bundles["binary"]).get("/health")
    threading.Event().wait(3 * access_log.LOG_EVERY_S)
    assert capsys.readouterr().out == ""


def test_bug_is_answered_with_its_id(start, bundles, capsys):
    """An error of ours is 500 with the id to look for, and none of its words."""
    client = start(bundles["binary"], access_log=True)
    client.app.get("/broken")(lambda: {}["secret"])
    answer = client.get("/broken", headers={"X-Request-Id": "mine"})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (500, "mine")
    assert answer.json()["detail"] == "This is a bug. Request mine."
    assert lines_of(capsys)[0]["status"] == 500


def test_rate(start, bundles):
    """After the burst, 429 with the seconds to wait; probes are never counted."""
    client = start(bundles["binary"], rate_per_s=0.01, rate_burst=3)
    statuses = [client.get("/version").status_code for _ in range(5)]
    refused = client.get("/version")
    assert statuses == [200, 200, 200, 429, 429]
    assert 90 < int(refused.headers["Retry-After"]) <= 101
    assert refused.json()["error"].startswith("Too many requests: ask again in ")
    assert {client.get("/ready").status_code for _ in range(9)} == {200}


def test_rate_of_a_key(start, bundles):
    """Holders of a key have a bucket each; a made-up key is no new client."""
    keys = ["correct-horse-battery-staple"]
    given = {"auth": "api-key", "api_key": keys[0], "rate_per_s": 0.01, "rate_burst": 1}
    client = start(bundles["binary"], **given)
    headers = [{}, *({"X-API-Key": key} for key in [*keys, "a" * 30, "b" * 30, *keys])]
    statuses = [client.get("/version", headers=each).status_code for each in headers]
    assert statuses == [200, 200, 429, 429, 429]


def test_bucket_fills_up():
    """Tokens come back with time, up to the burst and not beyond."""
    now = [0.0]
    rate = rates.RateLimit(per_s=2, burst=3, clock=lambda: now[0])
    assert [rate.wait("a") for _ in range(4)] == pytest.approx([0, 0, 0, 0.5])
    now[0] = 0.5
    assert [rate.wait("a"), rate.wait("a"), rate.wait("b")] == pytest.approx([0, 0.5, 0])
    now[0] = 1000
    assert [rate.wait("a") for _ in range(4)] == pytest.approx([0, 0, 0, 0.5])


def test_clients_are_forgotten(monkeypatch):
    """Memory is bounded: the client that has not asked for longest goes first."""
    monkeypatch.setattr(rates, "MAX_CLIENTS", 2)
    rate = rates.RateLimit(per_s=0.01, burst=1)
    assert [rate.wait(name) > 0 for name in "abacab"] == [False, False, True, False, True, False]
    assert len(rate._full_at) == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.1", "203.0.113.2", False),
        ("2001:db8::1", "2001:db8:0:0:ffff::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("no:address", "no:address", True),
    ],
)
def test_clients_by_address(client, one, other, same):
    """An IPv6 client has a network of addresses and one bucket."""
    limit = limits.Limits(None, client.app.state.settings, client.app.state.auth, print, None)
    names = [limit._client({"client": (host, 1), "headers": []}) for host in (one, other)]
    assert (names[0] == names[1]) is same


def test_too_many_at_once(start, bundles):
    """Who finds all places taken learns when to ask again; probes are answered."""
    client = start(bundles["binary"], max_concurrency=1)
    begun, free = threading.Event(), threading.Event()
    client.app.get("/slow")(lambda: begun.set() or free.wait(10))
    with futures.ThreadPoolExecutor() as threads:
        slow = threads.submit(client.get, "/slow")
        assert begun.wait(10)
        for refused in client.get("/version"), client.post("/predict", json=[]):
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert client.get("/ready").status_code == 200
        free.set()
        assert slow.result().json() is True
    assert client.get("/version").status_code == 200


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"


def test_unfinished_bodies_take_no_place(live, row):
    """A place is for a request that has arrived."""
    address = live(max_concurrency=1)
    with ExitStack() as stack:
        for _ in range(5):
            slow = stack.enter_context(socket.create_connection(address))
            slow.sendall(HEAD + b"Content-Length: 90\r\n\r\n{")
        threading.Event().wait(0.3)  # they have arrived as far as they will
        assert ask(address, "/version").status == 200
        assert ask(address, "/predict", json.dumps(row).encode()).status == 200


@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"], ids=["plain", "expect"])
def test_announced_body_is_too_large(live, expect):
    """The answer is the first that comes, and does not wait for the body."""
    with socket.create_connection(live(), timeout=5) as client:
        client.sendall(HEAD + expect + b"Content-Length: 999999999\r\n\r\n")
        answer = client.recv(9_999)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b'Send less."}')


def test_expected_body_is_asked_for(live, row):
    """One that fits: the client is told to send it."""
    body = json.dumps(row).encode()
    with socket.create_connection(live(), timeout=5) as client:
        head = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
        client.sendall(HEAD + head)
        assert client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert client.recv(99).startswith(b"HTTP/1.1 200 OK\r\n")


def test_refused_body_keeps_the_connection(live):
    """A body that fits and that nobody reads, as that of an unknown path."""
    client = http.client.HTTPConnection(*live(), timeout=5)
    for _ in range(2):
        client.request("POST", "/nowhere", b" " * 9)
        answer = client.getresponse()
        assert (answer.status, answer.read()[:10], answer.will_close) == (404, b'{"detail":', False)
    client.close()


def test_memory_for_bodies(live):
    """Bodies that are still coming may hold so much memory together, and no more."""
    address = live(max_body_bytes=1_024 * 1_024)
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"
    slow = [socket.create_connection(address) for _ in range(limits.MAX_BODIES)]
    for each in slow:
        each.sendall(head + b" " * 1_048_000)
    with socket.create_connection(address) as client:
        client.sendall(head + b" " * 500_000)
        threading.Event().wait(0.5)
        client.sendall(b" " * 548_576)
        assert client.recv(99).startswith(b"HTTP/1.1 503 Service Unavailable")
    for each in slow:
        each.close()
    assert until(lambda: ask(address, "/predict", b" " * 100_000), 400)


def ask(address, path, body=None):
    url = f"http://{address[0]}:{address[1]}{path}"
    return urllib3.request("GET" if body is None else "POST", url, body=body, retries=False)


def until(call, status):
    """The first answer with this status: the server needs a moment to read what was sent."""
    for _ in range(200):
        answer = call()
        if answer.status == status:
            return answer
        threading.Event().wait(0.02)
    pytest.fail(f"still {answer.status}: {answer.data}")
