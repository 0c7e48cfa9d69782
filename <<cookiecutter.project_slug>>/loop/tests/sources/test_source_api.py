"""An API as it is: it pages, throttles, fails, cuts its answers and lies about their length."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from mlops_loop import errors, paths, source_params
from mlops_loop.sources import api as source_api
from mlops_loop.sources import table

ROWS = [{"n": i, "at": {"town": f"t{i}"}} for i in range(7)]
TOKEN = "t0k3n"


class Server(http.server.ThreadingHTTPServer):
    """Answers by `paths`: path to a function from the request handler; `calls` is what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: dict[str, Callable] = {}
        self.calls: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands a request to the test's own function."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.calls.append((self.path, self.headers.get("Authorization")))
        self.server.paths[urlsplit(self.path).path](self)

    def log_message(self, *args):
        pass

    def answer(self, data, status: int = 200, length: int = 0, **headers: str) -> None:
        """`data` as JSON (bytes: as they are), its Content-Length off by `length`."""
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) + length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = bool(length)

    @property
    def page(self) -> int:
        return int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])


def slice_of(page: int) -> list[dict]:
    return ROWS[3 * page - 3 : 3 * page]


@pytest.fixture
def start():
    """`start()` is a server on a free port of this machine."""
    running = []

    def serve() -> Server:
        server = Server()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((server, thread))
        return server

    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(start) -> Server:
    """One such server."""
    return start()


@pytest.fixture
def read(server, monkeypatch):
    """`read(page_param="page")` reads the server's `/rows`, without long pauses."""
    monkeypatch.setattr(source_api, "RETRIES", source_api.RETRIES.new(backoff_factor=0))

    def ask(url: str = "/rows", **keys: str):
        source = source_params.Api(
            url=server.url + url, fingerprint=str(paths.SOURCE_STATE), **keys
        )
        return table.read(source)

    return ask


def by_link(handler: Handler) -> None:
    more = f'</rows?page={handler.page + 1}>; title="x"; rel="next"' if handler.page < 3 else ""
    handler.answer(slice_of(handler.page), Link=f'</rows?page=1>; rel="first", {more}')


def by_next(handler: Handler) -> None:
    url = f"{handler.server.url}/rows?page={handler.page + 1}" if handler.page < 3 else None
    handler.answer({"data": {"items": slice_of(handler.page)}, "links": {"next": url}})


def by_number(handler: Handler) -> None:
    handler.answer({"data": {"items": slice_of(handler.page)}})


@pytest.mark.parametrize(
    ("way", "keys"),
    [
        (lambda handler: handler.answer(ROWS), {}),
        (by_link, {}),
        (by_next, {"rows": "data.items", "next": "links.next"}),
        (by_number, {"rows": "data.items", "page_param": "page"}),
        (by_number, {"rows": "data.items", "page_param": "page", "url": "/rows?size=3"}),
    ],
    ids=["one page", "Link", "next", "page_param", "page_param after a query"],
)
def test_all_pages_become_one_table(server, read, way, keys):
    """Nested objects are columns with dotted names."""
    server.paths["/rows"] = way
    table = read(**keys)
    assert table["n"].tolist() == list(range(7))
    assert table["at.town"].tolist() == [f"t{i}" for i in range(7)]


@pytest.mark.parametrize(
    "header",
    [
        '<{}?page=2>; rel="next"',
        "<{}?page=2>; rel=next",
        '<{}?page=9>; rel="prev", <{}?page=2>; rel="last next"',
        '<{}?page=2>; title="a, b"; REL="Next", <{}?page=9>; rel="last"',
        '<?page=2>;rel="next"',
    ],
)
def test_links_are_read_as_they_are_written(server, read, header):
    """In any of the ways that the standard (RFC 8288) allows."""
    link = header.replace("{}", "/rows")
    server.paths["/rows"] = lambda h: h.answer(
        [{"n": h.page}], **({"Link": link} if h.page == 1 else {"Link": '</x>; rel="nextish"'})
    )
    assert read()["n"].tolist() == [1, 2]


def troubled(*answers: dict) -> Callable[[Handler], None]:
    """These answers to the first requests, then the rows."""
    left = list(answers)
    return lambda handler: handler.answer(**(left.pop(0) if left else {"data": ROWS}))


TROUBLE = {
    "throttled": {"data": "slow", "status": 429, "Retry_After": "0"},
    "throttled for a second": {"data": "slow", "status": 429, "Retry_After": "1"},
    "throttled without a time": {"data": "slow", "status": 429},
    "failed": {"data": "oh", "status": 500},
    "not there": {"data": "oh", "status": 503},
    "shorter than it says": {"data": ROWS, "length": 5},
    "cut": {"data": json.dumps(ROWS).encode()[:20], "length": 100},
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_trouble_that_passes_is_not_seen(server, read, trouble):
    """The request is repeated, and no row is lost or doubled."""
    server.paths["/rows"] = troubled(trouble, trouble)
    assert len(read()) == 7
    assert len(server.calls) == 3


def test_a_cut_in_the_middle_of_the_pages_repeats_that_page(server, read):
    """And no other."""
    cut = [True]

    def page(handler: Handler) -> None:
        short = 5 if handler.page == 2 and cut and cut.pop() else 0
        handler.answer(slice_of(handler.page), length=short)

    server.paths["/rows"] = page
    assert read(page_param="page")["n"].tolist() == list(range(7))
    assert [path[-1] for path, _ in server.calls] == ["1", "2", "2", "3", "4"]


def test_a_connection_that_is_closed_without_an_answer(server, read):
    """Is opened again."""
    closed = [True]

    def close(handler: Handler) -> None:
        if closed:
            handler.close_connection = closed.pop()
        else:
            handler.answer(ROWS)

    server.paths["/rows"] = close
    assert len(read()) == 7


LASTING = {
    **{f"always {name}": (trouble, ".") for name, trouble in TROUBLE.items() if "sec" not in name},
    "throttled to the end": ({"data": "", "status": 429, "Retry_After": "0"}, "answers 429 .*try"),
    "failed to the end": ({"data": "", "status": 500}, "answers 500 .*Tried 5 times more"),
    "longer than it says": ({"data": ROWS, "length": -5}, "no JSON"),
    "no JSON": ({"data": b"<html>"}, "no JSON"),
    "no text": ({"data": b"\xff\xfe\xfd"}, "no JSON"),
    "nothing": ({"data": b""}, "no JSON"),
    "no content": ({"data": b"", "status": 204}, "answers 204"),
    "numbers": (
        {"data": [1, 2]},
        "source.rows = '' is no list of objects in .*/rows, which has: list",
    ),
    "an object": (
        {"data": {"items": []}},
        r"no list of objects in .*/rows, which has: \['items'\]",
    ),
    "no rows": ({"data": []}, "has no rows"),
    "only empty rows": ({"data": [{}]}, "has no rows"),
}


@pytest.mark.parametrize(("answer", "reason"), LASTING.values(), ids=LASTING)
def test_trouble_that_lasts_is_reported_in_a_sentence(server, read, answer, reason):
    """After a bounded number of tries."""
    server.paths["/rows"] = lambda handler: handler.answer(**answer)
    with pytest.raises(errors.DataRefused, match=reason) as error:
        read()
    assert "\n" not in str(error.value)
    assert len(server.calls) <= 6


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_wrong_address_or_token_is_not_tried_again(server, read, status):
    """It would not help."""
    server.paths["/rows"] = lambda handler: handler.answer("no", status)
    with pytest.raises(errors.UsageError, match=rf"/rows answers {status} .*source.token_env"):
        read("/rows?key=secret")
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        (lambda h: {"data": {"r": ROWS, "next": "/rows"}}, {"rows": "r", "next": "next"}),
        (lambda h: {"data": ROWS, "Link": "</rows?a>; rel=next"}, {}),
        (lambda h: {"data": {"r": ROWS, "at": h.path}}, {"rows": "r", "page_param": "page"}),
    ],
    ids=["next", "Link", "page_param is ignored"],
)
def test_an_endless_loop_ends(server, read, answer, keys):
    """A page that was read before."""
    end = {"data": "enough", "status": 404}
    server.paths["/rows"] = lambda handler: handler.answer(
        **(answer(handler) if len(server.calls) < 9 else end)
    )
    with pytest.raises(errors.DataRefused, match="endless loop"):
        read(**keys)
    assert len(server.calls) <= 3


def test_a_next_that_is_no_url(server, read):
    """A number, say, of which nobody knows the meaning."""
    server.paths["/rows"] = lambda handler: handler.answer({"r": ROWS, "next": 2})
    with pytest.raises(
        errors.DataRefused, match=r"names as next page .*: no URL of the same origin"
    ):
        read(rows="r", next="next")


@pytest.mark.parametrize("value", [None, "", False])
def test_the_last_page_has_no_next(server, read, value):
    """Nothing, or one of the signs for it."""
    server.paths["/rows"] = lambda handler: handler.answer({"r": ROWS, "next": value})
    assert len(read(rows="r", next="next")) == 7


def test_the_token_is_sent_with_every_page(server, read, monkeypatch):
    """As a bearer."""
    monkeypatch.setenv("API_TOKEN", f" {TOKEN}\n")
    server.paths["/rows"] = by_link
    read(token_env="API_TOKEN")
    assert [token for _, token in server.calls] == [f"Bearer {TOKEN}"] * 3


@pytest.mark.parametrize("token", ["", "  ", f"{TOKEN}\n{TOKEN}", f"{TOKEN}…"])
def test_a_token_that_cannot_be_sent(server, read, monkeypatch, token):
    """Is not shown."""
    monkeypatch.setenv("API_TOKEN", token)
    with pytest.raises(errors.UsageError, match="API_TOKEN is not set, or no token") as error:
        read(token_env="API_TOKEN")
    assert TOKEN not in str(error.value)
    assert server.calls == []


@pytest.mark.parametrize("way", ["next", "link", "301", "307"])
def test_nothing_is_asked_of_another_origin(server, start, read, monkeypatch, way):
    """Whatever the answer names: a token would be given away, an inner address be read."""
    monkeypatch.setenv("API_TOKEN", TOKEN)
    other = start()
    other.paths["/rows"] = lambda handler: handler.answer(ROWS)
    url = f"{other.url}/rows?signature=secret"
    answer = {
        "next": {"data": {"r": ROWS, "next": url}},
        "link": {"data": {"r": ROWS}, "Link": f"<{url}>; rel=next"},
    }.get(way, {"data": "", "status": int(way) if way.isdigit() else 0, "Location": url})
    server.paths["/rows"] = lambda handler: handler.answer(**answer)
    with pytest.raises(errors.ProjectError, match=f"{other.url}/rows") as error:
        read(rows="r", token_env="API_TOKEN", next="next" if way == "next" else "")
    assert other.calls == []
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "url", ["//127.0.0.2:{port}/x", "https://127.0.0.1:{port}/x", "http://127.0.0.1.example/x"]
)
def test_another_origin_in_other_words(server, read, url):
    """Scheme, host and port must be the same."""
    url = url.format(port=server.server_port)
    server.paths["/rows"] = lambda handler: handler.answer({"r": ROWS, "next": url})
    with pytest.raises(errors.DataRefused, match="the same origin"):
        read(rows="r", next="next")


def test_a_server_that_is_not_there(server, read):
    """A refused connection is reported, without a traceback."""
    server.server_close()
    with pytest.raises(errors.DataRefused, match=f"{server.url}/rows cannot be read") as error:
        read("/rows?key=secret")
    assert "secret" not in str(error.value)


def test_integers_are_exact_beside_null_and_in_objects(server, read):
    """JSON has integers of any size; a float64 has not."""
    ids = [2**53 + 1, None, 2**63 - 1]
    rows = [{"id": n, "of": {"customer": n, "big": 10**30}} for n in ids]
    server.paths["/rows"] = lambda handler: handler.answer(rows)
    table = read()
    for name in ("id", "of.customer"):
        assert table[name].dropna().tolist() == [2**53 + 1, 2**63 - 1]
    assert table["of.big"].tolist() == ["1" + "0" * 30] * 3


def test_a_key_that_comes_in_two_ways_is_refused(server, read):
    """One of both would be lost."""
    server.paths["/rows"] = lambda handler: handler.answer([{"a.b": 1, "a": {"b": 2}}])
    with pytest.raises(errors.DataRefused, match=r"'a\.b' twice"):
        read()


def test_values_of_any_kind_can_be_stored(server, read, tmp_path):
    """Missing, of two types, lists, empty objects, numbers without bounds."""
    rows = [
        {"a": 1, "b": "x", "c": [1], "d": {}, "e": True, "f": 2**70},
        {"a": None, "b": 2, "c": None, "d": {"g": 1}, "e": None, "f": 1, "h": None},
    ]
    server.paths["/rows"] = lambda handler: handler.answer(rows)
    table = read()
    table.to_parquet(tmp_path / "stored.parquet")
    assert table["a"].dtype == "Int64"
    assert table["e"].dtype == "boolean"
    assert table["b"].tolist() == ["x", "2"]
    assert table["f"].tolist() == [str(2**70), "1"]
