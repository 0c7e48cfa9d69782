"""A small client of any container registry: blobs by digest, manifests by tag.

The API is that of https://github.com/opencontainers/distribution-spec (1.1), with the token login of
https://distribution.github.io/distribution/spec/auth/token. What was throttled, failed or cut is
tried again with back-off; a download goes on where it was cut, also in the next run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlencode, urljoin

import urllib3
from tqdm.utils import CallbackIOWrapper
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry, Timeout, parse_url

from ..errors import StoreUnreachable, UsageError
from ..params import public

RETRIES = Retry(total=5, backoff_factor=0.5, retry_after_max=120, allowed_methods=None)
# Redirects are urllib3's, without the token where they lead elsewhere; all else is ours to repeat,
# because an upload starts anew and a download goes on.
ONCE = Retry(5, 0, 0, 5, 0, 0, respect_retry_after_header=False, raise_on_status=False)
TIMEOUT = Timeout(connect=10, read=60)
BUSY = {408, 429, 500, 502, 503, 504}
CHUNK = 1 << 20  # bytes
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Done = TypeVar("Done")


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def credentials(host: str, env: Mapping[str, str] = os.environ) -> tuple[str, str] | None:
    """User and password: STORE_*, in a workflow GITHUB_*, else the person's own Docker login."""
    if env.get("STORE_PASSWORD"):
        return env.get("STORE_USERNAME", ""), env["STORE_PASSWORD"]
    if host == "ghcr.io" and env.get("GITHUB_ACTOR") and env.get("GITHUB_TOKEN"):
        return env["GITHUB_ACTOR"], env["GITHUB_TOKEN"]
    folder = Path(env.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        helper = config.get("credHelpers", {}).get(host) or config.get("credsStore")
        if helper:
            call = [f"docker-credential-{helper}", "get"]
            done = subprocess.run(call, input=host, capture_output=True, text=True, timeout=30)
            found = json.loads(done.stdout) if done.returncode == 0 else {}
            return (found["Username"], found["Secret"]) if found else None
        login = config.get("auths", {}).get(host, {}).get("auth", "")
        user, _, password = base64.b64decode(login).decode().partition(":")
    except (OSError, ValueError, KeyError, AttributeError, subprocess.TimeoutExpired):
        return None  # as without a login: the registry says whether one is needed
    return (user, password) if password else None


class _Busy(HTTPError):
    """An answer that may be another one later."""

    def __init__(self, answer: urllib3.BaseHTTPResponse):
        super().__init__(f"{answer.status} {answer.reason}")
        self.answer = answer


class Registry:
    """One repository of a registry, as `https://ghcr.io/owner/name`.

    All methods raise StoreUnreachable where the registry is down, refuses, or sends other content
    than a digest says; the constructor raises UsageError for an address that cannot be one.
    """

    def __init__(self, url: str):
        self.url = public(url if "://" in url else f"https://{url}").rstrip("/")
        where = parse_url(self.url)
        self._name = (where.path or "").strip("/")
        safe = where.scheme == "https" or (where.scheme == "http" and where.host in LOOPBACK)
        if not safe or not where.host or not re.fullmatch(r"[a-z0-9._/-]+", self._name):
            raise UsageError(
                f"{self.url} is no address of a store. Allowed: https://HOST/OWNER/NAME in lower "
                "case; http:// on this machine only. Next: see STORE_URL"
            )
        self._host = where.netloc
        self._origin = f"{where.scheme}://{where.netloc}"
        self._root = f"{self._origin}/v2/{self._name}/"
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=ONCE)
        self._token: dict[str, str] = {}

    def tags(self) -> list[str]:
        """All tags; none where the repository does not exist."""
        found, url = [], "tags/list?n=1000"
        while url:
            answer = self._ask("GET", url, ok=(200, 404))
            found += (json.loads(answer.data).get("tags") or []) if answer.status == 200 else []
            link = re.match(r"<([^>]+)>", answer.headers.get("Link", ""))
            url = urljoin(answer.url or self._root, link[1]) if link else ""
        return found

    def manifest(self, tag: str) -> dict[str, Any] | None:
        """What a tag names, None where there is no such tag."""
        answer = self._ask("GET", f"manifests/{tag}", ok=(200, 404), headers={"Accept": MANIFEST})
        return json.loads(answer.data) if answer.status == 200 else None

    def put_manifest(self, tag: str, manifest: dict[str, Any]) -> None:
        self._ask(
            "PUT",
            f"manifests/{tag}",
            ok=(201,),
            headers={"Content-Type": MANIFEST},
            body=json.dumps(manifest, sort_keys=True).encode(),
        )

    def blob(self, digest: str) -> bytes:
        """A small blob, its content verified."""
        data = self._ask("GET", f"blobs/{digest}").data
        if sha256(data) != digest:
            raise StoreUnreachable(self._told(f"{digest} has other content than its name says"))
        return data

    def upload(self, file: BinaryIO, digest: str, size: int, tell: Callable[[int], Any]) -> bool:
        """Store a blob unless it is there; `tell` hears the bytes sent, less those of a failure."""
        if self._ask("HEAD", f"blobs/{digest}", ok=(200, 404)).status == 200:
            tell(size)
            return False

        def once() -> None:
            file.seek(0)
            try:
                place = self._send("POST", "blobs/uploads/", ok=(202,)).headers["Location"]
                target = urljoin(self._root, place)
                target += ("&" if "?" in target else "?") + urlencode({"digest": digest})
                headers = {
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(size),
                }
                body = CallbackIOWrapper(tell, file, "read")
                self._send("PUT", target, ok=(201,), headers=headers, body=body)
            except Exception:
                tell(-file.tell())
                raise

        self._again(once)
        return True

    def download(self, digest: str, size: int, part: Path, tell: Callable[[int], Any]) -> None:
        """Bring a blob into the file `part`, which may hold the beginning of an earlier run."""

        def once() -> None:
            have = part.stat().st_size if part.exists() else 0
            if have < size:
                headers = {"Range": f"bytes={have}-"} if have else {}
                url = f"blobs/{digest}"
                answer = self._send("GET", url, ok=(200, 206), headers=headers, preload=False)
                try:
                    with part.open("ab" if answer.status == 206 else "wb") as file:
                        for chunk in answer.stream(CHUNK):
                            file.write(chunk)
                            tell(len(chunk))
                finally:
                    answer.close()
            with part.open("rb") as file:
                if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" == digest:
                    return
            part.unlink()
            raise HTTPError(f"{digest} has other content than its name says")

        self._again(once)

    def _ask(self, method: str, url: str, **call: Any) -> urllib3.BaseHTTPResponse:
        return self._again(lambda: self._send(method, url, **call))

    def _again(self, action: Callable[[], Done]) -> Done:
        """The result of `action`, tried as often and as patiently as RETRIES says."""
        retries = RETRIES
        while True:
            try:
                return action()
            except HTTPError as error:
                answer = getattr(error, "answer", None)
                reason = getattr(error, "reason", None) or error
                try:
                    retries = retries.increment("GET", self.url, answer, None if answer else error)
                except (MaxRetryError, HTTPError):
                    raise StoreUnreachable(self._told(str(reason))) from error
                retries.sleep(answer)

    def _send(
        self,
        method: str,
        url: str,
        ok: tuple[int, ...] = (200,),
        headers: dict[str, str] | None = None,
        body: Any = None,
        preload: bool = True,
    ) -> urllib3.BaseHTTPResponse:
        """One request, with a login where the registry asks for one."""
        url = urljoin(self._root, url)
        own = url.startswith(f"{self._origin}/")  # nobody else is sent the token
        for attempt in range(2):
            sent = (headers or {}) | (self._token if own else {})
            answer = self._http.request(
                method, url, headers=sent, body=body, preload_content=preload
            )
            if answer.status != 401 or not own or attempt:
                break
            self._login(answer.headers.get("WWW-Authenticate", ""))
            if hasattr(body, "read"):
                raise _Busy(answer)  # the token ended; the file is sent anew
        if answer.status in ok:
            return answer
        if answer.status in BUSY:
            raise _Busy(answer)
        raise StoreUnreachable(self._told(f"{answer.status} {answer.reason}", answer.status))

    def _login(self, challenge: str) -> None:
        kind, _, rest = challenge.partition(" ")
        asked = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        known = credentials(self._host)
        basic = urllib3.make_headers(basic_auth=":".join(known)) if known else {}
        if kind.lower() == "basic":
            self._token = basic
            return
        realm = parse_url(asked.get("realm", ""))
        if realm.scheme != "https" and realm.host not in LOOPBACK:
            raise StoreUnreachable(self._told("it asks for a login at no https address"))
        scope = f"repository:{self._name}:pull,push"
        query = urlencode({"service": asked.get("service", ""), "scope": scope})
        answer = self._http.request("GET", f"{realm.url}?{query}", headers=basic)
        if answer.status in BUSY:
            raise _Busy(answer)
        if answer.status != 200:
            raise StoreUnreachable(
                self._told(f"login: {answer.status} {answer.reason}", answer.status)
            )
        found = json.loads(answer.data)
        self._token = {"Authorization": f"Bearer {found.get('token') or found['access_token']}"}

    def _told(self, what: str, status: int = 0) -> str:
        told = f"The store {self.url} does not do what is asked ({what}). Nothing is lost. "
        if status in (401, 403):
            return told + (
                "It may not exist yet, or your login may not do this. Next: docker login "
                f"{self._host}, or set STORE_USERNAME and STORE_PASSWORD"
            )
        return f"{told}Next: the same command again, which goes on where this one ended"
