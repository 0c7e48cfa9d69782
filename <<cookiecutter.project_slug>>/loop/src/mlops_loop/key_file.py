"""The key that an endpoint makes for itself, in a file that its owner alone may read.

While it runs, it notes the place of that file by its address, in `build/endpoints` of the project,
and holds a lock on the note. So the project's commands find the key of an endpoint on this machine,
and what ended, or what another process listens to now, gets none.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

from mlops_loop import paths
from mlops_loop.errors import UsageError

HERE, ANY = "127.0.0.1", "0.0.0.0"
MAX_BYTES = 4096
KEY = re.compile(rb"[!-~]{20,}")


def make(path: Path) -> str:
    """The key in a file, which is made where there is none; of two that make it, one wins.

    Raises UsageError as `read`, OSError where the file cannot be made.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(path)
    return read(path)


def _write_new(path: Path) -> None:
    """A whole file or none: the name is given when all of it is on the disk."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        os.unlink(part)


def read(path: Path) -> str:
    """The key in a file.

    Raises UsageError where it cannot be read, is not this user's alone, or holds no key.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            problem = _problem(os.fstat(file.fileno()))
            content = b"" if problem else file.read(MAX_BYTES).strip()
    except OSError as error:
        problem, content = f"cannot be read: {error.strerror}", b""
    if problem or not KEY.fullmatch(content):
        raise UsageError(
            f"The key file {path} {problem or 'holds no key: one line of 20 characters or more'}. "
            f"Next: rm {quote(str(path))}, and start the endpoint again, which makes a new one"
        )
    return content.decode("ascii")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for a writer


def _problem(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "is no file"
    if status.st_uid != os.geteuid():
        return f"belongs to the user {status.st_uid}, and this is {os.geteuid()}"
    if status.st_mode & 0o077:
        return f"has mode {stat.S_IMODE(status.st_mode):04o}: others may use it; allowed is 0600"
    return ""


@contextmanager
def noted(addresses: Iterable[tuple[str, int]], place: Path) -> Iterator[None]:
    """While the block runs, `of` finds the key file of the endpoint at these addresses.

    Only in the root folder of a project, and only for what 127.0.0.1 leads to.
    """
    with ExitStack() as stack:
        for host, port in addresses:
            if host in (HERE, ANY) and paths.PARAMS.exists():
                with suppress(OSError):  # then the commands need ENDPOINT_KEY_FILE
                    _hold(_note(port), place, stack)
        yield


def _hold(note: Path, place: Path, stack: ExitStack) -> None:
    note.parent.mkdir(parents=True, exist_ok=True)
    file = stack.enter_context(note.open("a", encoding="utf-8"))
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.truncate(0)
    file.write(str(place.absolute()))
    file.flush()


def of(url: str) -> str:
    """The key of an endpoint that runs at http://127.0.0.1:PORT and was started in this project.

    Empty for every other address. Raises UsageError as `read`.
    """
    parts = urlsplit(url)
    with suppress(OSError, ValueError):
        if (parts.scheme, parts.hostname) == ("http", HERE):
            with _note(parts.port or 80).open(encoding="utf-8") as file:
                return read(Path(file.read())) if _is_held(file.fileno()) else ""
    return ""


def _is_held(handle: int) -> bool:
    """Whether whoever wrote the note still runs."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _note(port: int) -> Path:
    return paths.ENDPOINTS / f"{HERE}-{port}"
