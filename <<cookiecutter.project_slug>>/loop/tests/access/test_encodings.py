"""Compressed bodies: gzip within the limits of every body; every other encoding is refused."""

import gzip
import json

import pytest

from mlops_loop import project

GZIP = {"Content-Encoding": "gzip"}
LIMIT = 8192
PATHS = ("/predict", "/batch", f"/v1/models/{project.model_name()}:predict", "/")


@pytest.fixture
def small(start, bundles):
    return start(bundles["binary"], max_body_bytes=LIMIT)


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip", "identity, gzip"])
def test_gzip(client, row, name):
    """Predicts as the plain body does."""
    body = gzip.compress(json.dumps([row] * 3).encode())
    answer = client.post("/predict", content=body, headers={"Content-Encoding": name})
    assert answer.json() == client.post("/predict", json=[row] * 3).json()


def test_in_pieces(client, row):
    """However the pieces are cut."""
    body = gzip.compress(json.dumps(row).encode())
    pieces = (body[i : i + 7] for i in range(0, len(body), 7))
    assert client.post("/predict", content=pieces, headers=GZIP).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_no_more_than_allowed(small, path):
    """What is small and grows beyond the limit is 413 on every route, and is not held."""
    body = gzip.compress(b" " * (LIMIT + 1))
    assert len(body) < 100
    refused = small.post(path, content=body, headers=GZIP)
    assert (refused.status_code, f"larger than {LIMIT} bytes" in refused.text) == (413, True)


def test_the_largest(small, row):
    """Exactly the limit is read."""
    body = json.dumps(row).encode().ljust(LIMIT)
    assert small.post("/predict", content=gzip.compress(body), headers=GZIP).status_code == 200


BROKEN = {
    "plain": (b"{}", "the body is not"),
    "cut off": (gzip.compress(b"{}")[:-4], "cut off"),
    "a tail": (gzip.compress(b"{}") + b"x", "more than one member"),
    "two": (gzip.compress(b"{") + gzip.compress(b"}"), "more than one member"),
}


@pytest.mark.parametrize(("body", "words"), BROKEN.values(), ids=BROKEN)
def test_broken(client, body, words):
    """400 in a sentence."""
    refused = client.post("/predict", content=body, headers=GZIP)
    assert (refused.status_code, words in refused.json()["detail"]) == (400, True)


@pytest.mark.parametrize("name", ["br", "deflate", "zstd", "gzip, gzip", "gzip, br", "gunzip"])
def test_another_encoding(client, row, name):
    """415 says what is read; before, the compressed bytes were taken for JSON."""
    refused = client.post("/predict", json=row, headers={"Content-Encoding": name})
    assert (refused.status_code, refused.headers["Accept-Encoding"]) == (415, "gzip")
    assert "Allowed: gzip, once" in refused.json()["detail"]


def test_no_encoding(client, row):
    """`identity` is none; a GET with the header and without a body is answered."""
    plain = {"Content-Encoding": "identity"}
    assert client.post("/predict", json=row, headers=plain).status_code == 200
    assert client.get("/version", headers=GZIP).status_code == 200
