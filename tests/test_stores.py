"""The answers `s3`, `gs`, `azure` and `ssh`: data and finished runs travel through a real server.

moto stands in for S3, fake-gcs-server for Google's storage, azurite for Azure's.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from conftest import OPTION_SETS, ROOT, check, require_tool, run
from moto.server import ThreadedMotoServer
from workflows.double import Double
from workflows.double.npm import modules

STORE = ("uv", "run", "--frozen", "loop", "store")
LOGIN = {"STORE_USERNAME": "someone", "STORE_PASSWORD": "pa55-w0rd"}
# The account of azurite, which it has published: https://github.com/Azure/Azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
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


def ended(server: subprocess.Popen) -> Callable[[], None]:
    """Return what ends a program that was started here."""

    def stop() -> None:
        server.terminate()
        server.wait(timeout=10)

    return stop


def gs(laptop: Path, folder: Path) -> Place:
    """Start fake-gcs-server, with the bucket of the answer."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    program = [require_tool("fake-gcs-server"), "-backend", "memory", "-scheme", "http"]
    program += ["-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"]
    server = subprocess.Popen(program, stderr=subprocess.DEVNULL)
    answered(f"{address}/storage/v1/b?project=p", server)
    bucket = {"name": "flight-delays-store"}
    httpx.post(f"{address}/storage/v1/b?project=p", json=bucket).raise_for_status()
    # Without it, gcsfs asks Google itself what kind of bucket it is, whatever the host.
    env = {"STORAGE_EMULATOR_HOST": address, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    return Place(laptop, ended(server), env)


def azure(laptop: Path, folder: Path) -> Place:
    """Start azurite, with the container of the answer."""
    port = free_port()
    main = modules(ROOT / "tests" / "azurite") / "azurite/dist/src/blob/main.js"
    program = [require_tool("node"), main, "--silent", "--location", folder / "azurite"]
    program += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--skipApiVersionCheck"]
    server = subprocess.Popen([*program, "--disableTelemetry"])
    address = f"http://127.0.0.1:{port}/{ACCOUNT}"
    answered(address, server)
    login = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={address}"
    env = {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=http;{login}"}
    make = "from azure.storage.blob import BlobServiceClient as Client; import os; "
    make += "Client.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])"
    make += ".create_container('flight-delays-store')"
    check(laptop / ".venv" / "bin" / "python", "-c", make, cwd=laptop, env=os.environ | env)
    return Place(laptop, ended(server), env)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def answered(address: str, server: subprocess.Popen) -> None:
    """Wait until a server answers, whatever it says."""
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        with suppress(httpx.TransportError):
            httpx.get(address)
            return
        time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


KINDS = (s3, gs, azure, ssh)


@pytest.fixture(scope="module", params=KINDS, ids=[kind.__name__ for kind in KINDS])
def place(request, baked, module_path) -> Iterator[Place]:
    """Return a project of the answer with its environment, data prepared, and a running server."""
    kind = request.param.__name__
    folder = module_path / kind
    (options,) = (found for found in OPTION_SETS if found["dvc_remote"] == kind)
    laptop = Path(shutil.copytree(baked(options), folder / "laptop"))
    check("make", ".venv", cwd=laptop)
    place = request.param(laptop, folder)
    try:
        check("uv", "run", "--frozen", "loop", "repro", "prepare", cwd=laptop)
        check("git", "commit", "--quiet", "--all", "--message", "Data", cwd=laptop)
        yield place
    finally:
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


def test_a_wrong_address_is_no_empty_store(place, tmp_path):
    """A mistyped bucket, container or folder is refused by each command, and nothing is made."""
    config = (place.laptop / ".dvc" / "config").read_text()
    (url,) = re.findall(r"url = (.*)", config)
    url = place.env.get("STORE_URL", url)
    wrong = (
        url.replace("/store", "/tpyo/store") if "ssh:" in url else url.replace("-store", "-tpyo")
    )
    for command in ("status", "pull", "push", "gc"):
        done = place.store(command, STORE_URL=wrong)
        assert done.returncode == 6, done.stdout
        assert "does not exist: there is no" in done.stderr and "Traceback" not in done.stderr


def test_a_login_of_github_is_for_no_one_else(place):
    """What a workflow has by default is not sent: refused in a sentence where there is no other."""
    default = {"STORE_USERNAME": "octocat", "STORE_PASSWORD": "ghs_x", "GITHUB_ACTOR": "octocat"}
    done = place.store("status", **default)
    assert "Traceback" not in done.stderr and "ghs_x" not in done.stderr
    assert done.returncode == (6 if "STORE_USERNAME" in place.env else 0)
    assert ("STORE_USERNAME" in done.stderr) == bool(done.returncode)


GUID = "01234567-0000-4000-8000-0123456789ab"
POOL = "projects/42/locations/global/workloadIdentityPools/p/providers/github"
ARN = "arn:aws:iam::123456789012:role/r"
CLOUD_LOGIN = {
    "s3": f"reader={ARN} writer={ARN} region=eu-central-1",
    "azure": f"reader={GUID} writer={GUID} tenant={GUID}",
    "gs": f"reader={POOL} writer={POOL}",
}
# What each library would do with the variables, up to the request that only its cloud answers.
LIBRARIES = {
    "s3": """
import botocore.session
session = botocore.session.get_session()
print(session.get_credentials().method, session.get_config_variable("region"))
""",
    "azure": """
import json, sys
from dvc.repo import Repo
from mlops_loop.storage.remote import dvc_settings
from pathlib import Path
with Repo(**dvc_settings(Path())) as repo:
    fs = repo.cloud.get_remote_odb(None, "store", hash_name="md5").fs
    chain = fs.fs_args["credential"].credentials
    print(*(type(credential).__name__ for credential in chain))
    print(chain[0]._token_file_path, chain[0]._client._client_id)
""",
    "gs": """
import os, google.auth
path = os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
found, _ = google.auth.load_credentials_from_file(path)
print(type(found).__name__, found.retrieve_subject_token(None))
""",
}


@pytest.fixture
def logged_in(place, tmp_path) -> Iterator[dict[str, str]]:
    """Return the environment of a job's later steps, after `loop cloud login`."""
    kind = (place.laptop / ".dvc" / "config").read_text().partition("url = ")[2].partition(":")[0]
    with Double("octo-org/flight-delays") as github:
        env = os.environ | github.environment(github.token("ci/x", {"id-token": "write"}))
        env |= place.env | {"STORE_PASSWORD": "", "STORE_USERNAME": ACCOUNT, "STORE_URL": ""}
        env |= {"CLOUD_LOGIN": CLOUD_LOGIN.get(kind, "x"), "RUNNER_TEMP": str(tmp_path)}
        env |= {"GITHUB_ENV": str(tmp_path / "env"), "KIND": kind}
        env.pop("AZURE_STORAGE_CONNECTION_STRING", None)
        done = run("uv", "run", "--frozen", "loop", "cloud", "login", cwd=place.laptop, env=env)
        env["SAID"] = done.stdout + done.stderr
        lines = Path(env["GITHUB_ENV"]).read_text().splitlines() if not done.returncode else []
        yield env | dict(line.split("=", 1) for line in lines)


def test_the_libraries_take_the_token_of_the_job(place, logged_in):
    """No other login is tried, and the token is the one that GitHub signed."""
    kind = logged_in["KIND"]
    if kind not in CLOUD_LOGIN:
        assert "the store is no bucket" in logged_in["SAID"]
        return
    python = place.laptop / ".venv" / "bin" / "python"
    said = check(python, "-c", LIBRARIES[kind], cwd=place.laptop, env=logged_in).split()
    token = Path(logged_in["STORE_TOKEN_FILE"])
    assert (
        said
        == {
            "s3": ["assume-role-with-web-identity", "eu-central-1"],
            "azure": ["WorkloadIdentityCredential", str(token), GUID],
            "gs": ["Credentials", token.read_text()],
        }[kind]
    )


def test_a_store_that_is_down_is_reported(place):
    """Nothing is lost, and the exit code says that the store was not reached."""
    place.stop()
    done = place.store("push")
    assert done.returncode == 6 and "Nothing is lost" in done.stderr
    assert "Traceback" not in done.stderr and LOGIN["STORE_PASSWORD"] not in done.stderr
