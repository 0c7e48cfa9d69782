"""A PostgreSQL of the tests' own: a user with a password that has all the signs a URL dislikes."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import check, run

PASSWORD, WRITTEN = "pa55 w/rd@%", "pa55%20w%2Frd%40%25"


@dataclass(frozen=True)
class Postgres:
    """A running server: its port, and the file in which it notes every statement."""

    port: int
    log: Path

    def url(self, password: str = WRITTEN) -> str:
        """Return a URL as a user would write it."""
        return f"postgresql://me:{password}@127.0.0.1:{self.port}/postgres"

    def load(self, table: str, *files: Path) -> None:
        """Make a table of the rows of CSV files; every column is text."""
        (first, *_) = (file.read_text().splitlines()[0] for file in files)
        columns = ", ".join(f"{name} text" for name in first.split(","))
        words = [f"CREATE TABLE {table} ({columns})"]
        words += [f"\\copy {table} FROM '{file}' CSV HEADER" for file in files]
        self.run(*words)

    def run(self, *commands: str) -> None:
        """Run commands of psql."""
        words = [part for text in commands for part in ("-c", text)]
        program = programs()[-1] / "psql"
        check(program, "-qX", "-v", "ON_ERROR_STOP=1", self.url(), *words, cwd=self.log.parent)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run a server of its own, as user postgres where the tests run as root."""
    if not (found := programs()):
        if os.environ.get("CI") == "true":
            pytest.fail("needs postgresql, and CI must have it")
        pytest.skip("needs postgresql")
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    # Not in pytest's folder, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    (folder / "password").write_text(PASSWORD)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, **user)
    start = [found[-1] / "initdb", "-D", folder / "data", "-U", "me", "-A", "scram-sha-256"]
    start += ["--pwfile", folder / "password", "-E", "UTF8", "--locale", "C", "--no-sync"]
    assert run(*start, cwd=folder, **user).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["-p", str(port), "-h", "127.0.0.1", "-k", folder, "-c", "log_statement=all"]
    with (folder / "log").open("w") as log:
        command = [found[-1] / "postgres", "-D", folder / "data", *options]
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **user)
    try:
        wait_for(found[-1] / "pg_isready", port)
        yield Postgres(port, folder / "log")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)
        shutil.rmtree(folder)


def programs() -> list[Path]:
    """Return the folders of the programs of each version, the newest last."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def wait_for(ready: Path, port: int) -> None:
    """Return when the server takes connections, and not only listens; fail after a minute."""
    end = time.monotonic() + 60
    while run(ready, "-q", "-h", "127.0.0.1", "-p", str(port), cwd=ready.parent).returncode:
        if time.monotonic() > end:
            pytest.fail(f"no server is ready on port {port}")
        time.sleep(0.1)
