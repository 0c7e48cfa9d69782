"""HEAD: what GET says, without the body."""

import http.client

import pytest

PATHS = ("/", "/docs", "/openapi.json", "/health", "/ready", "/version", "/contract", "/metrics",
         "/v2", "/logs/export", "/nowhere", "/predict")  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_as_get(logging_client, path):
    """The same status and type; also of an error."""
    client = logging_client()
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code
    assert head.headers.get("content-type") == get.headers.get("content-type")
    assert head.content == b""


def test_over_a_connection(live):
    """The length is that of the body, no body comes, and the connection goes on."""
    connection = http.client.HTTPConnection(*live(), timeout=30)
    lengths = []
    for method in ("HEAD", "GET", "HEAD"):
        connection.request(method, "/contract")
        answer = connection.getresponse()
        lengths.append((answer.headers["Content-Length"], len(answer.read())))
    connection.close()
    size = lengths[1][1]
    assert lengths == [(str(size), 0), (str(size), size), (str(size), 0)]


def test_counted(client):
    """By its method and the route."""
    client.head("/health")
    assert 'http_requests_total{method="HEAD",route="/health",status="200"} 1.0' in (
        client.get("/metrics").text
    )
