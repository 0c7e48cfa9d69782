"""The endpoint's client: what it sends, and what it reports when the answer is no."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from mlops_loop import errors, key_file
from mlops_loop.deployment import client

KEY = "correct-horse-battery-staple"


@pytest.fixture
def server(listening):
    """A server that answers with what it was asked; /elsewhere leads to another address of it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            key = self.headers.get("Authorization")
            status = {"/elsewhere": 302, "/refused": 422}.get(self.path, 200)
            request = {"method": self.command, "key": key, "content": content.decode()}
            self.send_response(status)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/here")
            self.end_headers()
            self.wfile.write(b"<html>" if self.path == "/page" else json.dumps(request).encode())

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


def test_asks(server):
    """A GET, or a POST of JSON; a slash at the end of the address does no harm."""
    asked = client.Client(server)
    assert asked.ask("/version") == {"method": "GET", "key": None, "content": ""}
    assert asked.ask("/predict", [1]) == {"method": "POST", "key": None, "content": "[1]"}


def test_key_of_the_environment(server, monkeypatch):
    """The key is sent to the endpoint and to no other address, and not shown."""
    monkeypatch.setenv("ENDPOINT_KEY", KEY)
    asked = client.Client(server)
    assert asked.ask("/version")["key"] == f"Bearer {KEY}"
    assert asked.ask("/elsewhere")["key"] is None
    assert KEY not in repr(asked)


def test_key_of_an_endpoint_of_this_machine(server, monkeypatch, tmp_path):
    """The file of its key is found; no proxy of the environment sees it, and no other address."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    made, port = key_file.make(tmp_path / "key"), urlsplit(server).port
    with key_file.noted([("127.0.0.1", port)], tmp_path / "key"):
        assert client.Client(server).ask("/version")["key"] == f"Bearer {made}"
        assert client.Client(server).ask("/elsewhere")["key"] is None
        assert client.Client(server, key="").ask("/version")["key"] is None
    assert client.Client(server).ask("/version")["key"] is None


def test_refusals(server):
    """What is not 200, or no JSON, is an error that names the address."""
    asked = client.Client(server)
    assert asked.send("/refused")[0] == 422
    for path, words in (("/refused", "answers 422 instead of 200"), ("/page", "gives no JSON")):
        with pytest.raises(errors.SmokeFailed, match=f"127.0.0.1:.*{path} {words}"):
            asked.ask(path)
    with pytest.raises(errors.SmokeFailed, match=r"127.0.0.1:9 was not ready within 0.1 s"):
        client.Client("http://127.0.0.1:9").wait_until_ready(0.1)
