"""What stands beside the cluster: a registry and a PostgreSQL, on this machine."""

import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REGISTRY = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: true}}}}
http: {{addr: "0.0.0.0:{port}"}}
"""
PASSWORD = "benchmark"  # noqa: S105  # of a server that lives for minutes


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def wait_for(address: tuple[str, int]) -> None:
    """Wait until somebody listens."""
    for _ in range(300):
        with socket.socket() as probe:
            if not probe.connect_ex(address):
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody listens at {address}")


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """Run a registry; its port. Engines pull from 127.0.0.1 without TLS."""
    port, config = free_port(), folder / "registry.yml"
    config.write_text(REGISTRY.format(folder=folder / "registry", port=port))
    with subprocess.Popen(
        ["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait_for(("127.0.0.1", port))
        try:
            yield port
        finally:
            process.terminate()


@contextmanager
def postgres(host: str) -> Iterator[str]:
    """Run a PostgreSQL of its own that pods reach at `host`; its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    folder, port = Path(tempfile.mkdtemp(prefix="kubernetes-")), free_port()
    (folder / "password").write_text(PASSWORD)
    owner = pwd.getpwnam("postgres")
    for path in (folder, folder / "password"):
        shutil.chown(path, owner.pw_uid, owner.pw_gid)
    make = [programs / "initdb", "-D", folder / "data", "-U", "me", "-A", "scram-sha-256"]
    subprocess.run(
        [*make, f"--pwfile={folder / 'password'}"], user="postgres", check=True, capture_output=True
    )
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/8 scram-sha-256\n")
    options = f"-p {port} -h {host},127.0.0.1 -k {folder}"
    control = [programs / "pg_ctl", "-D", folder / "data", "-w"]
    log = folder / "data" / "server.log"
    subprocess.run(
        [*control, "-l", log, "-o", options, "start"], user="postgres", check=True,
        capture_output=True,
    )  # fmt: skip
    try:
        yield f"postgresql://me:{PASSWORD}@{host}:{port}/postgres"
    finally:
        stop = [*control, "-m", "immediate", "stop"]
        subprocess.run(stop, user="postgres", check=False, capture_output=True)
        shutil.rmtree(folder)
