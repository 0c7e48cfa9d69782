"""Source `api`: rows of a JSON API, page by page.

One pool of connections to the origin of `source.url`, and none to any other: neither the token nor
a request can go elsewhere. urllib3 repeats what was throttled, failed or cut, bodies shorter than
their Content-Length included.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urljoin

import pandas as pd
import urllib3
from tqdm import tqdm
from urllib3.util import Retry, Timeout, parse_url

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.params import Api
from mlops_loop.text import public_url

RETRIES = Retry(
    total=5,
    backoff_factor=0.5,  # seconds; doubles with each
    retry_after_max=120,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
)
TIMEOUT = Timeout(connect=10, read=60)
NEXT = re.compile(r'<([^<>]*)>[^<]*?;\s*rel="?(?:[^"<]*\s)?next\b', re.IGNORECASE)  # RFC 8288


def read_api(source: Api) -> pd.DataFrame:
    """All rows of all pages; nested objects become columns with dotted names.

    Raises UsageError where address or token are wrong, DataRefused where answers cannot be used.
    """
    rows: list[dict[str, Any]] = []
    headers = {"Accept": "application/json"} | _token(source.token_env)
    try:
        with (
            urllib3.connection_from_url(source.url, headers=headers) as pool,
            tqdm(desc="read", unit=" pages") as bar,
        ):
            for page in _pages(source, pool):
                rows += page
                bar.set_postfix(rows=len(rows), refresh=False)
                bar.update()
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        raise DataRefused(f"{source.name} cannot be read: {reason}") from error
    return pd.json_normalize(rows)


def _token(variable: str | None) -> dict[str, str]:
    if not variable:
        return {}
    token = os.environ.get(variable, "").strip()
    if not token or not (token.isascii() and token.isprintable()):
        raise UsageError(
            f"The environment variable {variable} is not set, or no token. It is named by "
            "source.token_env in params.yaml."
        )
    return {"Authorization": f"Bearer {token}"}


def _pages(source: Api, pool: urllib3.HTTPConnectionPool) -> Iterator[list[dict[str, Any]]]:
    seen: set[str | int] = set()
    url = first = source.url
    while url:
        if source.page_param:
            count = urlencode({source.page_param: len(seen) + 1})
            url = f"{first}{'&' if '?' in first else '?'}{count}"
        data, link = _get(pool, url)
        rows = _at(data, source.rows)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            found = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise DataRefused(
                f"source.rows = {source.rows!r} is no list of objects in {public_url(url)}, which has: "
                f"{found}."
            )
        mark = hash(json.dumps(rows)) if source.page_param else url
        if mark in seen:
            raise DataRefused(
                f"{public_url(url)} gives a page again that was read: an endless loop."
            )
        seen.add(mark)
        yield rows
        if not source.page_param:
            url = _following(_at(data, source.next) if source.next else link, url, pool)
        elif not rows:
            return


def _get(pool: urllib3.HTTPConnectionPool, url: str) -> tuple[Any, str]:
    """The JSON that is answered, and the next page by the header Link."""
    path = parse_url(url).request_uri
    answer = pool.request("GET", path, retries=RETRIES, timeout=TIMEOUT, redirect=False)
    told = f"{public_url(url)} answers {answer.status} {answer.reason}"
    if location := answer.get_redirect_location():
        raise UsageError(
            f"{told}, to {public_url(urljoin(url, location))}, which is not followed. Where you trust "
            "that address, write it as source.url."
        )
    if 400 <= answer.status < 500 and answer.status != 429:
        raise UsageError(f"{told}. See source.url and source.token_env in params.yaml.")
    if answer.status != 200:
        raise DataRefused(f"{told}. Tried {RETRIES.total} times more. Next: try again later")
    try:
        return json.loads(answer.data), "".join(NEXT.findall(answer.headers.get("Link", ""))[:1])
    except ValueError as error:
        raise DataRefused(f"{public_url(url)} answers no JSON: {error}") from error


def _at(data: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _following(found: Any, url: str, pool: urllib3.HTTPConnectionPool) -> str:
    if not found:
        return ""
    absolute = urljoin(url, str(found))
    if not isinstance(found, str) or not pool.is_same_host(absolute):
        raise DataRefused(
            f"{public_url(url)} names as next page {public_url(absolute)}: no URL of the same origin, and "
            "nothing is sent to another one. Page by source.page_param where the API can."
        )
    return absolute
