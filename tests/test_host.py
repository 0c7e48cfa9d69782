"""A host that follows production, for real: registry, engine, and clients that never stop asking.

The check of the same image (`verify-image`) is here too: both run it as it runs in production.
"""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import check, require_tool, run
from loop import shell_lines

CONFIG = """version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""
CLIENTS = 4


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def registry(module_path):
    """Return the address of a real registry on loopback."""
    folder, port = module_path, free_port()
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    command = [require_tool("docker-registry"), "serve", folder / "config.yml"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    for _ in range(100):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                break
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


@dataclass
class Host:
    """`release(line)` moves production to the image with one more line; `pull()` follows it."""

    docker: object
    folder: Path
    image: str
    base: str
    environment: dict[str, str]
    url: str
    built: list = field(default_factory=list)

    def release(self, line: str) -> str:
        """Build, push, and return the digest."""
        name = f"{self.image}:production"
        # An image of this process alone: another one removes its own, by their ids.
        number = f"{os.getpid()}-{len(self.built)}"
        recipe = f"FROM {self.base}\nLABEL number={number}\n{line}\n"
        self.docker("build", "--quiet", "--tag", name, "-", input=recipe)
        pushed = self.docker("push", name).stdout
        self.docker("image", "rm", name)
        self.built.append(re.search(r"digest: (sha256:[0-9a-f]{64})", pushed)[1])
        return self.built[-1]

    def pull(self) -> subprocess.CompletedProcess[str]:
        """Look for a new production once."""
        return run("./pull.sh", cwd=self.folder, env=self.environment)

    def version(self) -> dict:
        """Return what the endpoint says of itself."""
        return json.loads(ask(self.url, "GET", "/version")[1])


def ask(url: str, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
    """Return status and body of one request on a connection of its own."""
    client = http.client.HTTPConnection(url, timeout=30)
    try:
        client.request(method, path, body)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


@pytest.fixture
def host(docker, image, registry, trained_project, tmp_path):
    """Give a host with nothing on it yet; remove what it started."""
    folder, port = tmp_path / "host", free_port()
    shutil.copytree(trained_project("classification") / "deploy" / "host", folder)
    name = f"{registry}/host-{os.getpid()}"
    environment = docker.environment | {
        "IMAGE": name,
        "PUBLISHED_PORT": str(port),
        "COMPOSE_PROJECT_NAME": f"host-{os.getpid()}",
    }
    base = image("classification")
    made = Host(docker, folder, name, base, environment, f"127.0.0.1:{port}")
    yield made
    check("docker", "compose", "down", "--timeout=10", "--volumes", cwd=folder, env=environment)
    for line in docker("image", "ls", "--quiet", name).stdout.split():
        docker("image", "rm", "--force", line, succeed=False)


@pytest.fixture
def asking(host, trained_project):
    """Give a function that asks for predictions all the time, until the test ends its block."""
    golden = trained_project("classification") / "models/bundle/golden.jsonl"
    row = json.dumps(json.loads(golden.read_text().splitlines()[0])["row"])
    stop, failed, count = threading.Event(), [], []

    def client():
        while not stop.is_set():
            try:
                status, body = ask(host.url, "POST", "/predict", row)
                failed.extend([body] if status != 200 else [])
            except OSError as error:
                failed.append(repr(error))
            except http.client.HTTPException as error:
                failed.append(repr(error))
            count.append(1)
            time.sleep(0.02)

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]

    def begin():
        for thread in threads:
            thread.start()
        return failed, count

    yield begin
    stop.set()
    for thread in filter(threading.Thread.is_alive, threads):
        thread.join()


def test_no_request_is_lost(host, asking):
    """Three releases one after another, and every request is answered."""
    first = host.release("")
    done = host.pull()
    assert done.stdout == f"pull: {first} runs\n", done.stderr
    failed, count = asking()
    for _ in range(3):
        digest = host.release("")
        done = host.pull()
        assert (done.returncode, done.stdout) == (0, f"pull: {digest} runs\n"), done.stderr
        assert {host.version()["image_digest"] for _ in range(10)} == {digest}
    assert host.pull().stdout == ""
    assert len(count) > 100
    assert failed == []


def test_a_bad_release_leaves_the_old_one(host, asking):
    """Said by the script with the container's words, at `/version`, and only once."""
    good = host.release("")
    host.pull()
    failed, _ = asking()
    bad = host.release("ENV BUNDLE_DIR=/tmp")
    done = host.pull()
    assert done.returncode == 1
    assert "No model bundle in /tmp" in done.stdout
    note = f"pull: {bad} did not become healthy, so the previous version stays"
    assert note in done.stdout
    assert (host.version()["image_digest"], host.version()["deploy_note"]) == (good, note)
    assert (again := host.pull()).returncode == 1
    assert again.stdout == ""
    better = host.release("")
    assert host.pull().stdout == f"pull: {better} runs\n"
    assert (host.version()["image_digest"], host.version()["deploy_note"]) == (better, None)
    assert failed == []


GH = """#!/bin/sh
echo "$@" >> {folder}/gh-calls
[ "$GH_TOKEN" = none ] || exit 4
[ -e {folder}/signer ] || {{ printf '\\nError: no attestations found\\n' >&2; exit 1; }}
cat {folder}/signer
"""
SIGNER = "https://github.com/octo-org/flight-delays/.github/workflows/release.yml@refs/heads/main"


@pytest.fixture
def verifying(host):
    """Give the host a gh, and a function that says who signs; nobody does at first."""
    folder = host.folder.parent / "gh"
    folder.mkdir()
    (folder / "gh").write_text(GH.format(folder=folder))
    (folder / "gh").chmod(0o755)
    host.environment |= {"VERIFY_IMAGE": "true", "REPOSITORY": "octo-org/flight-delays"}
    host.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    host.environment.pop("GH_TOKEN", None)

    def sign(signer):
        (folder / "signer").write_text(signer)
        return folder

    return sign


def containers(host: Host) -> list[str]:
    """Return the names of the services that run."""
    command = ("docker", "compose", "ps", "--services")
    return sorted(check(*command, cwd=host.folder, env=host.environment).split())


def test_an_unsigned_image_is_not_started(host, verifying):
    """Not even on a host without any; the running version stays, and says why."""
    digest = host.release("")
    done = host.pull()
    assert done.returncode == 1
    assert (
        f"pull: {digest} is not signed by {SIGNER}, so it is not started: Error: no" in done.stdout
    )
    assert containers(host) == []
    calls = (verifying(SIGNER + "\n") / "gh-calls").read_text()
    assert f"verify oci://{host.image}@{digest} --bundle-from-oci --repo octo-org/fl" in calls
    assert f"--cert-identity {SIGNER} --format json --jq" in calls
    assert host.pull().stdout == f"pull: {digest} runs\n"
    (verifying("") / "signer").unlink()
    assert host.pull().returncode == 0  # it runs, so it is not asked about again
    bad = host.release("")
    assert host.pull().returncode == 1
    assert host.pull().stdout == ""  # said once
    version = host.version()
    assert version["image_digest"] == digest
    assert f"{bad} is not signed by" in version["deploy_note"]
    verifying(SIGNER + "\n")
    assert host.pull().stdout == f"pull: {bad} runs\n"
    assert host.version()["deploy_note"] is None


@pytest.mark.parametrize("signer", ["", f"{SIGNER}.evil\n", SIGNER.replace("main", "dev") + "\n"])
def test_an_answer_without_the_signer_is_no_verification(host, verifying, signer):
    """Though gh exits with 0, as before 2.67 where there is no attestation."""
    host.release("")
    verifying(signer)
    assert host.pull().returncode == 1
    assert containers(host) == []


def test_a_host_without_gh(host, verifying):
    """Starts nothing, and says what is missing."""
    host.release("")
    (verifying(SIGNER) / "gh").unlink()
    assert "gh: not found" in host.pull().stdout
    assert containers(host) == []


def test_a_registry_that_is_down(host):
    """The running version stays."""
    digest = host.release("")
    host.pull()
    host.environment |= {"IMAGE": "127.0.0.1:9/nowhere"}
    done = host.pull()
    assert "no answer for 127.0.0.1:9/nowhere:production; the running version stays" in done.stdout
    host.environment |= {"IMAGE": host.image}
    assert host.version()["image_digest"] == digest


def test_a_dead_container_is_started_anew(host):
    """A container that was killed, or that a stopped run left, is started anew."""
    digest = host.release("")
    host.pull()
    host.docker("kill", f"host-{os.getpid()}-blue-1")
    assert host.pull().returncode == 0
    assert host.version()["image_digest"] == digest


def test_commands_of_the_readme(host):
    """They work as they stand, but for the port."""
    host.release("")
    lines = [line for block in shell_lines(host.folder / "README.md") for line in block]
    assert len(lines) == 2
    script = " && ".join(lines).replace("127.0.0.1:8000", host.url)
    assert "image_digest" in check("bash", "-c", script, cwd=host.folder, env=host.environment)


def test_units_are_valid(host):
    """As systemd reads them, where it is installed."""
    for unit in ("pull.service", "pull.timer"):
        text = (host.folder / unit).read_text().replace("/opt/flight-delays", str(host.folder))
        (host.folder / unit).write_text(text)
    files = [host.folder / "pull.service", host.folder / "pull.timer"]
    check(require_tool("systemd-analyze"), "verify", "--man=no", *files, cwd=host.folder)


@pytest.fixture
def verify(docker, image, trained_project):
    """Give a function that checks an image with one more line, as the release does.

    It returns the finished `verify-image`, and which containers it left.
    """
    project, base = trained_project("classification"), image("classification")
    name = f"{base}-verified"

    def run_it(line="", *arguments):
        recipe = f"FROM {base}\nLABEL test={os.getpid()}\n{line}"
        docker("build", "--quiet", "--tag", name, "-", input=recipe)
        command = [project / ".venv" / "bin" / "loop", "verify-image", name]
        done = run(*command, *arguments, cwd=project, timeout=200)
        return done, docker("ps", "--all", "--quiet", "--filter", f"ancestor={name}").stdout

    yield run_it
    docker("image", "rm", "--force", name)


def test_verify_image(verify, trained_project):
    """The golden rows are answered; latency and size are left for the gate."""
    done, left = verify()
    assert done.returncode == 0, done.stderr
    assert re.search(r"50 golden rows.* latency_p95_ms [\d.]+, image_mb \d+", done.stdout)
    written = trained_project("classification") / "reports/budgets.json"
    measured = json.loads(written.read_text())["measurements"]
    assert sorted(measured) == ["image_mb", "latency_p95_ms", "memory_mb"]
    assert 50 < measured["memory_mb"] < 300
    assert left == ""


SCORES = "predictor.scores(coded)"


def changed(code: str) -> str:
    """Return lines of a Dockerfile that change the endpoint's code where it scores rows."""
    file = "/app/.venv/lib/python3*/site-packages/mlops_loop/inference/model.py"
    sed = f"RUN sed -i 's/{SCORES}$/{SCORES}{code}/' {file} && grep -F '{code}' {file}"
    return f"USER 0\n{sed}\nUSER 10001:10001"


FAULTS = {
    "answers wrongly": (changed(" - 0.01"), "answers golden row 0 with .* the gate saw"),
    "is too slow": (
        changed(' + 0 * bool(__import__("time").sleep(0.06))'),
        "latency_p95_ms is .*, and gate.yaml allows 50",
    ),
    "lost its model": ("ENV BUNDLE_DIR=/tmp REQUIRE_BUNDLE=true", "No model bundle in /tmp"),
    "does not start": ('CMD ["sh", "-c", "printf \'a\\033[2Jb\'; exit 3"]', "ended instead"),
    "is not ready": ("ENV BUNDLE_DIR=/tmp", "Not ready within 15 s: .* 503"),
    "writes where it may not": ('CMD ["touch", "/app/x"]', "Read-only file system"),
}


@pytest.mark.parametrize(("line", "reason"), FAULTS.values(), ids=FAULTS)
def test_verify_a_bad_image(verify, line, reason):
    """Exits with 5 and the container's last lines, and removes it."""
    done, left = verify(line, "--timeout-s", "15")
    assert done.returncode == 5, done.stderr
    assert re.search(reason, done.stderr)
    assert "\033" not in done.stderr
    assert "The container's last" in done.stderr
    assert left == ""
