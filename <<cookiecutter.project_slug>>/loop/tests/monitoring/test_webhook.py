"""A real server on loopback is told: again where that helps, and never more than numbers."""

import http.server
import json
import logging
import math
import re
import socket
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_loop.errors import UsageError, WebhookRefused
from mlops_loop.monitoring import webhook
from mlops_loop.monitoring.webhook import Notice

SECRET = "/services/T0/B0/a-secret-of-the-webhook"
FACTS = {"missing: humid": {"share": 0.31, "in training": 0.01, "rows": 12345}}
NOTICE = Notice(
    "missing: humid", "alarm", "humid is missing in 31 % of the rows", FACTS,
    "https://github.com/o/r/issues/7", "uv run loop monitor evaluate",
)  # fmt: skip


class Hook:
    """Answers POSTs as `plan` says, the last answer again and again; `got` are path and JSON."""

    def __init__(self):
        self.plan, self.got, self.headers = [(200, {}, b"ok")], [], []

    @property
    def texts(self):
        return [body["text"] for _, body in self.got]


@pytest.fixture
def hook(listening, monkeypatch):
    """A webhook on loopback, at `hook.url`; waits are short."""
    made = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((self.path, json.loads(body)))
            made.headers.append(dict(self.headers))
            status, headers, text = made.plan.pop(0) if len(made.plan) > 1 else made.plan[0]
            if status:
                self.send_response(status)
                for name, value in ({"Content-Length": len(text)} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
            self.close_connection = True

        def log_message(self, *_):
            pass

    monkeypatch.setattr(webhook, "FIRST_WAIT_S", 0.01)
    with listening(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        made.url = f"http://127.0.0.1:{server.server_port}{SECRET}"
        yield made


@pytest.fixture(autouse=True)
def _no_secret(caplog, capsys):
    """Nothing that is logged or printed holds the webhook's path."""
    with caplog.at_level(logging.INFO):
        yield
    printed = capsys.readouterr()
    assert "a-secret" not in caplog.text + printed.out + printed.err


def busy(status, **headers):
    return (status, headers, b"later")


def test_a_message_for_a_chat(hook):
    """Verdict, title, one line of numbers for each check, where to read on and what to type."""
    done = webhook.send(hook.url, "slack", [NOTICE])
    assert (done.sent, done.host) == (1, hook.url.split("/")[2])
    ((path, body),) = hook.got
    assert path == SECRET
    assert body["link_names"] is False
    assert body["text"].splitlines() == [
        "*ALARM: humid is missing in 31 % of the rows*",
        "• missing: humid: share 0.31, in training 0.01, rows 12,345",
        "<https://github.com/o/r/issues/7>",
        "Next: `uv run loop monitor evaluate`",
    ]


def test_the_notice_as_json(hook):
    """All of it, with an id that only equal content has; what is not finite is null."""
    odd = Notice("level: temp", "unknown", "t", {"temp": {"p": math.nan, "n": np.int64(3)}})
    webhook.send(hook.url, "json", [NOTICE, odd, NOTICE])
    first, second, again = (body for _, body in hook.got)
    assert first == again
    assert first["id"] != second["id"]
    assert {k: first[k] for k in ("cause", "verdict", "facts")} == {
        "cause": "missing: humid", "verdict": "alarm", "facts": FACTS,
    }  # fmt: skip
    assert second["facts"] == {"temp": {"p": None, "n": 3.0}}
    assert {h["Content-Type"] for h in hook.headers} == {"application/json"}


def test_nothing_to_tell(hook):
    assert webhook.send(hook.url, "slack", []).sent == 0
    assert hook.got == []


@pytest.mark.parametrize("status", sorted(webhook.BUSY))
def test_a_busy_webhook_is_asked_again(hook, status):
    hook.plan = [busy(status), busy(status), (200, {}, b"ok")]
    assert webhook.send(hook.url, "slack", [NOTICE, NOTICE]).sent == 2
    assert len(hook.got) == 4


def test_a_cut_connection_is_tried_again(hook, caplog):
    """The webhook dies in the middle: the reason and the wait are logged, without the address."""
    hook.plan = [(0, {}, b""), (200, {}, b"ok")]
    assert webhook.send(hook.url, "json", [NOTICE]).sent == 1
    assert "the connection failed. Trying again in 0 s." in caplog.text


def test_a_silent_webhook(monkeypatch):
    """It is given up after the tries, each with its own timeout."""
    monkeypatch.setattr(webhook, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(webhook, "WAIT", webhook.Timeout(connect=0.2, read=0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}{SECRET}"
        with pytest.raises(WebhookRefused, match="it does not answer, after 5 tries") as error:
            webhook.send(url, "slack", [NOTICE])
    assert "a-secret" not in str(error.value)


def test_the_wait_that_the_webhook_asks_for(hook):
    hook.plan = [busy(429, **{"Retry-After": "1"}), (200, {}, b"ok")]
    start = time.monotonic()
    webhook.send(hook.url, "slack", [NOTICE])
    assert 1 <= time.monotonic() - start < 5


@pytest.mark.parametrize("asked", ["3600", "9" * 400, "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_wait_beyond_the_patience(hook, asked):
    """Is not begun."""
    hook.plan = [busy(429, **{"Retry-After": asked})]
    with pytest.raises(WebhookRefused, match=r"429 .*\(later\), after 1 tries"):
        webhook.send(hook.url, "slack", [NOTICE])
    assert len(hook.got) == 1


@pytest.mark.parametrize("asked", ["soon", "-5", "nan", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_wait_that_is_none(hook, asked):
    """The next try comes after the usual wait."""
    hook.plan = [busy(503, **{"Retry-After": asked}), (200, {}, b"ok")]
    assert webhook.send(hook.url, "slack", [NOTICE]).sent == 1


def test_it_ends(hook):
    """After five tries, with how many notices were sent before."""
    hook.plan = [(200, {}, b"ok"), busy(503)]
    with pytest.raises(WebhookRefused, match=r"503 .*, after 5 tries\. Sent before: 1\.") as error:
        webhook.send(hook.url, "slack", [NOTICE] * 3)
    assert len(hook.got) == 6
    assert error.value.exit_code == 13


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 501])
def test_a_refusal_is_not_repeated(hook, status):
    """With the reason that Slack gives, and the next command."""
    hook.plan = [(status, {}, b"no_service")]
    with pytest.raises(WebhookRefused) as error:
        webhook.send(hook.url, "slack", [NOTICE])
    assert len(hook.got) == 1
    host = hook.url.split("/")[2]
    assert re.fullmatch(
        rf"The webhook at {host}: it refuses the notice: {status} [\w ]+ \(no_service\)\. "
        r"Sent before: 0\. Next: gh secret set MONITOR_WEBHOOK_URL",
        str(error.value),
    )


@pytest.mark.parametrize(
    "text", [SECRET.encode(), b"<html>no</html>", b"\x1b[31m", b"x" * 10_000_000]
)
def test_an_answer_is_not_repeated_in_a_message(hook, text):
    """It may hold the secret, or anything."""
    hook.plan = [(403, {}, text)]
    with pytest.raises(WebhookRefused, match=r"notice: 403 Forbidden\. Sent") as error:
        webhook.send(hook.url, "slack", [NOTICE])
    assert "secret-of" not in str(error.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(hook, listening, status):
    """The notice and the way to it stay with the host that was named."""
    other = Hook()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            other.got.append(self.path)

        do_GET = do_POST

    with listening(http.server.HTTPServer(("127.0.0.1", 0), Handler)) as server:
        target = f"http://127.0.0.1:{server.server_port}/a-secret-of-the-other"
        hook.plan = [(status, {"Location": target}, b"")]
        with pytest.raises(WebhookRefused, match=f"it redirects \\({status}\\)") as error:
            webhook.send(hook.url, "slack", [NOTICE])
    assert other.got == []
    assert "a-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "not an address"),
        ("hooks.example.org/a-secret", "is None://hooks.example.org/...: only this machine"),
        ("https:///a-secret", "not an address"),
        ("https://me:a-secret@hooks.example.org/x", "without user, password"),
        ("https://hooks.example.org/a-secret x", "without user, password and blanks"),
        ("https://hooks.example.org/a-secret\r\nX: y", "without user, password and blanks"),
        ("http://hooks.example.org/a-secret", "http://hooks.example.org/...: only this machine"),
        ("http://127.0.0.1.example.org/a-secret", "only this machine"),
        ("http://localhost@example.org/a-secret", "without user"),
        ("ftp://127.0.0.1/a-secret", "only this machine"),
        ("https://[::1/a-secret", "not an address"),
        ("https://example.org:99999/a-secret", "not an address"),
    ],
)
def test_an_address_that_is_not_allowed(url, says):
    """Before anything is sent, and without repeating it."""
    with pytest.raises(UsageError, match=re.escape(says)) as error:
        webhook.send(url, "slack", [NOTICE])
    assert "a-secret" not in str(error.value)
    assert "MONITOR_WEBHOOK_URL" in str(error.value)


def test_a_kind_that_is_not_known(hook):
    with pytest.raises(UsageError, match="webhook 'teams' is not known: it is slack or json"):
        webhook.send(hook.url, "teams", [NOTICE])
    assert hook.got == []


def test_no_certificate(hook):
    """Is no reason to try again."""
    with pytest.raises(WebhookRefused, match="it has no valid certificate") as error:
        webhook.send(hook.url.replace("http:", "https:"), "slack", [NOTICE])
    assert "tries" not in str(error.value)
    assert hook.got == []


@pytest.mark.parametrize("value", ["EWR", None, True, [1.0], {"a": 1}])
def test_a_fact_is_a_number(value):
    """A text may be a cell of a row."""
    with pytest.raises(TypeError, match=r"mix: origin: share is .*, not a number"):
        Notice("c", "alarm", "t", {"mix: origin": {"share": value}})


HOSTILE = [
    "<!channel>", "<!everyone>", "<@U012AB3CD>", "<#C012>", "<!subteam^S1>", "<!date^1^{date}|x>",
    "<https://evil.example|click>", "https://evil.example", "www.evil.example", "@here", "@channel",
    "a&lt;!channel&gt;", "*bold*", "_it_", "~no~", "`code`", "```", ":rotating_light:", "a\nb",
    "\u202ex", "\x1b[31m", "x" * 5000, "&amp;", "> quote",
]  # fmt: skip


def live(text):
    """What Slack or Mattermost would make more than text of, outside of our own lines' marks."""
    return re.findall(
        r"<[^>]*>|@\w|\w+://|www\.|:[\w+-]+:|`|(?<!\w)[*_~]\w[^\n]*\w[*_~](?!\w)", text
    )


@given(st.lists(st.sampled_from(HOSTILE) | st.text(), min_size=1, max_size=3).map(" ".join))
def test_names_from_data_stay_text(name):
    """In every place of a message, on the one line that is theirs."""
    notice = Notice(name, "alarm", name, {name: {name: 1.0}}, next_command=f"loop {name}")
    text = webhook._slack(notice)["text"]
    title, fact, command = text.split("\n")
    assert title.startswith("*ALARM: ")
    assert title.endswith("*")
    assert live(title.strip("*")) == live(fact) == []
    assert re.fullmatch(r"Next: `[^`<>]*`", command)
    assert "&" not in re.sub(r"&(amp|lt|gt);", "", text)
    assert len(text) < 15_000
    assert all(c.isprintable() or c in "\n\u200b" for c in text)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a|b", "https://a><!channel>", "x"])
def test_an_address_to_read_on_is_a_link_or_text(url):
    text = webhook._slack(Notice("c", "alarm", "t", url=url))["text"]
    assert live(text.splitlines()[-1]) == []


def test_many_facts(hook):
    """A message stays short, and says that there is more."""
    facts = {f"check {n}": {"share": n} for n in range(50)}
    webhook.send(hook.url, "slack", [Notice("c", "alarm", "t", facts)])
    assert hook.texts[0].splitlines()[-1] == "• and 30 more"
    assert len(hook.texts[0].splitlines()) == 22
