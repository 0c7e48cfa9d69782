"""Logs on a file of their own, and a real PostgreSQL where there is one."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic_core import to_json

from mlops_loop.prediction_log import database, log

ROWS = [{"dest": "BOS", "temp": 61.5}, {"dest": "MIA", "temp": None}]
PREDICTIONS = [{"prediction": "late"}, {"prediction": "on time"}]


@pytest.fixture(scope="session")
def postgres():
    """The URL of a server of one's own, run as user postgres where the tests run as root."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("needs postgresql")
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # others may not enter pytest's folder
    if user:
        shutil.chown(folder, **user)
    init = [programs[-1] / "initdb", "-D", folder / "data", "-U", "me", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*init, "--no-sync"], cwd=folder, check=True, capture_output=True, **user)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [programs[-1] / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen([*command, "-h", "127.0.0.1"], cwd=folder, **quiet, **user)
    url = f"postgresql://me@127.0.0.1:{port}/postgres"
    for _ in range(300):
        with suppress(Exception), database.Database(url).cursor():
            break
        time.sleep(0.1)
    yield url
    server.send_signal(signal.SIGINT)
    server.wait(timeout=60)
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/log.db"
    url = request.getfixturevalue("postgres")
    with database.Database(url).cursor() as cursor:
        for table in ("predictions", "outcomes", "problems"):
            cursor.run(f"DROP TABLE IF EXISTS {table}")
    return url


@pytest.fixture
def file_url(tmp_path):
    return f"sqlite:///{tmp_path}/log.db"


@pytest.fixture
def begin():
    """`begin(url, ...)` gives a log that writes; it is closed at the end."""
    begun = []

    def start(url, **given):
        begun.append(log.PredictionLog(url, **given))
        begun[-1].start()
        return begun[-1]

    yield start
    for each in begun:
        if each._writer.is_alive():
            each.close()


@pytest.fixture
def put():
    """`put(log, subject=None)` logs a request of two rows and returns its id."""

    def put(log_, subject=None, rows=ROWS, predictions=PREDICTIONS):
        return log_.put("v1.2.0", 0.0015, subject, rows, to_json(predictions))

    return put


@pytest.fixture
def impatient(monkeypatch):
    """Waits are short."""
    monkeypatch.setattr(log, "PATIENCE_S", 0.05)
    monkeypatch.setattr(log, "RETRY_S", 0.05)
    monkeypatch.setattr(log, "FLUSH_S", 0.01)
