"""A client of the endpoint, for the smoke test, deployment, tests and benchmarks."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mlops_loop import key_file
from mlops_loop.errors import SmokeFailed
from mlops_loop.job_token import LOOPBACK


@dataclass(frozen=True)
class Client:
    """Asks the endpoint at `url`.

    With `key`; where that is None with ENDPOINT_KEY, or the endpoint's own (`key_file.of`).
    """

    url: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 10.0

    def ask(self, path: str, content: Any = None) -> Any:
        """The JSON of a success; raises SmokeFailed with address and answer otherwise."""
        status, answer = self.send(path, content)
        if status != 200:
            raise SmokeFailed(f"{self._at(path)} answers {status} instead of 200: {answer}")
        return answer

    def send(self, path: str, content: Any = None) -> tuple[int, Any]:
        """Status and JSON of a success, or text of a refusal; a POST where there is content.

        Raises SmokeFailed where nothing answers, or a success is not JSON.
        """
        data = None if content is None else json.dumps(content).encode()
        try:
            request = urllib.request.Request(self._at(path), data)
            request.add_header("Content-Type", "application/json")
            if key := self._key():
                request.add_unredirected_header("Authorization", f"Bearer {key}")
            with self._opener().open(request, timeout=self.timeout_s) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except (OSError, ValueError) as error:
            raise SmokeFailed(f"{self._at(path)} gives no JSON: {error}") from error

    def _key(self) -> str:
        if self.key is not None:
            return self.key
        return os.environ.get("ENDPOINT_KEY") or key_file.of(self.url)

    def _opener(self) -> urllib.request.OpenerDirector:
        """This machine is asked directly: a proxy of the environment would get the key."""
        here = urlsplit(self.url).hostname in LOOPBACK
        proxies = [urllib.request.ProxyHandler({})] if here else []
        return urllib.request.build_opener(*proxies)

    def wait_until_ready(self, timeout_s: float) -> None:
        """Ask /ready until it succeeds; raises SmokeFailed after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self.ask("/ready")
            except SmokeFailed as error:
                if time.monotonic() > deadline:
                    late = f"{self.url} was not ready within {timeout_s:g} s: {error}"
                    raise SmokeFailed(late) from error
            time.sleep(0.25)

    def _at(self, path: str) -> str:
        return self.url.rstrip("/") + path
