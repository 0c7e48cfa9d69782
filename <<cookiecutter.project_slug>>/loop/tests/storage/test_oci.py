"""The client of a registry: whatever answers, it is understood or refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse
from urllib3.util import Retry

from mlops_loop.errors import StoreNotThere, StoreUnreachable
from mlops_loop.storage.oci import KINDS, MANIFEST, ContainerRegistry

DATA = b"content"
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
ONE_TRY = Retry(0, allowed_methods=None)
HTML = b"<!doctype html><title>Sign in to the network</title>"
CALLS = {
    "tags": lambda registry, part: registry.tags(),
    "manifest": lambda registry, part: registry.manifest("latest"),
    "listed": lambda registry, part: registry.manifest("latest", listed=True),
    "read": lambda registry, part: registry.read("latest"),
    "by digest": lambda registry, part: registry.read(DIGEST),
    "blob": lambda registry, part: registry.blob(DIGEST),
    "holds": lambda registry, part: registry.holds(DIGEST, len(DATA)),
    "download": lambda registry, part: registry.download(DIGEST, len(DATA), part, int),
    "upload": lambda registry, part: registry.upload(io.BytesIO(DATA), len(DATA), int),
    "write": lambda registry, part: registry.put_manifest("latest", {"schemaVersion": 2}),
    "remove": lambda registry, part: registry.remove("latest"),
}
JSON = "application/json"
ODD = {
    "html": (200, "text/html", HTML),
    "html that says it is a manifest": (200, MANIFEST, HTML),
    "null": (200, JSON, b"null"),
    "empty": (200, JSON, b""),
    "no kind": (200, "", b'{"schemaVersion": 2}'),
    "truncated": (200, MANIFEST, b'{"schemaVersion": 2, "config": {"dig'),
    "a list": (200, MANIFEST, b"[]"),
    "wrong types": (200, MANIFEST, b'{"schemaVersion": "2", "config": 7, "tags": [1, null]}'),
    "a tag that leads elsewhere": (200, JSON, b'{"tags": ["../../other"]}'),
    "tags are text": (200, JSON, b'{"tags": "latest"}'),
    "deep": (200, MANIFEST, b"[" * 100_000),
    "no content": (204, "", b""),
    "accepted": (202, JSON, b"{}"),
    "a page that is not there": (404, "text/html", HTML),
    "gone": (410, "text/html", HTML),
    "teapot": (418, "", b""),
}


def answering(status, headers, data):
    """A client whose every request gets this answer."""
    registry = ContainerRegistry("https://example.org/a/store", ONE_TRY)

    def request(method, url, **call):
        body = b"" if method == "HEAD" else data
        return HTTPResponse(
            io.BytesIO(body), headers=headers, status=status, preload_content=False,
            request_method=method, reason="Reason",
        )  # fmt: skip

    registry._http.request = request
    return registry


def outcome(call, registry, part):
    """What a call returns, or the message with which it refuses."""
    try:
        return CALLS[call](registry, part), ""
    except StoreUnreachable as error:
        return None, str(error)


# What such a call may return all the same: nothing is there, nothing is held, nothing was deleted.
HONEST = {
    ("tags", "no kind"): None,
    ("manifest", "a page that is not there"): None,
    ("read", "a page that is not there"): None,
    ("by digest", "a page that is not there"): None,
    ("remove", "accepted"): True,
    ("remove", "a page that is not there"): True,
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("call", CALLS)
def test_an_answer_that_the_protocol_does_not_know_is_no_success(call, name, tmp_path):
    """Each request of the store, with each odd answer: unreachable, or what is true."""
    status, kind, data = ODD[name]
    registry = answering(status, {"Content-Type": kind} if kind else {}, data)
    result, refused = outcome(call, registry, tmp_path / "part")
    if refused:
        assert refused.startswith("The registry https://example.org/a/store: ")
        assert "Next: " in refused
        assert "\n" not in refused
        assert len(refused) < 500
    elif call in ("holds", "download"):
        assert result is False
    else:
        assert result == HONEST[call, name]


HEADERS = st.dictionaries(
    st.sampled_from(
        ["Content-Type", "Content-Length", "Location", "Link", "WWW-Authenticate", "Retry-After",
         "Docker-Content-Digest", "Content-Range", "Content-Encoding"]
    ),
    st.one_of(
        st.sampled_from(
            [*KINDS, JSON, "0", "7", "-1", "1e9", "https://[", "http://127.0.0.1:1/x", "//", "<>",
             "<https://[>", "<v2/a/store/tags/list>; rel=next", 'Bearer realm="https://["',
             'Bearer realm="https://example.org/t",service="s"', "Basic", "gzip", "br", DIGEST,
             "bytes 6-6/7", "bytes */*", "Mon, 99 Foo 99999 00:00:00 GMT", "9" * 5000]
        ),
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=20),
    ),
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tags", "token", "access_token", "config", "digest", "schemaVersion"]),
            inner,
        )
    ),
    max_leaves=8,
)
BODIES = st.one_of(st.binary(max_size=40), VALUES.map(lambda value: json.dumps(value).encode()))
STATUSES = st.sampled_from([200, 201, 202, 204, 206, 301, 400, 401, 403, 404, 416, 429, 500, 507])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(CALLS)), STATUSES, HEADERS, BODIES)
def test_no_answer_is_a_traceback(tmp_path_factory, call, status, headers, data):
    """Of any status, with any header and content."""
    part = tmp_path_factory.getbasetemp() / "part"
    part.unlink(missing_ok=True)
    result, refused = outcome(call, answering(status, headers, data), part)
    if refused:
        assert "Next: " in refused
        return
    assert call not in ("upload", "write"), "nothing could be read back"
    if call == "blob":
        assert result == DATA
    if call == "download" and result:
        assert part.read_bytes() == DATA


@pytest.mark.parametrize("header", [DIGEST, "sha256:0"])
def test_a_manifest_is_what_its_digest_says(header):
    """The digest that was asked for, and that which the registry names."""
    data = b'{"schemaVersion": 2}'
    registry = answering(200, {"Content-Type": MANIFEST, "Docker-Content-Digest": header}, data)
    for name in ("latest", DIGEST):
        with pytest.raises(StoreUnreachable, match="other content than its digest says"):
            registry.read(name)
    own = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert answering(200, {"Content-Type": MANIFEST}, data).read(own) == (MANIFEST, data)


def test_pages_of_tags_that_lead_back_end():
    """A list without an end is none."""
    headers = {"Link": '</v2/a/store/tags/list?n=1000>; rel="next"', "Content-Type": JSON}
    with pytest.raises(StoreUnreachable, match="leads back"):
        answering(200, headers, b'{"tags": ["a"]}').tags()


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("code", ["NAME_UNKNOWN", "DENIED", "UNAUTHORIZED"])
def test_what_is_not_there_yet_is_told_apart(status, code):
    """A registry answers so for a repository that does not exist; reading only."""
    errors = json.dumps({"errors": [{"code": code, "message": "..."}]}).encode()
    registry = answering(status, {"Content-Type": JSON}, errors)
    with pytest.raises(StoreNotThere):
        registry.tags()
    with pytest.raises(StoreUnreachable) as refused:
        registry.put_manifest("latest", {"schemaVersion": 2})
    assert not isinstance(refused.value, StoreNotThere)


def test_what_was_written_is_read_back(server):
    """A registry that says 201 and keeps nothing is no store."""
    registry = ContainerRegistry(f"{server}/readback/store", ONE_TRY)
    ask = registry._http.request

    def forget(method, url, **call):
        if method in ("PUT", "POST"):
            headers = {"Location": f"{server}/nowhere"}
            status = 201 if method == "PUT" else 202
            body = io.BytesIO()
            return HTTPResponse(body, headers=headers, status=status, preload_content=False)
        return ask(method, url, **call)

    registry._http.request = forget
    with pytest.raises(StoreUnreachable, match="was stored, and is not there"):
        registry.upload(io.BytesIO(DATA), len(DATA), int)
    with pytest.raises(StoreUnreachable, match="404"):
        registry.put_manifest("latest", {"schemaVersion": 2})


@pytest.mark.parametrize("data", [b"", b"x", DATA * 10_000])
def test_a_blob_is_held_to_its_last_byte(server, data):
    """Also an empty one."""
    registry = ContainerRegistry(f"{server}/holds/store", ONE_TRY)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert not registry.holds(digest, len(data))
    assert registry.upload(io.BytesIO(data), len(data), int) == digest
    assert registry.holds(digest, len(data))
    assert not registry.holds(digest, len(data) + 1)


def test_a_redirect_loop_ends(door, server):
    """As of a proxy that asks for a login."""
    door.rules.append(lambda visit: visit.reply(307, headers={"Location": visit.path}) or True)
    with pytest.raises(StoreUnreachable, match="redirect"):
        ContainerRegistry(f"{door.url}/a/store", ONE_TRY).tags()
    assert urllib3.request("GET", f"{server}/v2/").status == 200
