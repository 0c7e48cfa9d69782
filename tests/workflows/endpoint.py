"""An endpoint on loopback that runs, by its own word, the image that a world's pointer names."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .test_release import pointer
from .world import World


class _Answers(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        digest = pointer(self.server.world)
        bundle = self.server.bundles.get(digest)
        self._reply(200, {"image_digest": digest, "bundle": bundle, "model_version": "v"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "no such column" in asked:
            self._reply(422, {"detail": "no such column"})
            return
        rows = asked if isinstance(asked, list) else [asked]
        found = [{"probabilities": self._score(row)} for row in rows]
        self._reply(200, {"predictions": found} if isinstance(asked, list) else found[0])

    def _score(self, row: dict) -> dict[str, float]:
        off = 0.01 if pointer(self.server.world) in self.server.wrong else 0
        scores = self.server.golden[json.dumps(row, sort_keys=True)]
        return {name: score - off for name, score in zip(self.server.classes, scores, strict=True)}

    def _reply(self, status: int, content: dict) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def following(world: World, model: Path, bundles: dict[str, str], wrong: set[str]) -> Iterator[str]:
    """Answer the golden rows of `model`, off by a hundredth where a digest is `wrong`.

    `bundles` are the models' ids by the digests of their images. Gives the address.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.world, server.bundles, server.wrong = world, bundles, wrong
        server.classes = json.loads((model / "contract.json").read_text())["classes"]
        lines = map(json.loads, (model / "golden.jsonl").read_text().splitlines())
        server.golden = {json.dumps(line["row"], sort_keys=True): line["score"] for line in lines}
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
