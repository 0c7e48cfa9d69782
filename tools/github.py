"""GitHub's API for the tools of this folder, with nothing but Python: `ask("GET", "/repos/...")`.

GITHUB_API_URL and GITHUB_TOKEN say where and as whom, as a workflow's step gives them.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

TRIES, TIMEOUT_S, LONGEST_WAIT_S = 4, 30, 60
PASSING = {429, 500, 502, 503, 504}


def ask(method, path, body=None):
    """Return the JSON of an answer, None for a 404.

    What only reads is tried again when GitHub is in trouble. Exits with one sentence otherwise.
    """
    url = os.environ.get("GITHUB_API_URL", "https://api.github.com") + path
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "cookiecutter-mlops-actions"}
    headers["Content-Type"] = "application/json"
    if token := os.environ.get("GITHUB_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    for left in reversed(range(TRIES if method == "GET" else 1)):
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # https
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404 and method == "GET":
                return None
            reason, wait = said(error), float(error.headers.get("Retry-After") or TRIES - left)
            limited = error.code == 403 and "rate limit" in reason
            if not left or wait > LONGEST_WAIT_S or not (limited or error.code in PASSING):
                sys.exit(f"{method} {url} was answered {error.code}: {reason}")
        except OSError as error:
            wait = TRIES - left
            if not left:
                sys.exit(f"{method} {url} was not answered: {error}")
        time.sleep(wait)


def said(error):
    """Return GitHub's own message with its details, on one line."""
    try:
        found = json.load(error)
        details = json.dumps(found["errors"]) if found.get("errors") else ""
        return f"{found['message']} {details}".strip()
    except (ValueError, LookupError, TypeError):
        return error.reason
