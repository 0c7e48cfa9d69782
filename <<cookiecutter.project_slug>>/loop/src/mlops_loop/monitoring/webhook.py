"""Tell a chat, or a service of one's own, what the monitor found: one POST for each notice.

    slack   {"text": ...} for incoming webhooks of Slack, Mattermost and others that take the same
    json    the notice as it is, with an `id` by which a repeated one is known

A webhook's address is a secret: whoever knows it can write. No message and no log holds more of it
than the host. A notice holds numbers and names, and no cell of any row.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from numbers import Real
from typing import Any, Literal, get_args

import urllib3
from urllib3.exceptions import HTTPError, SSLError, TimeoutError
from urllib3.util import Retry, Timeout, Url, parse_url

from mlops_loop.errors import UsageError, WebhookRefused
from mlops_loop.github.markdown import LIVE
from mlops_loop.text import number

log = logging.getLogger(__name__)

Kind = Literal["slack", "json"]
VARIABLE = "MONITOR_WEBHOOK_URL"
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
BUSY = {408, 425, 429, 500, 502, 503, 504}
TRIES, FIRST_WAIT_S = 5, 1.0  # of one notice; each wait is twice the one before
PATIENCE_S = 60.0  # for all notices together
WAIT = Timeout(connect=5, read=10)
MOST_FACTS, MOST_CHARACTERS = 20, 300  # of a message in a chat; of a name in it
WORD = re.compile(rb"\s*([a-z][a-z_]{0,39})\s*")  # how Slack gives a reason


@dataclass(frozen=True)
class Notice:
    """One finding of the monitor.

    cause: what it is about, the same text every day. facts: by name of a check, its numbers by
    name. url: where a person reads on. next_command: what to type.

    Raises TypeError where a fact is not a number: texts may be values of a row.
    """

    cause: str
    verdict: str
    title: str
    facts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    url: str = ""
    next_command: str = ""

    def __post_init__(self) -> None:
        for check, numbers in self.facts.items():
            values: Mapping[str, object] = numbers
            for name, value in values.items():
                if isinstance(value, bool) or not isinstance(value, Real):
                    raise TypeError(f"{check}: {name} is {type(value).__name__}, not a number")


@dataclass(frozen=True)
class Delivery:
    """How many notices were sent, and to which host."""

    host: str
    sent: int


def send(url: str, kind: Kind, notices: Sequence[Notice]) -> Delivery:
    """Send each notice; a busy or silent webhook is asked again, for PATIENCE_S in all.

    Raises UsageError for an address or a kind that is not allowed, before anything is sent, and
    WebhookRefused where the webhook refuses or does not answer.
    """
    where = _address(url)
    if kind not in get_args(Kind):
        allowed = " or ".join(get_args(Kind))
        raise UsageError(f"The kind of webhook {kind!r} is not known: it is {allowed}.")
    poster = _Poster(url, where)
    write = _slack if kind == "slack" else _plain_json
    for notice in notices:
        poster.post(json.dumps(write(notice), allow_nan=False).encode())
    return Delivery(where.netloc or "", poster.sent)


def _address(url: str) -> Url:
    """The parts of the webhook's address; no message repeats what is wrong with it."""
    rule = f"{VARIABLE} is not an address of the form https://HOST/PATH"
    after = f"Next: gh secret set {VARIABLE}"
    try:
        where = parse_url(url)
    except HTTPError:
        raise UsageError(f"{rule}. {after}") from None
    if not where.host or where.auth or not url.isascii() or re.search(r"\s", url):
        raise UsageError(f"{rule}, without user, password and blanks. {after}")
    if where.scheme != "https" and not (where.scheme == "http" and where.host in LOOPBACK):
        scheme = f"{where.scheme}://{where.netloc}/..."
        raise UsageError(
            f"{VARIABLE} is {scheme}: only this machine may be told without https. {after}"
        )
    return where


class _Poster:
    """Posts to one webhook until the patience for all of it is used up."""

    def __init__(self, url: str, where: Url) -> None:
        self.sent = 0
        self._url, self._name = url, f"The webhook at {where.netloc}"
        self._http = urllib3.PoolManager(retries=False)  # its own retries log the address
        self._deadline = time.monotonic() + PATIENCE_S

    def post(self, body: bytes) -> None:
        """Send one notice; raises WebhookRefused."""
        wait_s = FIRST_WAIT_S
        for attempt in range(1, TRIES + 1):
            reason, asked_s = self._try(body)
            if not reason:
                self.sent += 1
                return
            wait_s = max(wait_s, asked_s)
            if attempt == TRIES or time.monotonic() + wait_s > self._deadline:
                raise self._refused(f"{reason}, after {attempt} tries", "loop monitor act, later")
            log.warning("%s: %s. Trying again in %.0f s.", self._name, reason, wait_s)
            time.sleep(wait_s)
            wait_s *= 2

    def _try(self, body: bytes) -> tuple[str, float]:
        """Why the notice may be sent again, and after how many seconds; "" where it was taken."""
        headers = {"Content-Type": "application/json", "User-Agent": "mlops-loop"}
        try:
            answer = self._http.request(
                "POST", self._url, body=body, headers=headers, timeout=WAIT, redirect=False,
                preload_content=False,
            )  # fmt: skip
            with answer:
                said = WORD.fullmatch(answer.read1(200))
        except HTTPError as error:
            return self._broken(error), 0.0
        if answer.status in range(200, 300):
            return "", 0.0
        word = f" ({said[1].decode()})" if said else ""
        reason = f"{answer.status} {answer.reason}{word}"
        if answer.status not in BUSY:
            raise self._refused(self._final(answer, reason), f"gh secret set {VARIABLE}")
        return reason, _asked_s(answer)

    def _broken(self, error: HTTPError) -> str:
        """What broke the connection, without urllib3's own words; a certificate is not retried."""
        if isinstance(error, SSLError):
            raise self._refused("it has no valid certificate", f"gh secret set {VARIABLE}")
        return "it does not answer" if isinstance(error, TimeoutError) else "the connection failed"

    def _final(self, answer: Any, reason: str) -> str:
        """A refusal that stays, in words."""
        if answer.status not in range(300, 400):
            return f"it refuses the notice: {reason}"
        return (
            f"it redirects ({answer.status}), and no redirect is followed: give the final address"
        )

    def _refused(self, what: str, after: str) -> WebhookRefused:
        return WebhookRefused(f"{self._name}: {what}. Sent before: {self.sent}. Next: {after}")


def _asked_s(answer: Any) -> float:
    """Seconds that the webhook asks to wait; 0 where it names none."""
    try:
        return max(Retry().get_retry_after(answer) or 0.0, 0.0)
    except (HTTPError, ValueError, OverflowError):
        return 0.0


def _plain_json(notice: Notice) -> dict[str, Any]:
    """The notice with an id: equal content has an equal id. What is not finite is null."""
    content = asdict(notice)
    content["facts"] = {
        check: {name: float(n) if isfinite(n) else None for name, n in numbers.items()}
        for check, numbers in notice.facts.items()
    }
    identity = json.dumps(content, sort_keys=True).encode()
    return {"id": hashlib.sha256(identity).hexdigest()[:32], **content}


def _slack(notice: Notice) -> dict[str, Any]:
    """A message in Slack's mrkdwn, in which nothing that comes from data is more than text."""
    lines = [f"*{_text(notice.verdict).upper()}: {_text(notice.title)}*"]
    for check, numbers in list(notice.facts.items())[:MOST_FACTS]:
        shown = ", ".join(f"{_text(name)} {number(float(n))}" for name, n in numbers.items())
        lines.append(f"• {_text(f'{check}:')} {shown}")
    if (more := len(notice.facts) - MOST_FACTS) > 0:
        lines.append(f"• and {more} more")
    if notice.url:
        lines.append(f"<{_escaped(notice.url)}>" if _is_link(notice.url) else _text(notice.url))
    if notice.next_command:
        lines.append(f"Next: `{_escaped(_line(notice.next_command))}`")
    return {"text": "\n".join(lines), "unfurl_links": False, "link_names": False}


def _line(value: object) -> str:
    """One line of at most MOST_CHARACTERS, without control and bidi characters and backticks."""
    plain = str(value).replace("`", "'")
    text = " ".join("".join(c if c.isprintable() else " " for c in plain).split())
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def _escaped(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text: three characters, as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(value: object) -> str:
    """Text that stays text: no mention, link, emoji or style, in Slack and in what is like it."""
    parted = LIVE.sub("\\g<0>\u200b", _line(value))
    return re.sub(r"[*~]|(?<![^\W_])_|_(?![^\W_])", "\u200b\\g<0>\u200b", _escaped(parted))


def _is_link(url: str) -> bool:
    """Whether nothing in an address would end the link, or show it as another text."""
    return re.fullmatch(r"https?://[\w.:/#?&=%~+-]+", url, re.ASCII) is not None
