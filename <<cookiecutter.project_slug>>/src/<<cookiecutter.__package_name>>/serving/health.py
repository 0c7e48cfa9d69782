"""`python -m PACKAGE.serving.health`: the container's health check, with what Python brings.

Exits 0 where the server beside it can predict; otherwise prints the reason and exits 1.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 3


def check(port: int) -> str:
    """The reason why the server on this machine cannot predict; empty where it can."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/ready", timeout=TIMEOUT_S):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(check(int(os.environ.get("PORT") or 8000)) or 0)
