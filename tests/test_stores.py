"""The answers `s3` and `ssh`: data and finished runs travel through a real server of each kind."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from conftest import OPTION_SETS, check, run
from moto.server import ThreadedMotoServer
from workflows.world import quick

STORE = ("uv", "run", "--frozen", "loop", "store")
LOGIN = {"STORE_USERNAME": "someone", "STORE_PASSWORD": "pa55-w0rd"}
# Run by the project's own Python: a server of SFTP for one user, on a port that it prints.
SFTP = f"""
import asyncio, asyncssh
class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True
    def password_auth_supported(self):
        return True
    def validate_password(self, username, password):
        return [username, password] == {list(LOGIN.values())}
async def main():
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Server, server_host_keys=[key], sftp_factory=True
    )
    print(server.get_port(), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


@dataclass
class Place:
    """A project and its store: how a laptop reaches it, and how to end the server."""

    laptop: Path
    stop: Callable[[], None]
    env: dict[str, str] = field(default_factory=dict)

    def store(self, *words: str, folder: Path | None = None, **env: str):
        """Run a command of the store."""
        return run(*STORE, *words, cwd=folder or self.laptop, env=os.environ | self.env | env)


def s3(laptop: Path, _folder: Path) -> Place:
    """Start a server that speaks S3, with the bucket of the answer."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    httpx.put(f"{address}/flight-delays-store").raise_for_status()
    return Place(laptop, server.stop, {"AWS_ENDPOINT_URL": address, **LOGIN})


def ssh(laptop: Path, folder: Path) -> Place:
    """Start a server of SFTP, and let the project's remote name it."""
    program = [laptop / ".venv" / "bin" / "python", "-c", SFTP]
    server = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)

    def stop() -> None:
        server.terminate()
        server.wait(timeout=10)
        server.stdout.close()

    port = server.stdout.readline().strip()
    return Place(laptop, stop, {"STORE_URL": f"ssh://127.0.0.1:{port}{folder}/store", **LOGIN})


@pytest.fixture(scope="module", params=[s3, ssh], ids=["s3", "ssh"])
def place(request, baked, module_path) -> Iterator[Place]:
    """Return a project of the answer with its environment, data prepared, and a running server."""
    kind = request.param.__name__
    folder = module_path / kind
    (options,) = (found for found in OPTION_SETS if found["dvc_remote"] == kind)
    laptop = Path(shutil.copytree(baked(options), folder / "laptop"))
    params = laptop / "params.yaml"
    params.write_text(quick(params.read_text()))
    check("make", ".venv", cwd=laptop)
    place = request.param(laptop, folder)
    check("uv", "run", "--frozen", "dvc", "repro", "prepare", cwd=laptop)
    check("git", "commit", "--quiet", "--all", "--message", "Data", cwd=laptop)
    yield place
    place.stop()


def test_the_store_is_filled_and_a_clone_takes_from_it(place, tmp_path):
    """It starts empty; a clone gets objects and finished runs, and runs no stage again."""
    assert "is empty: a cold start" in place.store("status").stdout
    assert "to push: 0" not in place.store("status").stdout
    pushed = place.store("push", "--runs")
    assert pushed.returncode == 0, pushed.stderr
    assert "and 2 runs" in pushed.stdout
    assert "Pushed: 0" in place.store("push", "--runs").stdout
    clone = tmp_path / "clone"
    check("git", "clone", "--quiet", place.laptop, clone, cwd=tmp_path)
    (clone / ".venv").symlink_to(place.laptop / ".venv")
    pulled = place.store("pull", "--checkout", folder=clone)
    assert pulled.returncode == 0, pulled.stderr
    again = check("uv", "run", "--frozen", "--no-sync", "dvc", "repro", "prepare", cwd=clone)
    assert "Running stage" not in again
    assert "Not needed (see --delete): 0" in place.store("gc").stdout


def test_a_login_of_github_is_for_no_one_else(place):
    """What a workflow has by default is not sent; the refusal is a sentence."""
    default = {"STORE_USERNAME": "octocat", "STORE_PASSWORD": "ghs_x", "GITHUB_ACTOR": "octocat"}
    done = place.store("status", **default)
    assert done.returncode == 6 and "Traceback" not in done.stderr
    assert "STORE_USERNAME" in done.stderr and "ghs_x" not in done.stderr


def test_a_store_that_is_down_is_reported(place):
    """Nothing is lost, and the exit code says that the store was not reached."""
    place.stop()
    done = place.store("push")
    assert done.returncode == 6 and "Nothing is lost" in done.stderr
    assert "Traceback" not in done.stderr and LOGIN["STORE_PASSWORD"] not in done.stderr
