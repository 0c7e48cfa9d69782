"""Who may do more than predict: holders of a key, or workflows of one repository on GitHub.

    AUTH=none          programs of this machine, where the endpoint listens on loopback only
    AUTH=api-key       `Authorization: Bearer KEY` or `X-API-Key: KEY`
    AUTH=github-oidc   `Authorization: Bearer` a token that GitHub signed for a job

A route asks by `dependencies=[Depends(required)]`; with AUTH_PREDICT `limits.py` asks at each POST.
Only hashes of keys are kept, and neither a key nor a token is in an answer or a log.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import jwt
from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.concurrency import run_in_threadpool

from mlops_loop.errors import UsageError
from mlops_loop.settings import Settings, digest, hashed_key

PROXIED = ("forwarded", "x-forwarded-for")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ISSUER_TIMEOUT_S, CLOCK_SKEW_S = 5, 30
CLAIMS = ["aud", "exp", "iat", "iss", "ref", "repository"]
CLOSED = "This route is closed: set AUTH=api-key with API_KEY_FILE, or AUTH=github-oidc."


class Auth:
    """The rule of `settings`; raises UsageError where it lacks what it needs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._local = settings.bind_host in LOOPBACK
        self._digests = _digests(settings)
        needed = {
            "none": not settings.auth_predict,
            "api-key": self._digests,
            "github-oidc": settings.oidc_audience and settings.oidc_repository,
        }
        if not needed[settings.auth]:
            raise UsageError(
                f"AUTH={settings.auth} lacks a setting: api-key needs API_KEY or API_KEY_FILE, "
                "github-oidc needs OIDC_AUDIENCE and OIDC_REPOSITORY, AUTH_PREDICT one of the two."
            )
        jwks = settings.oidc_jwks_url or f"{settings.oidc_issuer}/.well-known/jwks"
        # Keys are kept for five minutes; an unknown one is looked for every 30 seconds at most.
        self._issuer = jwt.PyJWKClient(jwks, timeout=ISSUER_TIMEOUT_S)

    async def check(self, headers: Mapping[str, str]) -> None:
        """Raises HTTPException: 401 without a valid credential, 403 where it is not allowed."""
        if self._settings.auth == "none":
            if not self._local or not _from_here(headers):
                raise _refused(403, CLOSED)
            return
        given = _credential(headers)
        if not given:
            raise _refused(401, "This route needs a key or a token: Authorization: Bearer ...")
        if self._settings.auth == "github-oidc":
            await run_in_threadpool(self._check_token, given)
        elif not self.holder(headers):
            raise _refused(401, "This key is not one of API_KEY_FILE.", "invalid_token")

    def holder(self, headers: Mapping[str, str]) -> str:
        """A name for the holder of a valid key, not the key; empty for everybody else."""
        given = digest(_credential(headers))
        matches = [hmac.compare_digest(given, each) for each in self._digests]
        return given.hex() if any(matches) else ""

    def _check_token(self, token: str) -> None:
        settings = self._settings
        try:
            claims = jwt.decode(
                token,
                self._issuer.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                audience=settings.oidc_audience,
                issuer=settings.oidc_issuer,
                leeway=CLOCK_SKEW_S,
                options={"require": CLAIMS},
            )
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, json.JSONDecodeError) as error:
            raise HTTPException(
                503, "The issuer's keys cannot be read. Ask again later."
            ) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise _refused(401, f"The token is not valid: {error}.", "invalid_token") from None
        for name in ("repository", "ref"):
            if claims[name] != (allowed := getattr(settings, f"oidc_{name}")):
                found = f"The token is of {name} {claims[name]!r}, allowed is {allowed!r}."
                raise _refused(403, found, "insufficient_scope")


def _from_here(headers: Mapping[str, str]) -> bool:
    """Whether neither a proxy asks nor another's web page, open in a browser of this machine.

    Such a page tells its origin, or asks by a name that its owner lets point here (DNS rebinding).
    """
    host = headers.get("host", "")
    own = headers.get("origin", f"http://{host}") == f"http://{host}"
    with suppress(ValueError):
        local = urlsplit(f"//{host}").hostname in LOOPBACK
        return local and own and not any(name in headers for name in PROXIED)
    return False


def _digests(settings: Settings) -> list[bytes]:
    """Of API_KEY, and of each line of API_KEY_FILE, so that keys can be changed one by one."""
    found = [settings.api_key] if settings.api_key else []
    if settings.api_key_file and settings.auth == "api-key":
        try:
            found += map(hashed_key, settings.api_key_file.read_text("utf-8").split())
        except (OSError, ValueError) as error:
            place = f"API_KEY_FILE={settings.api_key_file} cannot be used"
            raise UsageError(f"{place}: {getattr(error, 'strerror', None) or error}.") from None
    return found


def _credential(headers: Mapping[str, str]) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _refused(status: int, sentence: str, error: str = "") -> HTTPException:
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return HTTPException(status, sentence, {"WWW-Authenticate": challenge})


async def required(
    request: Request,
    _bearer: object = Security(HTTPBearer(auto_error=False)),
    _key: object = Security(APIKeyHeader(name="X-API-Key", auto_error=False)),
) -> None:
    """The dependency of a protected route; the two parameters are what OpenAPI shows."""
    await request.app.state.auth.check(request.headers)
