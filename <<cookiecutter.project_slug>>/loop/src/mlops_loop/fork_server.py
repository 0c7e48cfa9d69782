"""The stages of one `loop repro` share what they load: most of a short stage is its imports.

`loop repro` runs `dvc repro`, and listens at a socket that ADDRESS names. A stage that finds it
hands over its arguments, folder, environment and open files, and waits. The server imports the
stage's modules, unless an earlier stage did, and forks; the fork runs the stage as the command
would have.
`dvc repro` alone runs the same stages, each with an interpreter of its own.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlops_loop.fork_client import ADDRESS

# By stage, what it always imports, its own module aside.
IMPORTS = {
    "ingest": ("mlops_loop.gate.policy_check", "mlops_loop.pipeline.preflight"),
    "prepare": ("mlops_loop.gate.policy_check", "mlops_loop.pipeline.preflight"),
    "train": ("mlops_loop.gate.policy_check", "mlops_loop.pipeline.preflight", "skops.io"),
    "export": ("skops.io", "onnxruntime", "skl2onnx"),
    "evaluate": ("onnxruntime", "matplotlib.figure"),
}


def _works_here() -> bool:
    """Linux from 5.3 on. On macOS libraries do not survive a fork, see Python's multiprocessing."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


WORKS_HERE = _works_here()


def run(command: Sequence[str], main: Callable[[], None]) -> int:
    """Run a program with a server beside it, where one works, and return its exit code.

    main: the command line, which a fork runs on the arguments of its stage.
    """
    if not WORKS_HERE:
        return subprocess.run(command, check=False).returncode
    with TemporaryDirectory(prefix="loop-") as folder:
        address = Path(folder) / "socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(address))
            listener.listen()
            process = subprocess.Popen(command, env=os.environ | {ADDRESS: str(address)})
            return _serve(listener, process, main)


def _serve(
    listener: socket.socket, process: subprocess.Popen[bytes], main: Callable[[], None]
) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program and its stages get it, too
    ended = os.pidfd_open(process.pid)
    while ended not in (ready := wait([listener, ended])):
        if listener in ready:
            connection, _ = listener.accept()
            with connection:
                _answer(connection, main)
    return process.wait()


def _answer(connection: socket.socket, main: Callable[[], None]) -> None:
    """Run one stage in a fork, and send its exit code; end it when nobody waits any more."""
    _, files, *_ = socket.recv_fds(connection, 1, 3)
    request = json.loads(connection.makefile("r", encoding="utf-8").readline())
    _load(request["stage"])
    stage = multiprocessing.get_context("fork").Process(target=_stage, args=(request, files, main))
    stage.start()
    for file in files:
        os.close(file)
    if stage.sentinel not in wait([stage.sentinel, connection]):
        stage.terminate()
    stage.join()
    code = stage.exitcode or 0
    with suppress(BrokenPipeError):
        connection.sendall(bytes([code if code >= 0 else 128 - code]))  # a signal, as in a shell


def _load(stage: str) -> None:
    """What cannot be imported is left to the stage, which knows what to say."""
    for name in (f"mlops_loop.pipeline.{stage}", *IMPORTS.get(stage, ())):
        with suppress(Exception):
            importlib.import_module(name)


def _stage(request: dict[str, Any], files: list[int], main: Callable[[], None]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = request["arguments"]
    main()
