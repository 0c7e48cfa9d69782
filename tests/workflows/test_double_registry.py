"""The double's registry: Docker and the project's own store log in with GitHub's rights."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conftest import TEMPLATE, require_tool, run

from .double import Double
from .double.registry import Registry

LOOP = str(TEMPLATE / "loop" / "src")

REPOSITORY = "octo-org/flight-delays"


@pytest.fixture
def github():
    """Return a double of a private repository."""
    with Double(REPOSITORY, private=True) as double:
        yield double


@pytest.fixture
def registry(github: Double, tmp_path: Path) -> Registry:
    """Return its registry, empty."""
    return github.registry(tmp_path / "registry")


def upload(registry: Registry, password: str, data: bytes = b"blob", name: str = "") -> str:
    """Do what a client of a registry does: ask, log in, begin an upload, end it; the outcome."""
    url = f"http://{registry.address}/v2/{name or REPOSITORY}/blobs/uploads/"
    asked = httpx.post(url).headers["www-authenticate"]
    said = dict(re.findall(r'(\w+)="([^"]*)"', asked))
    scope = f"repository:{name or REPOSITORY}:pull,push"
    login = httpx.get(
        said["realm"],
        params={"service": said["service"], "scope": scope},
        auth=("octocat", password) if password else None,
    )
    if login.status_code != 200:
        return f"login {login.status_code}"
    headers = {"Authorization": f"Bearer {login.json()['token']}"}
    begun = httpx.post(url, headers=headers)
    if begun.status_code != 202:
        return f"upload {begun.status_code}"
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place = f"{begun.headers['location']}&digest={digest}"
    done = httpx.put(place, content=data, headers=headers)
    return f"stored {done.status_code}"


@pytest.mark.parametrize(
    ("permissions", "outcome"),
    [
        ({"packages": "write"}, "stored 201"),
        ({"packages": "read"}, "upload 401"),
        ({"contents": "write"}, "upload 401"),
    ],
    ids=["write", "read", "none"],
)
def test_upload_needs_packages_write(github: Double, registry: Registry, permissions, outcome):
    """A job without packages: write cannot store anything."""
    assert upload(registry, github.token("release/build", permissions)) == outcome


def test_upload_of_others(github: Double, registry: Registry):
    """Nobody and strangers are refused, a job elsewhere too; a person reaches the owner's names."""
    job, person = github.token("a/b", {"packages": "write"}), github.person(role="write")
    assert upload(registry, "") == "login 401"
    assert upload(registry, "guess") == "login 401"
    assert upload(registry, job, name="octo-org/other") == "upload 401"
    assert upload(registry, person, name="octo-org/other") == "stored 201"
    assert upload(registry, person, name="else/other") == "upload 401"


def test_a_package_outlives_its_repository(github: Double, registry: Registry):
    """Made again, a repository may not write what it wrote; renamed, it may, by the old name."""
    job, person = github.token("a/b", {"packages": "write"}), github.person(role="write")
    github.package("flight-delays/store", ["latest"], repository=None)
    assert upload(registry, job, name=f"{REPOSITORY}/store") == "upload 401"
    assert upload(registry, person, name=f"{REPOSITORY}/store") == "stored 201"
    github.package("old/store", ["latest"])
    assert upload(registry, job, name="octo-org/old/store") == "stored 201"


def test_grants_are_used_by_what_was_done(github: Double, registry: Registry):
    """A job that was granted writing and only looks has not used its grant."""
    token = github.token("release/build", {"packages": "write"})
    login = github.url + f"/registry/token?service=double&scope=repository:{REPOSITORY}:pull,push"
    value = httpx.get(login, auth=("x", token)).json()["token"]
    tags = f"http://{registry.address}/v2/{REPOSITORY}/tags/list"
    assert httpx.get(tags, headers={"Authorization": f"Bearer {value}"}).status_code == 404
    assert github.unused_grants("release/build") == ["packages: write"]
    upload(registry, token)
    assert github.unused_grants("release/build") == []


STORE = """\
import io, sys
from pathlib import Path
from mlops_loop.storage.oci import ContainerRegistry
registry, data = ContainerRegistry(sys.argv[1]), bytes(range(256)) * 4096
digest = registry.upload(io.BytesIO(data), len(data), lambda size: None)
config = {"mediaType": "application/octet-stream", "digest": digest, "size": len(data)}
kind = "application/vnd.oci.image.manifest.v1+json"
registry.put_manifest("v1", dict(schemaVersion=2, mediaType=kind, config=config, layers=[config]))
registry.download(digest, len(data), Path(sys.argv[2]), lambda size: None)
print(registry.tags(), Path(sys.argv[2]).read_bytes() == data)
"""


@pytest.mark.parametrize("fault", ["none", "busy", "upload", "download"])
def test_projects_own_store(github: Double, registry: Registry, tmp_path, fault: str):
    """The project's client stores and brings back a blob, also past what fails once."""
    if fault == "busy":
        github.fail("*", r"/v2/.*", 503, times=2)
    elif fault != "none":
        registry.cut_after(500_000, fault)
    token = github.token("release/train", {"packages": "write"})
    env = os.environ | github.environment(token) | {"GITHUB_ACTOR": "octocat", "PYTHONPATH": LOOP}
    command = [sys.executable, "-c", STORE, registry.url, tmp_path / "part"]
    done = run(*command, cwd=tmp_path, env=env, timeout=120)
    assert done.stdout == "['v1'] True\n", done.stderr
    busy = sum(call.status == 503 for call in github.calls)
    assert (busy, registry.cuts) == {"none": (0, 0), "busy": (2, 0)}.get(fault, (0, 1))


def test_registry_down_and_up(github: Double, registry: Registry):
    """A registry that is down drops connections until it is up again."""
    token = github.token("release/build", {"packages": "write"})
    registry.down()
    with pytest.raises(httpx.TransportError):
        upload(registry, token)
    registry.up()
    assert upload(registry, token) == "stored 201"


def test_docker_pushes_and_pulls(github: Double, registry: Registry, tmp_path: Path):
    """Docker itself logs in with a job's token, pushes, and is refused without the grant."""
    docker = require_tool("docker")
    if subprocess.run([docker, "info"], capture_output=True, timeout=60).returncode:
        pytest.skip("no Docker engine is running")
    image = f"{registry.address}/{REPOSITORY}:v1"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    env = os.environ | {"DOCKER_CONFIG": str(tmp_path / "docker")}

    def call(*arguments: str, **options):
        return run(docker, *arguments, cwd=tmp_path, env=env, **options)

    assert call("build", "--tag", image, ".").returncode == 0
    for level, code in (("read", 1), ("write", 0)):
        token = github.token(f"ci/{level}", {"packages": level})
        login = ("login", registry.address, "--username", "octocat", "--password-stdin")
        assert call(*login, input=token).returncode == 0
        pushed = call("push", image)
        assert pushed.returncode == code, pushed.stdout + pushed.stderr
    assert call("rmi", image).returncode == 0
    assert call("pull", image).returncode == 0
    call("rmi", image)
