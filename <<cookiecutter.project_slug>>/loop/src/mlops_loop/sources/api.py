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
from mlops_loop.source_params import Api
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

    Raises UsageError for a wrong address or token, DataRefused for responses that cannot be used.
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
    return pd.DataFrame(map(_flat, rows), dtype=object)  # integers beside null stay exact


def _flat(row: dict[str, Any], name: str = "") -> dict[str, Any]:
    """One level: `{"a": {"b": 1}}` is `{"a.b": 1}`; an empty object is a missing value."""
    whole: dict[str, Any] = {}
    for key, value in row.items():
        inner = _flat(value, f"{name}{key}.") if isinstance(value, dict) else {name + key: value}
        if repeated := sorted(whole.keys() & inner):
            name = repeated[0]
            raise DataRefused(f"A row has {name!r} twice: as a key, and as a key in an object.")
        whole |= inner
    return whole


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
    url = source.url
    while url:
        if source.page_param:
            url = _with_page(source, len(seen) + 1)
        data, link = _get(pool, url)
        rows = _rows(data, source, url)
        page = hash(json.dumps(rows)) if source.page_param else url
        if page in seen:
            raise DataRefused(f"{public_url(url)} returns a page a second time: an endless loop.")
        seen.add(page)
        yield rows
        if not source.page_param:
            url = _following(_at(data, source.next) if source.next else link, url, pool)
        elif not rows:
            return


def _with_page(source: Api, page: int) -> str:
    mark = "&" if "?" in source.url else "?"
    return f"{source.url}{mark}{urlencode({source.page_param: page})}"


def _rows(data: Any, source: Api, url: str) -> list[dict[str, Any]]:
    rows = _at(data, source.rows)
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    content = sorted(data) if isinstance(data, dict) else type(data).__name__
    raise DataRefused(
        f"source.rows = {source.rows!r} is no list of objects in {public_url(url)}, which has: "
        f"{content}."
    )


def _get(pool: urllib3.HTTPConnectionPool, url: str) -> tuple[Any, str]:
    """The JSON of the response, and the next page by the header Link; empty without one."""
    path = parse_url(url).request_uri
    response = pool.request("GET", path, retries=RETRIES, timeout=TIMEOUT, redirect=False)
    _check(response, url)
    try:
        data = json.loads(response.data)
    except ValueError as error:
        raise DataRefused(f"{public_url(url)} answers no JSON: {error}") from error
    return data, "".join(NEXT.findall(response.headers.get("Link", ""))[:1])


def _check(response: urllib3.BaseHTTPResponse, url: str) -> None:
    answer = f"{public_url(url)} answers {response.status} {response.reason}"
    if location := response.get_redirect_location():
        raise UsageError(
            f"{answer}, to {public_url(urljoin(url, location))}, which is not followed. Where you "
            "trust that address, write it as source.url."
        )
    if 400 <= response.status < 500 and response.status != 429:
        raise UsageError(f"{answer}. See source.url and source.token_env in params.yaml.")
    if response.status != 200:
        raise DataRefused(f"{answer}. Tried {RETRIES.total} times more. Next: try again later")


def _at(data: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _following(link: Any, url: str, pool: urllib3.HTTPConnectionPool) -> str:
    if not link:
        return ""
    absolute = urljoin(url, str(link))
    if not isinstance(link, str) or not pool.is_same_host(absolute):
        raise DataRefused(
            f"{public_url(url)} names as next page {public_url(absolute)}: no URL of the same "
            "origin, and no request goes to another. Use source.page_param where the API can."
        )
    return absolute
