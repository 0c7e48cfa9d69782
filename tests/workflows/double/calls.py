"""What is asked and answered: requests, answers, refusals, faults, and the record of a call."""

import json
import re
import time
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

API, UPLOADS = "/api/v3", "/api/uploads"


@dataclass(frozen=True)
class Request:
    """A request as it came, the body whole; the names of headers in lower case."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def query(self) -> dict[str, str]:
        """The query, the last value of each name."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object, empty where there is none."""
        return json.loads(self.body) if self.body else {}


@dataclass
class Answer:
    """What goes back; `cut` closes the connection instead."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False

    @property
    def data(self) -> bytes:
        """The body in bytes: text and bytes as they are, all else as JSON."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


class Refused(Exception):
    """GitHub's way to say no: a status and a message."""

    def __init__(self, status: int, message: str, **headers: str):
        """Keep what the answer will be."""
        super().__init__(message)
        docs = "https://docs.github.com/rest"
        body = {"message": message, "documentation_url": docs, "status": str(status)}
        self.answer = Answer(status, body, headers)


@dataclass
class Call:
    """One request in the record: who asked for what, and what became of it."""

    method: str
    path: str
    job: str
    user_agent: str
    status: int = 0
    operation: str = ""
    grants: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> dict[str, Any]:
        """What was sent."""
        return json.loads(self.body) if self.body else {}


# https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
FAULTS: dict[str, Answer] = {
    "rate limit": Answer(
        403,
        {"message": "API rate limit exceeded for installation ID 1."},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "in a second"},
    ),
    "secondary limit": Answer(
        403,
        {"message": "You have exceeded a secondary rate limit. Please wait a few minutes."},
        {"retry-after": "1"},
    ),
    "too many": Answer(429, {"message": "Too many requests"}, {"retry-after": "1"}),
    "cut": Answer(0, cut=True),
    "late": Answer(0),
    # The work was done, but the answer did not arrive.
    "lost": Answer(0, cut=True),
}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests of a kind, `seconds` late."""

    method: str
    path: re.Pattern
    status: int | str
    times: int
    seconds: float

    def meets(self, request: Request) -> bool:
        """Say whether this request is one of them, and count it."""
        if self.times < 1 or self.method not in (request.method, "*"):
            return False
        found = self.path.fullmatch(request.path.removeprefix(API))
        self.times -= bool(found)
        return bool(found)

    def answer(self) -> Answer:
        """Return what the client gets instead of what it asked for."""
        if isinstance(self.status, str):
            found = FAULTS[self.status]
            reset = {"x-ratelimit-reset": str(int(time.time()) + 1)}
            return replace(found, headers={k: reset.get(k, v) for k, v in found.headers.items()})
        return Answer(self.status, {"message": f"{self.status}, as the scenario wants"})
