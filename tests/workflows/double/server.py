"""The HTTP side: requests are read whole, answers written, connections cut where a fault says."""

import gzip
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO

from .calls import Answer, Request


def chunks(file: BinaryIO, headers: dict[str, str]) -> Iterator[bytes]:
    """Give a request's body in pieces, however it is framed."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := int(file.readline().split(b";")[0], 16):
            yield file.read(size)
            file.readline()
        file.readline()
        return
    left = int(headers.get("content-length", 0))
    while left and (piece := file.read(min(left, 1 << 16))):
        left -= len(piece)
        yield piece


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): text for name, text in self.headers.items()}
        request = Request(self.command, path, query, headers, self._body(headers))
        answer = self.server.answer(request)
        if answer.cut:
            self.close_connection = True
            return
        self.send_response(answer.status)
        data = answer.data
        for name, text in answer.headers.items():
            self.send_header(name, text)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self, headers: dict[str, str]) -> bytes:
        body = b"".join(chunks(self.rfile, headers))
        return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *_: object) -> None:
        """Say nothing: the record of calls says it all."""


class Server(ThreadingHTTPServer):
    """A server on a port of its own, answered by one function."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer: Callable[[Request], Answer]):
        """Listen at once; serve in a thread until closed."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away."""

    def close(self) -> None:
        """End the thread and free the port."""
        self.shutdown()
        self.server_close()
        self._thread.join()
