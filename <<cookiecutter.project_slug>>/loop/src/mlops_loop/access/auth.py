"""Who may do more than predict: holders of a key, or workflows of one repository on GitHub.

    AUTH=api-key       `Authorization: Bearer KEY` or `X-API-Key: KEY`
    AUTH=github-oidc   `Authorization: Bearer` a token that GitHub signed for a job

The key is that of API_KEY or API_KEY_FILE; where neither is set, the endpoint makes one beside its
log (`key_file.py`). Where a request comes from opens nothing: a proxy comes from loopback, too.

A route is protected by `dependencies=[Depends(required)]`; with AUTH_PREDICT `limits.py` checks
each POST. Only hashes of keys are kept in memory, and no answer and no log holds a key or a token.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.concurrency import run_in_threadpool

from mlops_loop import key_file
from mlops_loop.errors import UsageError
from mlops_loop.prediction_log import sqlite_file
from mlops_loop.settings import Settings, digest, hashed_key

ISSUER_TIMEOUT_S, CLOCK_SKEW_S = 5, 30
CLAIMS = ["aud", "exp", "iat", "iss", "ref"]
NEEDED = (
    "This route needs a key or a token: Authorization: Bearer ... The endpoint names the file of a "
    "key that it made itself when it starts."
)
CLOSED = (
    "This route is closed, because the endpoint has no key. Next: start it with "
    "OWN_KEY_FILE=build/endpoint-key, where it makes one, or with API_KEY_FILE, or with "
    "AUTH=github-oidc (loop/docs/serving.md)"
)


class Auth:
    """The rule of `settings`; raises UsageError where a setting that it needs is missing.

    `own_key_file` is where the endpoint keeps the key that it made; None where it made none.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._digests, self._allowed = _digests(settings), _allowed(settings)
        self.own_key_file = None if self._digests else _place(settings)
        if self.own_key_file and (key := _own_key(settings, self.own_key_file)):
            self._digests = [digest(key)]
        needed = {
            "api-key": self._digests or not settings.auth_predict,
            "github-oidc": settings.oidc_audience and self._allowed.keys() - {"ref"},
        }
        if not needed[settings.auth]:
            raise UsageError(
                f"AUTH={settings.auth} lacks a setting: AUTH_PREDICT needs API_KEY_FILE, API_KEY "
                "or OWN_KEY_FILE, github-oidc needs OIDC_AUDIENCE and OIDC_REPOSITORY or "
                "OIDC_REPOSITORY_ID."
            )
        jwks = settings.oidc_jwks_url or f"{settings.oidc_issuer}/.well-known/jwks"
        # Keys are cached for five minutes; an unknown one is fetched every 30 seconds at most.
        self._issuer = jwt.PyJWKClient(jwks, timeout=ISSUER_TIMEOUT_S)

    async def check(self, headers: Mapping[str, str]) -> None:
        """Raises HTTPException.

        401 without a valid credential, 403 for a credential that is not allowed here, 503 while the
        issuer's keys cannot be read.
        """
        if self._settings.auth == "api-key" and not self._digests:
            raise _refused(403, CLOSED)
        credential = _credential(headers)
        if not credential:
            raise _refused(401, NEEDED)
        if self._settings.auth == "github-oidc":
            await run_in_threadpool(self._check_token, credential)
        elif not self.holder(headers):
            raise _refused(401, "This is no key of this endpoint.", "invalid_token")

    def holder(self, headers: Mapping[str, str]) -> str:
        """An id for the holder of a valid key, which is not the key; empty for everybody else."""
        hashed = digest(_credential(headers))
        matches = [hmac.compare_digest(hashed, known) for known in self._digests]
        return hashed.hex() if any(matches) else ""

    def _check_token(self, token: str) -> None:
        try:
            claims = self._claims(token)
        except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, json.JSONDecodeError) as error:
            raise HTTPException(
                503, "The issuer's keys cannot be read. Ask again later."
            ) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise _refused(401, f"The token is not valid: {error}.", "invalid_token") from None
        for name, allowed in self._allowed.items():
            if claims[name] != allowed:
                sentence = f"The token is of {name} {claims[name]!r}, allowed is {allowed!r}."
                raise _refused(403, sentence, "insufficient_scope")

    def _claims(self, token: str) -> dict[str, Any]:
        """Verified claims; raises an error of PyJWT."""
        return jwt.decode(
            token,
            self._issuer.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=self._settings.oidc_audience,
            issuer=self._settings.oidc_issuer,
            leeway=CLOCK_SKEW_S,
            options={"require": [*CLAIMS, *self._allowed]},
        )


def _allowed(settings: Settings) -> dict[str, str]:
    """The claims that a token must have: the branch, and the repository's name, its id, or both.

    A name can be taken over by another repository, an id cannot. `sub` is not compared: its form
    depends on the environment, and on the day on which the repository was created.
    """
    names = {"repository": settings.oidc_repository, "repository_id": settings.oidc_repository_id}
    return {name: value for name, value in names.items() if value} | {"ref": settings.oidc_ref}


def _digests(settings: Settings) -> list[bytes]:
    """Of API_KEY, and of each line of API_KEY_FILE, so that keys can be replaced one by one."""
    digests = [settings.api_key] if settings.api_key else []
    if settings.api_key_file and settings.auth == "api-key":
        try:
            keys = settings.api_key_file.read_text("utf-8").split()
            digests += map(hashed_key, keys or [""])
        except (OSError, ValueError) as error:
            place = f"API_KEY_FILE={settings.api_key_file} cannot be used"
            raise UsageError(f"{place}: {getattr(error, 'strerror', None) or error}.") from None
    return digests


def _place(settings: Settings) -> Path | None:
    """Where the endpoint makes a key: at OWN_KEY_FILE, else beside a log in a file."""
    if settings.auth != "api-key":
        return None
    log = sqlite_file.path_of(settings.log_url)
    return settings.own_key_file or (log and log.with_name(f"{log.name}-key"))


def _own_key(settings: Settings, place: Path) -> str:
    """The endpoint's own key; empty where it cannot be made beside a log, which then fails too.

    Raises UsageError as `key_file.read`, and where OWN_KEY_FILE cannot be made.
    """
    try:
        return key_file.make(place)
    except OSError as error:
        problem = f"The key file {place} cannot be made: {error.strerror}."
    if settings.own_key_file:
        raise UsageError(f"OWN_KEY_FILE: {problem}")
    logging.getLogger("uvicorn.error").warning("%s Operators' routes are closed.", problem)
    return ""


def _credential(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


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
