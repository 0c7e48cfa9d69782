"""The nginx configuration of the page on serving, in a real nginx: pages, limits, closed routes."""

import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
import urllib3

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
MAIN = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{ access_log off; {paths} {block} }}
"""
KINDS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@pytest.fixture
def proxied(live, tmp_path):
    """`proxied(**settings)`: the address of the prefix, with an endpoint behind it."""
    running = []

    def start(**settings):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        [block] = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
        block = block.replace("127.0.0.1:8000", f"127.0.0.1:{live(**settings)[1]}")
        block = block.replace("listen 8080", f"listen 127.0.0.1:{port}")
        paths = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in KINDS)
        config = tmp_path / "nginx.conf"
        config.write_text(MAIN.format(folder=tmp_path, paths=paths, block=block))
        if not (nginx := shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")):
            pytest.skip("nginx is not installed (Debian's package nginx)")
        running.append(subprocess.Popen([nginx, "-p", tmp_path, "-c", config]))
        wait_for(port)
        return f"http://127.0.0.1:{port}/delays/"

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=20)


def wait_for(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def test_pages_and_predictions_are_under_the_prefix(proxied, row):
    """Also where the API's own page would send a request."""
    address = proxied()
    plain = urllib3.request("GET", address.rstrip("/"), redirect=False)
    assert (plain.status, plain.headers["Location"]) == (301, address)
    assert "<form" in urllib3.request("GET", address).data.decode()
    assert urllib3.request("POST", address + "predict", json=row).status == 200
    document = urljoin(address, "openapi.json")
    [server] = urllib3.request("GET", document).json()["servers"]
    assert urljoin(document, server["url"]) + "predict" == address + "predict"


@pytest.mark.parametrize("path", ["metrics", "reload", "logs/export", "logs/problems", "feedback"])
def test_operators_routes_are_closed(proxied, path):
    """To everyone, with a key too."""
    address = proxied(api_key="k" * 30)
    for method in ("GET", "POST"):
        headers = {"Authorization": f"Bearer {'k' * 30}"}
        assert urllib3.request(method, address + path, headers=headers).status == 403


def test_what_is_too_large_is_refused_by_the_endpoint(proxied, row):
    """In JSON, from one megabyte on too."""
    address = proxied(max_rows=100)
    body = json.dumps([row] * 30_000)
    assert 1_100_000 < len(body) < 4_000_000
    headers = {"Content-Type": "application/json"}
    refused = urllib3.request("POST", address + "predict", body=body, headers=headers)
    assert refused.status == 422
    assert "at most 100 rows" in refused.data.decode()


def test_a_client_has_its_own_address(proxied, row):
    """Of two clients one is refused, though both come from the proxy; no header helps it."""
    address = proxied(rate_per_s=0.01, rate_burst=1)
    found = []
    for source, said in (("127.0.0.2", ""), ("127.0.0.3", ""), ("127.0.0.3", "9.9.9.9")):
        with urllib3.PoolManager(source_address=(source, 0)) as client:
            headers = {"X-Forwarded-For": said} if said else {}
            found.append(client.request("POST", address + "predict", json=row, headers=headers))
    assert [answer.status for answer in found] == [200, 200, 429]
