"""A container registry with GitHub's rights: Debian's docker-registry behind a door of our own.

The door passes everything through, remembers who asked, and is where faults happen.
"""

import http.client
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from conftest import require_tool

from . import identity
from .calls import Answer, Call, Refused, Request
from .rights import Token
from .server import chunks

if TYPE_CHECKING:
    from .service import Double

SERVICE, TOKENS = "double", "/registry/token"
HOP = {"connection", "transfer-encoding", "expect", "keep-alive"}
WRITES = {"PUT", "POST", "PATCH", "DELETE"}


class Registry:
    """A registry at `address`, for the packages of the repository's owner."""

    def __init__(self, github: "Double", root: Path):
        """Start docker-registry on a folder, and the door before it."""
        self.github, self._holders = github, {}
        self._limits: dict[str, int] = {}
        self.cuts = 0
        self._folder = tempfile.TemporaryDirectory(prefix="double-registry-")
        self._port = self._start(root)
        self._door = _Door(self)
        self.address = f"127.0.0.1:{self._door.server_port}"
        self.url = f"http://{self.address}/{github.repository.lower()}"

    def _start(self, root: Path) -> int:
        folder = Path(self._folder.name)
        bundle, log, settings = (folder / name for name in ("bundle.pem", "log", "config.yml"))
        bundle.write_bytes(identity.pem())
        auth = {"realm": self.github.url + TOKENS, "service": SERVICE, "issuer": SERVICE}
        config = {
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": str(root)},
                "delete": {"enabled": True},
            },
            "http": {"addr": "127.0.0.1:0"},
            "auth": {"token": auth | {"rootcertbundle": str(bundle)}},
        }
        settings.write_text(json.dumps(config))
        command = [require_tool("docker-registry"), "serve", str(settings)]
        with log.open("w") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        for _ in range(200):
            if found := re.search(r"listening on 127\.0\.0\.1:(\d+)", log.read_text()):
                return int(found[1])
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"docker-registry did not start: {log.read_text()}")

    def close(self) -> None:
        """End both."""
        self._door.shutdown()
        self._door.server_close()
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()

    # Faults; single answers such as 503 come from github.fail(path="/v2/.*", status=503).

    def down(self) -> None:
        """Drop every connection from now on."""
        self.github.fail("*", "/v2/.*", "cut", times=1_000_000)

    def slow(self, seconds: float) -> None:
        """Let every request wait from now on."""
        self.github.fail("*", "/v2/.*", "late", times=1_000_000, seconds=seconds)

    def cut_after(self, size: int, of: str = "upload") -> None:
        """Cut the next `upload` or `download` that is longer, after so many bytes."""
        self._limits[of] = size

    def up(self) -> None:
        """End all faults."""
        self._limits.clear()
        self.github.heal("/v2/.*")

    def metered(self, of: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Give pieces on, up to where the scenario cuts them, once: ConnectionError."""
        left = self._limits.get(of)
        for piece in pieces:
            if left is not None and len(piece) >= left:
                self._limits.pop(of, None)
                self.cuts += 1
                yield piece[:left]
                raise ConnectionError("cut, as the scenario wants")
            left = left - len(piece) if left is not None else None
            yield piece

    # Rights, by the protocol of https://distribution.github.io/distribution/spec/auth/token

    def token(self, request: Request, token: Token | None) -> Answer:
        """Give what was asked for as far as the login may have it."""
        asked = parse_qsl(request.query_string)
        if request.method == "POST":  # the form of BuildKit and containerd
            asked = parse_qsl(request.body.decode())
            token = self.github.login(dict(asked).get("password", "")) or token
        scopes = [each for name, text in asked if name == "scope" for each in text.split()]
        if not token and (self.github.private or not scopes):
            raise Refused(401, "authentication required")
        access = [self._access(scope, token) for scope in scopes]
        said = {
            "iss": SERVICE,
            "aud": SERVICE,
            "sub": token.actor if token else "",
            "access": access,
        }
        value = identity.for_registry(said)
        self._holders[value] = token
        body = {"token": value, "access_token": value, "expires_in": identity.LIFETIME_S}
        return Answer(200, body, {"Content-Type": "application/json"})

    def _access(self, scope: str, token: Token | None) -> dict[str, Any]:
        kind, name, wanted = scope.split(":", 2)
        owner, _, package = name.partition("/")
        own = name.startswith(self.github.repository.lower())
        if known := self.github.store.rows["packages"].get(package):  # a package outlives its name
            linked = (known.get("repository") or {}).get("full_name")
            own = linked == self.github.repository
        if token and token.person:  # a person's login reaches all packages of the owner
            own = owner == self.github.repository.lower().split("/")[0]
        allowed = {"pull"} if not self.github.private else set()
        for level, actions in (("read", {"pull"}), ("write", {"pull", "push", "delete"})):
            if token and token.has("packages", level):
                allowed |= actions
        given = [action for action in wanted.split(",") if action in allowed]
        return {"type": kind, "name": name, "actions": given if own else []}

    def record(self, call: Call, authorization: str) -> None:
        """Remember a request, and the grant that its job needed."""
        token = self._holders.get(authorization.removeprefix("Bearer "))
        call.job = token.job if token else ""
        call.operation = f"registry/{'push' if call.method in WRITES else 'pull'}"
        if token and call.status < 400:
            call.grants = [("packages", "write" if call.method in WRITES else "read")]
            self.github.use(token, call.grants)


class _Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, registry: Registry):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Say nothing of connections that were cut."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        registry, headers = self.server.registry, dict(self.headers.items())
        path, _, query = self.path.partition("?")
        lower = {name.lower(): text for name, text in headers.items()}
        request = Request(self.command, path, query, lower, b"")
        call = Call(self.command, path, "", lower.get("user-agent", ""))
        registry.github.calls.append(call)
        fault = registry.github.fault(request)
        if fault and fault.status != "late":
            self._fail(call, fault.answer())
            return
        there = http.client.HTTPConnection("127.0.0.1", registry._port, timeout=120)
        try:
            self._pass(there, headers, lower, call)
            registry.record(call, lower.get("authorization", ""))
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # cut here, or there
        finally:
            there.close()

    def _fail(self, call: Call, answer: Answer) -> None:
        self.close_connection, call.status = True, answer.status
        if not answer.cut:
            self.send_response(answer.status)
            for name, text in answer.headers.items():
                self.send_header(name, text)
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(answer.data)

    def _pass(self, there: Any, headers: dict, lower: dict, call: Call) -> None:
        """Hand a request on, piece by piece, and its answer back."""
        there.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        chunked = "transfer-encoding" in lower
        for name, text in headers.items():
            if name.lower() not in HOP:
                there.putheader(name, text)
        if chunked:
            there.putheader("Transfer-Encoding", "chunked")
        there.endheaders()
        for piece in self.server.registry.metered("upload", chunks(self.rfile, lower)):
            there.send(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            there.send(b"0\r\n\r\n")
        self._back(there.getresponse(), call)

    def _back(self, answer: http.client.HTTPResponse, call: Call) -> None:
        call.status = answer.status
        self.send_response_only(answer.status)
        for name, text in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, text)
        if answer.getheader("Content-Length") is None and answer.status != 204:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        pieces = iter(lambda: answer.read(1 << 16), b"")
        for piece in self.server.registry.metered("download", pieces):
            self.wfile.write(piece)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Say nothing: the record of calls says it all."""
