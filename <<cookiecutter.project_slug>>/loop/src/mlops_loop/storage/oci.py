"""A small client of any container registry: blobs by digest, manifests by tag.

The API is that of https://github.com/opencontainers/distribution-spec (1.1), with the login of
https://distribution.github.io/distribution/spec/auth/token. A request that was throttled, failed or
cut off is repeated with back-off; a download continues where it was cut off, also in the next run.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

import urllib3
from tqdm.utils import CallbackIOWrapper
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout, parse_url

from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage.login import credentials
from mlops_loop.text import public_url

RETRIES = Retry(total=5, backoff_factor=0.5, retry_after_max=120, allowed_methods=None)
# urllib3 follows redirects, without the token where they lead elsewhere. All else is repeated here,
# because an upload starts again from its first byte and a download continues.
ONCE = Retry(5, 0, 0, 5, 0, 0, respect_retry_after_header=False, raise_on_status=False)
TIMEOUT = Timeout(connect=10, read=60)
BUSY = {408, 429, 500, 502, 503, 504}
Statuses = tuple[int, ...]
Headers = dict[str, str]
LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest"
READS = ("GET", "HEAD")
ANY = (
    f"{MANIFEST}, {MANIFEST.replace('manifest', 'index')}, {DOCKER}.v2+json, {DOCKER}.list.v2+json"
)


def sha256(file: io.BufferedIOBase) -> str:
    """The digest of a blob, "sha256:" and 64 hexadecimal digits."""
    return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class _Busy(HTTPError):
    """An answer after which the same request may succeed later."""

    def __init__(self, answer: urllib3.BaseHTTPResponse):
        super().__init__(f"{answer.status} {answer.reason}")
        self.answer = answer


class ContainerRegistry:
    """One repository of a registry, as `https://ghcr.io/owner/name`.

    All methods raise StoreUnreachable where the registry is down, refuses, or sends other content
    than a digest says; the constructor raises UsageError for an address that cannot be one.
    """

    def __init__(self, url: str, retries: Retry | None = None):
        self._retries = retries
        self.url, where = public_url(url).rstrip("/"), parse_url(public_url(url))
        self._name, self._host = (where.path or "").strip("/"), where.netloc or ""
        safe = where.scheme == "https" or (where.scheme == "http" and where.host in LOOPBACK)
        if not safe or not re.fullmatch(r"[a-z0-9._/-]+", self._name):
            raise UsageError(
                f"{self.url} is no address in a registry. Allowed: https://HOST/OWNER/NAME in "
                "lower case; http:// on this machine only. Next: see STORE_URL and IMAGE_URL"
            )
        self._origin = f"{where.scheme}://{where.netloc}/"
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=ONCE)
        self._tokens: dict[str, Headers] = {}  # by what they allow
        self._challenge = ""

    def tags(self) -> list[str]:
        """All tags; none where the repository does not exist."""
        tags: list[str] = []
        url = "tags/list?n=1000"
        while url:
            answer = self._ask("GET", url, ok=(200, 404))
            tags += answer.json().get("tags") or []
            link = re.match(r"<([^>]+)>", answer.headers.get("Link", ""))
            url = urljoin(self._origin, link[1]) if link else ""
        return tags

    def manifest(self, tag: str) -> dict[str, Any] | None:
        """The manifest of a tag, None where there is no such tag."""
        manifest = self.read(tag, MANIFEST)
        return json.loads(manifest[1]) if manifest else None

    def put_manifest(self, tag: str, manifest: dict[str, Any]) -> None:
        """Let `tag` name this manifest."""
        self.write(tag, MANIFEST, json.dumps(manifest, sort_keys=True).encode())

    def read(self, name: str, kinds: str = ANY) -> tuple[str, bytes] | None:
        """Media type and bytes of the manifest with a tag or digest, None where there is none."""
        answer = self._ask("GET", f"manifests/{name}", ok=(200, 404), headers={"Accept": kinds})
        return (answer.headers["Content-Type"], answer.data) if answer.status == 200 else None

    def write(self, tag: str, kind: str, manifest: bytes) -> None:
        """Let `tag` name these very bytes, so that the digest stays."""
        headers = {"Content-Type": kind}
        self._ask("PUT", f"manifests/{tag}", ok=(201,), headers=headers, body=manifest)

    def remove(self, tag: str) -> bool:
        """Delete a tag; False where the registry does not do that, as GitHub's."""
        refused = (400, 401, 403, 405, 501)
        answer = self._ask("DELETE", f"manifests/{tag}", ok=(202, 404, *refused))
        return answer.status not in refused

    def blob(self, digest: str) -> bytes:
        """A small blob, verified."""
        data = self._ask("GET", f"blobs/{digest}").data
        if sha256(io.BytesIO(data)) != digest:
            raise self._error(f"{digest} has other content than its name says")
        return data

    def upload(self, file: io.BufferedIOBase, size: int, progress: Callable[[int], Any]) -> str:
        """Store a blob of `size` bytes unless it is there; its digest.

        progress: called with the number of bytes that were sent since the last call.
        """
        digest = sha256(file)
        if self._ask("HEAD", f"blobs/{digest}", ok=(200, 404)).status == 200:
            progress(size)
            return digest

        def attempt() -> None:
            file.seek(0)
            location = self._send("POST", "blobs/uploads/", ok=(202,)).headers["Location"]
            url = f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            body = CallbackIOWrapper(progress, file, "read")
            self._send("PUT", url, ok=(201,), headers=headers, body=body)

        self._repeat(attempt)
        return digest

    def download(self, digest: str, size: int, part: Path, progress: Callable[[int], Any]) -> None:
        """Download a blob into the file `part`, which may hold its beginning from an earlier run.

        progress: called with the number of bytes that arrived since the last call.
        """

        def attempt() -> None:
            part.touch()
            if (start := part.stat().st_size) < size:
                self._receive(digest, start, part, progress)
            with part.open("rb") as file:
                if sha256(file) == digest:
                    return
            part.unlink()
            raise HTTPError(f"{digest} has other content than its name says")

        self._repeat(attempt)

    def _receive(self, digest: str, start: int, part: Path, progress: Callable[[int], Any]) -> None:
        """Append to `part` the bytes from `start` on; all bytes where the registry sends these."""
        answer = self._send(
            "GET", f"blobs/{digest}", ok=(200, 206),
            headers={"Range": f"bytes={start}-"}, preload_content=False,
        )  # fmt: skip
        with answer, part.open("ab" if answer.status == 206 else "wb") as file:
            while chunk := answer.read1(1 << 16):  # also what came just before a cut
                progress(file.write(chunk))

    def _ask(self, method: str, url: str, **call: Any) -> urllib3.BaseHTTPResponse:
        return self._repeat(lambda: self._send(method, url, **call))

    def _repeat(self, action: Callable[[], Any]) -> Any:
        """The result of `action`, repeated as often and as patiently as RETRIES says."""
        retries = self._retries or RETRIES
        while True:
            try:
                return action()
            except HTTPError as error:
                answer = getattr(error, "answer", None)
                try:
                    retries = retries.increment("GET", self.url, answer, None if answer else error)
                except HTTPError:
                    raise self._error(getattr(error, "reason", None) or error) from error
                retries.sleep(answer)

    def _send(
        self, method: str, url: str, ok: Statuses = (200,), headers: Headers | None = None,
        **call: Any,
    ) -> Any:  # fmt: skip
        """One request, with a login where the registry asks for one: to write only to write."""
        url = urljoin(f"{self._origin}v2/{self._name}/", url)
        own = url.startswith(self._origin)  # nobody else gets the token
        rights = "pull" if method in READS else "pull,push"
        if own and self._challenge and rights not in self._tokens:
            self._login(rights)
        for first in (True, False):
            sent = (headers or {}) | (self._tokens.get(rights, {}) if own else {})
            answer = self._http.request(method, url, headers=sent, **call)
            if answer.status != 401 or not own or not first:
                break
            self._challenge = answer.headers.get("WWW-Authenticate", "")
            self._login(rights)
            if "body" in call:
                raise _Busy(answer)  # the token has expired; the body must be sent again
        return self._checked(answer, ok)

    def _checked(self, answer: urllib3.BaseHTTPResponse, ok: Statuses = (200,)) -> Any:
        if answer.status in BUSY:
            raise _Busy(answer)
        if answer.status not in ok:
            raise self._error(f"{answer.status} {answer.reason}", answer.status in (401, 403))
        return answer

    def _login(self, rights: str) -> None:
        """Take the login of this machine or, where the registry asks for it, exchange it.

        A login that may only read is refused a token to write (docker/cli#4345), so `rights` are
        those of the request.
        """
        login = credentials(self._host)
        basic = urllib3.make_headers(basic_auth=":".join(login)) if login else {}
        self._tokens[rights] = basic
        if self._challenge.lower().startswith("basic"):
            return
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', self._challenge))
        realm = parse_url(wanted.get("realm", ""))
        if realm.scheme != "https" and realm.host not in LOOPBACK:
            raise self._error("it asks for a login at an address without https")
        scope = {
            "service": wanted.get("service", ""),
            "scope": f"repository:{self._name}:{rights}",
        }
        url = f"{realm.url}?{urlencode(scope)}"
        answer = self._checked(self._http.request("GET", url, headers=basic)).json()
        token = answer.get("token") or answer["access_token"]
        self._tokens[rights] = {"Authorization": f"Bearer {token}"}

    def _error(self, what: object, may_not: bool = False) -> StoreUnreachable:
        after = "the same command again, which continues where this one stopped"
        if may_not:
            after = f"docker login {self._host}, or set STORE_USERNAME and STORE_PASSWORD"
            what = f"{what}: your login may not do this, or nothing was ever pushed"
        return StoreUnreachable(f"The registry {self.url}: {what}. Nothing is lost. Next: {after}")
