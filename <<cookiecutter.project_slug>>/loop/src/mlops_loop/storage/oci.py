"""A small client of any container registry: blobs by digest, manifests by tag.

The API is that of https://github.com/opencontainers/distribution-spec (1.1). What was written is
read back. A download continues where it was cut off, also in the next run.
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

from tqdm.utils import CallbackIOWrapper
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, parse_url

from mlops_loop.errors import StoreNotThere, StoreUnreachable, UsageError
from mlops_loop.storage.answers import Manifest, Tags, Unexpected, quoted
from mlops_loop.storage.login import Use
from mlops_loop.storage.transport import LOOPBACK, Reply, Transport, pieces
from mlops_loop.text import public_url

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest"
KINDS = (
    MANIFEST, MANIFEST.replace("manifest", "index"), f"{DOCKER}.v2+json", f"{DOCKER}.list.v2+json",
)  # fmt: skip
ANY = ", ".join(KINDS)


def address(image: str) -> str:
    """The URL of an image's repository, as Docker understands its name: http on this machine."""
    if "://" in image:
        return image
    return f"{'http' if image.split('/')[0].split(':')[0] in LOOPBACK else 'https'}://{image}"


def sha256(file: io.BufferedIOBase) -> str:
    """The digest of a blob, "sha256:" and 64 hexadecimal digits."""
    return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class NotKept(StoreUnreachable):
    """A blob was stored, and cannot be read: a registry keeps a damaged one under its digest."""


class ContainerRegistry(Transport):
    """One repository of a registry, as `https://ghcr.io/owner/name`.

    All methods raise StoreUnreachable where the registry is down, refuses, answers what the
    protocol does not know, or sends other content than a digest says; the constructor raises
    UsageError for an address that cannot be one.
    """

    def __init__(self, url: str, retries: Retry | None = None, use: Use = "STORE"):
        public = public_url(url).rstrip("/")
        where = parse_url(public)
        safe = where.scheme == "https" or (where.scheme == "http" and where.host in LOOPBACK)
        if not safe or not re.fullmatch(r"[a-z0-9._/-]+", (where.path or "").strip("/")):
            raise UsageError(
                f"{public} is no address in a registry. Allowed: https://HOST/OWNER/NAME in "
                "lower case; http:// on this machine only. Next: see STORE_URL and IMAGE_URL"
            )
        super().__init__(public, where, retries, use)

    def tags(self) -> list[str]:
        """All tags; raises StoreNotThere where the repository does not exist, or seems not to."""
        tags: list[str] = []
        url, seen = "tags/list?n=1000", set()
        while url:
            seen.add(url)
            page = self._ask("GET", url)
            tags += self._read(Tags, page).tags or []
            link = re.match(r"<([^>]+)>", page.headers.get("Link", ""))
            url = urljoin(self._origin, link[1]) if link else ""
            if url in seen:
                raise self._error(f"its list of tags leads back to {url}")
        return tags

    def manifest(self, tag: str, listed: bool = False) -> Manifest | None:
        """The manifest of a tag, None where there is no such tag.

        listed: a tag that the registry lists has a manifest, maybe in a moment.
        """
        reply = self._get(tag, MANIFEST, (404,) if listed else ())
        return self._read(Manifest, reply) if reply else None

    def put_manifest(self, tag: str, manifest: dict[str, Any]) -> str:
        """Let `tag` name this manifest; its digest."""
        return self.write(tag, MANIFEST, json.dumps(manifest, sort_keys=True).encode())

    def read(self, name: str, kinds: str = ANY) -> tuple[str, bytes] | None:
        """Media type and bytes of the manifest with a tag or digest, None where there is none."""
        reply = self._get(name, kinds)
        return (_kind(reply), reply.data) if reply else None

    def digest(self, name: str) -> str | None:
        """The digest of the manifest with a tag; None where there is none."""
        manifest = self.read(name)
        return sha256(io.BytesIO(manifest[1])) if manifest else None

    def _get(self, name: str, kinds: str, busy: tuple[int, ...] = ()) -> Reply | None:
        ok = tuple({200, 404} - set(busy))
        accept = {"Accept": kinds}
        reply = self._ask("GET", f"manifests/{name}", ok=ok, busy=busy, headers=accept)
        if reply.status == 404:
            return None
        if (kind := _kind(reply)) not in KINDS:
            raise self._error(f"it answers {kind or 'what it does not name'}: {quoted(reply.data)}")
        self._read(Manifest, reply)
        digest = sha256(io.BytesIO(reply.data))
        if digest not in (name, reply.headers.get("Docker-Content-Digest", digest)) or (
            name.startswith("sha256:") and digest != name
        ):
            raise self._error(f"{name} has other content than its digest says")
        return reply

    def write(self, tag: str, kind: str, manifest: bytes) -> str:
        """Let `tag` name these very bytes, and read them back; their digest, which stays."""
        headers, digest = {"Content-Type": kind}, sha256(io.BytesIO(manifest))
        self._ask("PUT", f"manifests/{tag}", ok=(201,), headers=headers, body=manifest)
        if not self._get(digest, kind, (404,)):
            raise self._error(f"{tag} was written, and is not there")
        return digest

    def remove(self, name: str) -> bool:
        """Delete a tag or digest; False where the registry does not do that, as GitHub's."""
        refused = (400, 401, 403, 405, 501)
        try:
            return bool(self._ask("DELETE", f"manifests/{name}", ok=(202, 404)))
        except StoreUnreachable as error:
            if error.status in refused:
                return False
            raise

    def blob(self, digest: str) -> bytes:
        """A small blob, verified."""
        data = self._ask("GET", f"blobs/{digest}", busy=(404,)).data
        if sha256(io.BytesIO(data)) != digest:
            raise self._error(f"{digest} has other content than its name says")
        return data

    def upload(self, file: io.BufferedIOBase, size: int, progress: Callable[[int], Any]) -> str:
        """Store a blob of `size` bytes unless it is there, and read its end back; its digest.

        Raises NotKept where the registry takes it and does not have it then.
        progress: called with the number of bytes that were sent since the last call.
        """
        file.seek(0)
        digest = sha256(file)
        if self.holds(digest, size):
            progress(size)
            return digest

        def attempt() -> None:
            file.seek(0)
            with self._send("POST", "blobs/uploads/", ok=(202,)) as begun:
                url = _upload_url(begun.headers.get("Location", ""), digest)
            headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
            body = CallbackIOWrapper(progress, file, "read")
            self._send("PUT", url, ok=(201,), headers=headers, body=body).close()

        self._repeat(attempt)
        if not self.holds(digest, size):
            raise NotKept(str(self._error(f"{digest} was stored, and is not there")))
        return digest

    def holds(self, digest: str, size: int) -> bool:
        """Whether the registry has a blob to its last byte.

        That byte is read: a registry that remembers what it held answers HEAD, though the file is
        gone (docker-registry after its own garbage collection).
        """
        headers = {"Range": f"bytes={size - 1}-{size - 1}"} if size else {}

        def attempt() -> bool:
            with self._send("GET", f"blobs/{digest}", (200, 206, 404, 416), headers) as answer:
                return answer.status in (200, 206) and _ends(answer, size)

        try:
            return self._repeat(attempt)
        except StoreNotThere:
            return False

    def download(self, digest: str, size: int, part: Path, progress: Callable[[int], Any]) -> bool:
        """Download a blob into the file `part`, which may hold its beginning from an earlier run.

        False where the registry has lost the blob, or has it with other content; `part` is then
        what it sent. progress: called with the number of bytes that arrived since the last call.
        """

        def attempt() -> bool:
            part.touch()
            start = part.stat().st_size
            if start < size and not self._receive(digest, start, size, part, progress):
                return False
            with part.open("rb") as file:
                if sha256(file) == digest:
                    return True
            if not start:
                return False
            part.unlink()
            raise HTTPError(f"{digest} does not continue as it began")

        return self._repeat(attempt)

    def _receive(
        self, digest: str, start: int, size: int, part: Path, progress: Callable[[int], Any]
    ) -> bool:
        """Append to `part` the bytes from `start` on; all bytes where the registry sends these.

        False where it has none: it lists a blob, and the file behind it is missing or short.
        """
        headers, ok, came = {"Range": f"bytes={start}-"}, (200, 206, 404, 416), 0
        with self._send("GET", f"blobs/{digest}", ok, headers) as answer:
            if answer.status in (404, 416):
                return False
            with part.open("ab" if answer.status == 206 else "wb") as file:
                try:
                    for piece in pieces(answer, size):
                        came += progress(file.write(piece)) or len(piece)
                except HTTPError:
                    if not came:
                        return False
                    raise
        return True

    def _read(self, form: Any, reply: Reply) -> Any:
        """The document that an answer holds."""
        try:
            return form.read(reply.data)
        except Unexpected as error:
            kind = _kind(reply) or "what it does not name"
            raise self._error(f"it answers {kind}: {error}") from error


def _kind(reply: Reply) -> str:
    """The media type, without parameters."""
    return reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _upload_url(location: str, digest: str) -> str:
    if not location:
        raise Unexpected("no address to send to")
    return f"{location}{'&' if '?' in location else '?'}{urlencode({'digest': digest})}"


def _ends(answer: Any, size: int) -> bool:
    """Whether an answer to a request for the last byte holds it, of a blob of `size` bytes."""
    whole = answer.status == 200
    if whole:  # also of an empty blob, and of a registry that sends no parts
        return answer.headers.get("Content-Length") == str(size)
    total = answer.headers.get("Content-Range", f"/{size}").rpartition("/")[2]
    try:
        return total in (str(size), "*") and len(b"".join(pieces(answer, 1))) == 1
    except (HTTPError, Unexpected):
        return False
