"""Keys and tokens: who is let in, who is not, and that nothing secret is said."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
import urllib3
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import Depends
from fastapi.testclient import TestClient

from mlops_loop import errors, settings
from mlops_loop.access import auth
from mlops_loop.serving import app

KEY, OTHER = "correct-horse-battery-staple", "wrong-horse-battery-staple"
REPOSITORY, AUDIENCE = "octo/flights", "https://flights.example.org"
# Of a repository created before 15 July 2026, and since; of a job with an environment.
SUBJECTS = (
    f"repo:{REPOSITORY}:ref:refs/heads/main",
    "repo:octo@9919/flights@1296269:ref:refs/heads/main",
    "repo:octo@9919/flights@1296269:environment:production",
)


@pytest.fixture(scope="module")
def keys():
    """Two RSA key pairs: the issuer's, and a stranger's."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


class Issuer:
    """What a server on loopback publishes as GitHub does; `asked` counts the calls."""

    def __init__(self, key):
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        self.body = json.dumps({"keys": [public | {"kid": "one", "use": "sig"}]}).encode()
        self.asked = 0
        self.url = ""


@pytest.fixture
def issuer(keys, listening):
    made = Issuer(keys[0])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            made.asked += 1
            self.send_response(200 if self.path == "/.well-known/jwks" else 404)
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        yield made


@pytest.fixture
def protect(bundles):
    """A client of an app with one protected route and these settings."""
    clients = []

    def start(**given):
        made = settings.Settings.from_environment(bundle_dir=bundles["binary"], **given)
        endpoint = app.create_app(made)
        endpoint.post("/protected", dependencies=[Depends(auth.required)])(lambda: "open")
        clients.append(TestClient(endpoint).__enter__())
        return clients[-1]

    yield start
    for client in clients:
        client.__exit__(None, None, None)


def ask(client, given="", **headers):
    named = {"Authorization": f"Bearer {given}"} if given else {}
    return client.post("/protected", headers=named | headers)


FROM_HERE = {
    "no header": {},
    "this machine": {"Host": "127.0.0.1:8000"},
    "this page": {"Host": "127.0.0.1:8000", "Origin": "http://127.0.0.1:8000"},
    "a proxy": {"X-Forwarded-For": "203.0.113.9"},
    "a web page": {"Host": "127.0.0.1:8000", "Origin": "https://evil.example.org"},
}


@pytest.mark.parametrize("headers", FROM_HERE.values(), ids=FROM_HERE)
def test_no_place_opens_a_route(protect, tmp_path, headers):
    """Only a key does: a proxy of this machine comes from loopback, whatever it adds or not."""
    client = protect(log_url=f"sqlite:///{tmp_path}/log.db")
    refused = ask(client, **headers)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert ask(client, own_key(tmp_path), **headers).json() == "open"


def own_key(tmp_path):
    return (tmp_path / "log.db-key").read_text().strip()


def test_a_bare_proxy(live, listening, tmp_path):
    """What another machine sends through a proxy that adds no header opens nothing."""
    host, port = live(log_url=f"sqlite:///{tmp_path}/log.db")

    class Bare(BaseHTTPRequestHandler):
        def do_GET(self):
            kept = {name: self.headers[name] for name in self.headers if name != "Host"}
            url = f"http://{host}:{port}{self.path}"
            answer = urllib3.request(self.command, url, headers=kept)
            self.send_response(answer.status)
            self.end_headers()
            self.wfile.write(answer.data)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with listening(ThreadingHTTPServer(("127.0.0.1", 0), Bare)) as proxy:
        url = f"http://127.0.0.1:{proxy.server_port}"
        routes = ("GET", "/logs/export"), ("POST", "/feedback"), ("POST", "/reload")
        statuses = [urllib3.request(method, url + path).status for method, path in routes]
        assert statuses == [401, 401, 401]
        key = {"Authorization": f"Bearer {own_key(tmp_path)}"}
        assert urllib3.request("GET", f"{url}/logs/export", headers=key).status == 200


def test_closed_without_a_key(protect):
    """No log in a file, and no setting: nobody is let in, and the answer says what to set."""
    for given in ({}, {"bind_host": "0.0.0.0"}):
        refused = ask(protect(**given), KEY)
        assert refused.status_code == 403
        assert "start it with OWN_KEY_FILE=" in refused.json()["detail"]


def test_a_key_in_a_stated_file(protect, tmp_path):
    """Also without a log; it opens predictions too, where they need a key."""
    client = protect(own_key_file=tmp_path / "made" / "key", auth_predict=True)
    assert client.post("/predict", json={}).status_code == 401
    assert ask(client, (tmp_path / "made" / "key").read_text().strip()).json() == "open"


GIVEN = {"a key": {"api_key": KEY}, "tokens": {"auth": "github-oidc", "oidc_audience": AUDIENCE}}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_no_second_key(protect, tmp_path, given):
    """Where a setting says who may ask, the endpoint makes no key of its own."""
    given = {"log_url": f"sqlite:///{tmp_path}/log.db", "oidc_repository": REPOSITORY} | given
    assert protect(**given).app.state.auth.own_key_file is None
    assert not (tmp_path / "log.db-key").exists()


def test_a_key_that_cannot_be_made(protect, tmp_path):
    """Beside a log, which fails as well, the routes are closed; at OWN_KEY_FILE nothing starts."""
    (tmp_path / "file").write_text("")
    client = protect(log_url=f"sqlite:///{tmp_path}/file/log.db")
    assert ask(client, KEY).status_code == 403
    with pytest.raises(errors.UsageError, match=r"OWN_KEY_FILE: .*/key cannot be made: File ex"):
        protect(own_key_file=tmp_path / "file" / "key")


def test_key_in_either_header(protect):
    """The right key opens the route, as a bearer or by a header of its own."""
    client = protect(auth="api-key", api_key=KEY)
    assert ask(client, KEY).json() == "open"
    assert ask(client, **{"X-API-Key": KEY}).json() == "open"


WRONG_KEYS = {
    "none": {},
    "another": {"Authorization": f"Bearer {OTHER}"},
    "longer": {"X-API-Key": KEY + "r"},
    "shorter": {"X-API-Key": KEY[:-1]},
    "its hash": {"X-API-Key": settings.digest(KEY).hex()},
    "not ASCII": {"X-API-Key": b"\xff" * 30},
    "another scheme": {"Authorization": f"Basic {KEY}"},
}


@pytest.mark.parametrize("headers", WRONG_KEYS.values(), ids=WRONG_KEYS)
def test_wrong_key(protect, headers):
    """Anything else is 401 with a challenge, and does not say what was sent."""
    refused = protect(auth="api-key", api_key=KEY).post("/protected", headers=headers)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert KEY[:-1] not in refused.text
    assert OTHER not in refused.text


def test_keys_of_a_file(protect, tmp_path):
    """Each line is a key, so that an old and a new one work side by side."""
    (tmp_path / "keys").write_text(f"{KEY}\n{OTHER}\n")
    client = protect(auth="api-key", api_key_file=tmp_path / "keys")
    assert [ask(client, each).status_code for each in (KEY, OTHER, KEY + OTHER)] == [200, 200, 401]


def test_only_the_hash_is_kept(protect):
    """The key is in no attribute of the app, nor in the text of its settings."""
    state = protect(auth="api-key", api_key=KEY).app.state
    seen = f"{state.settings!r} {vars(state.settings)} {vars(state.auth)}"
    assert KEY not in seen
    assert "api_key=" not in repr(state.settings)


LACKING = {
    "no audience": {"auth": "github-oidc", "oidc_repository": REPOSITORY},
    "no repository": {"auth": "github-oidc", "oidc_audience": AUDIENCE},
    "nobody may predict": {"auth_predict": True},
}


@pytest.mark.parametrize("given", LACKING.values(), ids=LACKING)
def test_lacking_setting(protect, given):
    """Half a rule is none: the endpoint does not start."""
    with pytest.raises(errors.UsageError, match=r"AUTH_PREDICT needs API_KEY_FILE"):
        protect(**given)


def test_short_keys(tmp_path, monkeypatch):
    """A key that can be guessed is refused, and not shown; so is a file that is not there."""
    monkeypatch.setenv("API_KEY", "hunter2")
    with pytest.raises(errors.UsageError, match=r"API_KEY=\.\.\. is refused.*20 char"):
        settings.Settings.from_environment()
    monkeypatch.delenv("API_KEY")
    (tmp_path / "short").write_text("hunter2")
    (tmp_path / "empty").write_text("\n")
    wrong = ("short", "20 characters"), ("empty", "20 characters"), ("none", "No such file")
    for name, reason in wrong:
        given = {"auth": "api-key", "api_key_file": tmp_path / name}
        with pytest.raises(errors.UsageError, match=reason) as refused:
            auth.Auth(settings.Settings.from_environment(**given))
        assert "hunter2" not in str(refused.value)


def token(key, issuer, **changed):
    now = int(time.time())
    claims = {
        "iss": issuer.url, "aud": AUDIENCE, "iat": now, "exp": now + 300,
        "repository": REPOSITORY, "repository_id": "1296269", "ref": "refs/heads/main",
        "sub": SUBJECTS[0],
    } | changed  # fmt: skip
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, "RS256", headers={"kid": "one"})


@pytest.fixture
def oidc(protect, issuer):
    return protect(
        auth="github-oidc",
        oidc_issuer=issuer.url,
        oidc_audience=AUDIENCE,
        oidc_repository=REPOSITORY,
    )


def test_token_of_a_job(oidc, issuer, keys):
    """A token of the right repository and branch is let in; the issuer's keys are asked once."""
    answers = [ask(oidc, token(keys[0], issuer)) for _ in range(3)]
    assert [answer.json() for answer in answers] == ["open"] * 3
    assert issuer.asked == 1


NAMED = {
    "by name": {"oidc_repository": REPOSITORY},
    "by id": {"oidc_repository_id": "1296269"},
    "by both": {"oidc_repository": REPOSITORY, "oidc_repository_id": "1296269"},
}


@pytest.mark.parametrize("given", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_form_of_the_subject(protect, issuer, keys, given, subject):
    """The repository is known by its name, its id, or both, whatever the subject looks like."""
    client = protect(auth="github-oidc", oidc_issuer=issuer.url, oidc_audience=AUDIENCE, **given)
    assert ask(client, token(keys[0], issuer, sub=subject)).json() == "open"
    other = token(keys[0], issuer, sub=subject, repository_id="7", repository="octo/other")
    assert ask(client, other).status_code == 403


def test_a_name_that_was_taken_over(protect, issuer, keys):
    """Has another id; after a change of its own name, the repository keeps its id."""
    given = {"auth": "github-oidc", "oidc_issuer": issuer.url, "oidc_audience": AUDIENCE}
    client = protect(**given, oidc_repository_id="1296269")
    taken = ask(client, token(keys[0], issuer, repository_id="7"))
    assert (taken.status_code, "repository_id '7'" in taken.text) == (403, True)
    assert ask(client, token(keys[0], issuer, repository="octo/renamed")).json() == "open"
    assert ask(client, token(keys[0], issuer, repository_id=None)).status_code == 401


WRONG_CLAIMS = {
    "expired": ({"exp": 1}, 401, "expired"),
    "from the future": ({"iat": 2**33, "nbf": 2**33}, 401, "not yet valid"),
    "another audience": ({"aud": "https://other.example.org"}, 401, "udience"),
    "another issuer": ({"iss": "https://evil.example.org"}, 401, "ssuer"),
    "no expiry": ({"exp": None}, 401, "exp"),
    "no branch": ({"ref": None}, 401, "ref"),
    "another repository": ({"repository": "octo/fork"}, 403, "'octo/fork', allowed is 'octo/fl"),
    "another branch": ({"ref": "refs/pull/7/merge"}, 403, "'refs/pull/7/merge', allowed is"),
}


@pytest.mark.parametrize(("claims", "status", "words"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_wrong_claims(oidc, issuer, keys, claims, status, words):
    """What the token says of itself is held against the settings."""
    refused = ask(oidc, token(keys[0], issuer, **claims))
    assert refused.status_code == status
    assert words in refused.json()["detail"]
    assert refused.headers["WWW-Authenticate"].startswith('Bearer error="')


def test_forged_tokens(oidc, issuer, keys):
    """Another's signature, none, one made of the public key, or no token at all: 401."""
    claims = jwt.decode(token(keys[0], issuer), options={"verify_signature": False})
    public = json.loads(issuer.body)["keys"][0]["n"]
    forged = [
        token(keys[1], issuer),
        jwt.encode(claims, None, "none", headers={"kid": "one"}),
        jwt.encode(claims, public, "HS256", headers={"kid": "one"}),
        "not.a.token",
        "x" * 5000,
    ]
    answers = [ask(oidc, each) for each in [*forged, ""]]
    assert [answer.status_code for answer in answers] == [401] * 6
    assert not [each for each, answer in zip(forged, answers, strict=False) if each in answer.text]


def test_unknown_keys_ask_the_issuer_seldom(oidc, issuer, keys):
    """Made-up key names cannot make the endpoint hammer the issuer."""
    claims = jwt.decode(token(keys[0], issuer), options={"verify_signature": False})
    for number in range(5):
        forged = jwt.encode(claims, keys[1], "RS256", headers={"kid": f"kid {number}"})
        assert ask(oidc, forged).status_code == 401
    assert issuer.asked == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"keys": []}', None])
def test_issuer_that_cannot_be_read(oidc, issuer, keys, monkeypatch, body):
    """Fails closed: nobody is let in while the keys cannot be read."""
    issuer.body = body
    given = token(keys[0], issuer)
    if body is None:
        monkeypatch.setattr(oidc.app.state.auth._issuer, "uri", "http://127.0.0.1:9/jwks")
    refused = ask(oidc, given)
    assert refused.status_code == 503
    assert "Ask again later" in refused.json()["detail"]


def test_predictions_behind_a_key(protect, row):
    """With AUTH_PREDICT nothing is predicted without a key, the page included; probes stay open."""
    client = protect(auth="api-key", api_key=KEY, auth_predict=True)
    assert client.post("/predict", json=row).status_code == 401
    assert client.post("/", data={}).status_code == 401
    assert client.get("/ready").status_code == 200
    assert client.post("/predict", json=row, headers={"X-API-Key": KEY}).status_code == 200


def test_predictions_are_open_otherwise(protect, row):
    """Without AUTH_PREDICT a key is asked for on protected routes only."""
    client = protect(auth="api-key", api_key=KEY)
    assert client.post("/predict", json=row).status_code == 200


def test_documented(protect):
    """The OpenAPI document says how to authenticate, so that its page can."""
    document = protect(auth="api-key", api_key=KEY).get("/openapi.json").json()
    assert len(document["paths"]["/protected"]["post"]["security"]) == 2
    assert {"HTTPBearer", "APIKeyHeader"} == set(document["components"]["securitySchemes"])
