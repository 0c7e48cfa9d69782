"""A stage of `loop repro` lets the server of that run do its work, see fork_server.py."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

ADDRESS = "LOOP_FORK_SERVER"
STAGES = {"ingest", "validate", "prepare", "train", "export", "evaluate"}
LOST = 70  # of a stage whose server was killed


def ask(stage: str) -> int | None:
    """Let the server of this `loop repro` run a stage; its exit code, None where there is none."""
    address = os.environ.pop(ADDRESS, "")
    if stage not in STAGES or not address:
        return None
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(address)
        except OSError:
            return None
        request: dict[str, Any] = {"stage": stage, "arguments": sys.argv}
        request |= {"folder": str(Path.cwd()), "environment": dict(os.environ)}
        socket.send_fds(connection, [b"s"], [0, 1, 2])
        connection.sendall(json.dumps(request).encode() + b"\n")
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage says what was interrupted
        return (connection.recv(1) or bytes([LOST]))[0]
