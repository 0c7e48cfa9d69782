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

from ..errors import DataRefused, UsageError
from ..params import Api, public

RETRIES = Retry(
    total=5,
    backoff_factor=0.5,  # seconds; doubles with each
    retry_after_max=120,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
)
TIMEOUT = Timeout(connect=10, read=60)
NEXT = re.compile(r'<([^<>]*)>[^<]*?;\s*rel="?(?:[^"<]*\s)?next\b', re.IGNORECASE)


def read_api(source: Api) -> pd.DataFrame:
    """All rows of all pages; nested objects become columns with dotted names.

    Raises UsageError where the address or the token is wrong, DataRefused where the answers cannot
    be used.
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
            f"The environment variable {variable} is not set, or no token: source.token_env in "
            "params.yaml says that it holds the token of the API."
        )
    return {"Authorization": f"Bearer {token}"}


def _pages(source: Api, pool: urllib3.HTTPConnectionPool) -> Iterator[list[dict[str, Any]]]:
    seen: set[str | int] = set()
    url = _numbered(source, 1) if source.page_param else source.url
    while url:
        answer = _get(pool, url)
        try:
            data = json.loads(answer.data)
        except ValueError as error:
            raise DataRefused(f"{public(url)} answers no JSON: {error}") from error
        rows = _rows(source, data, url)
        mark = hash(json.dumps(rows)) if source.page_param else url
        if mark in seen:
            raise DataRefused(f"{public(url)} gives a page again that was read: an endless loop.")
        seen.add(mark)
        yield rows
        if not source.page_param:
            url = _next(source, data, answer.headers.get("Link", ""), url, pool)
        else:
            url = _numbered(source, len(seen) + 1) if rows else ""


def _numbered(source: Api, number: int) -> str:
    mark = "&" if "?" in source.url else "?"
    return f"{source.url}{mark}{urlencode({source.page_param: number})}"


def _get(pool: urllib3.HTTPConnectionPool, url: str) -> urllib3.BaseHTTPResponse:
    path = parse_url(url).request_uri
    answer = pool.request("GET", path, retries=RETRIES, timeout=TIMEOUT, redirect=False)
    told = f"{public(url)} answers {answer.status} {answer.reason}"
    if location := answer.get_redirect_location():
        raise UsageError(
            f"{told}, to {public(urljoin(url, location))}. Redirects are not followed: where you "
            "trust that address, write it as source.url."
        )
    if 400 <= answer.status < 500 and answer.status != 429:
        raise UsageError(f"{told}. See source.url and source.token_env in params.yaml.")
    if answer.status != 200:
        raise DataRefused(f"{told}. Tried {RETRIES.total} times more. Next: try again later")
    return answer


def _at(data: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _rows(source: Api, data: Any, url: str) -> list[dict[str, Any]]:
    rows = _at(data, source.rows)
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    found = sorted(data) if isinstance(data, dict) else type(data).__name__
    raise DataRefused(
        f"{public(url)}: source.rows = {source.rows!r} is no list of objects; there is: {found}."
    )


def _next(source: Api, data: Any, link: str, url: str, pool: urllib3.HTTPConnectionPool) -> str:
    found = _at(data, source.next) if source.next else "".join(NEXT.findall(link)[:1])
    if not found:
        return ""
    if not isinstance(found, str):
        raise DataRefused(f"{public(url)}: source.next = {source.next!r} is no URL: {found!r:.80}.")
    found = urljoin(url, found)
    if not pool.is_same_host(found):
        raise DataRefused(
            f"{public(url)} names {public(found)} as next page, at another origin than source.url, "
            "to which nothing is sent. Page by source.page_param where the API can."
        )
    return found
