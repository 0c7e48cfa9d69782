"""The container of a trained project: built, locked down, asked the golden rows, and stopped."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import check
from engine import bundle_id, certificates

BASE = "python:3.11-slim-bookworm"
MOST_BYTES_BEYOND_BASE = 220_000_000
MOST_BYTES_OF_A_RELEASE = 10_000_000  # that changes code alone
LOCKED_DOWN = ["--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges"]
IMPATIENT = ["--health-interval=1s", "--health-start-period=0s", "--health-retries=2"]
TASKS = ("classification", "regression")


@pytest.fixture
def start(docker, image):
    """Give a function that starts a container and returns its name and address."""
    names = []

    def run(task, *options):
        name = f"{task}-{os.getpid()}-{len(names)}"
        names.append(name)
        docker("run", "--detach", "--name", name, "-p", "127.0.0.1::8000", *options, image(task))
        return name, "http://" + docker("port", name, "8000").stdout.split()[0]

    yield run
    for name in names:
        docker("rm", "--force", name)


def smoke(project, url):
    """Run the project's own smoke test, as the release does, and return what it says."""
    command = [project / ".venv" / "bin" / "loop", "smoke", url]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def health(docker, name):
    """Wait for a verdict of the health check; return it and the last thing that it printed."""
    for _ in range(60):
        state = json.loads(docker("inspect", "--format", "{{json .State}}", name).stdout)
        if state["Health"]["Status"] != "starting":
            return state["Health"]["Status"], state["Health"]["Log"][-1]["Output"]
        time.sleep(0.5)
    pytest.fail(f"the health check of {name} says nothing: {state}")


def get(url):
    """Return status and JSON of an answer; wait while nobody listens yet."""
    for _ in range(60):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  # loopback
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"{url} does not answer")


@contextmanager
def composed(docker, project, **environment):
    """Bring the project's compose file up and wait until it is healthy; take it down again."""
    name = f"--project-name=test-{os.getpid()}"
    try:
        yield docker("compose", name, "up", "--detach", "--wait", cwd=project, env=environment)
    finally:
        docker("compose", name, "down", "--timeout=10", "--volumes", cwd=project, env=environment)


@pytest.mark.parametrize("task", TASKS)
def test_golden_rows(start, docker, trained_project, task):
    """Read-only and without rights, the container gives the golden rows the gate's scores."""
    name, url = start(task, *LOCKED_DOWN, *IMPATIENT)
    assert "50 golden rows" in smoke(trained_project(task), url)
    assert health(docker, name)[0] == "healthy"


def test_facts_of_the_build(start, docker, image):
    """Version and commit of the build are at `/version` and in the labels."""
    _, url = start("classification", "--env=IMAGE_DIGEST=sha256:9f")
    version = get(f"{url}/version")[1]
    facts = [version[name] for name in ("model_version", "git_commit", "image_digest")]
    assert facts == ["v1.4.0", "0123abc", "sha256:9f"]
    labels = docker("inspect", "--format", "{{json .Config.Labels}}", image("classification"))
    assert json.loads(labels.stdout)["org.opencontainers.image.version"] == "v1.4.0"


def label(docker, name):
    """Return the label that names the bundle of an image."""
    form = '{{index .Config.Labels "mlops-loop.bundle-id"}}'
    return docker("image", "inspect", "--format", form, name).stdout.strip()


def test_the_label_names_the_bundle(docker, image, trained_project):
    """As a build of the release writes it, and as `make image` does."""
    project = trained_project("classification")
    assert label(docker, image("classification")) == bundle_id(project)
    tag = f"label-{os.getpid()}"
    env = docker.environment | {"RIG_IMAGE_TAG": tag}
    env["PATH"] = f"{Path(__file__).parent / 'workflows' / 'bin'}:{env['PATH']}"
    check("make", "image", cwd=project, env=env)
    try:
        assert label(docker, f"flight-delays:{tag}") == bundle_id(project)
    finally:
        docker("image", "rm", f"flight-delays:{tag}")


def test_a_label_that_is_not_true_is_not_built(docker, image, trained_project):
    """The build was told of another bundle."""
    image("classification")
    project = trained_project("classification")
    call = ("build", *certificates(), "--build-arg=BUNDLE_ID=0123456789ab", project)
    done = docker(*call, succeed=False)
    assert done.returncode
    assert f"is {bundle_id(project)}, and BUNDLE_ID is 0123456789ab" in done.stdout + done.stderr


def test_without_a_bundle(start, docker):
    """A container without a bundle runs, is not ready, and says why wherever one looks."""
    name, url = start("classification", "--env=BUNDLE_DIR=/tmp", *LOCKED_DOWN, *IMPATIENT)
    assert get(f"{url}/health")[0] == 200
    status, answer = get(f"{url}/ready")
    assert (status, answer["detail"].split(".")[0]) == (503, "No model bundle in /tmp")
    verdict, reason = health(docker, name)
    assert verdict == "unhealthy"
    assert "No model bundle in /tmp" in reason


def test_changed_bundle(start, docker, image, tmp_path):
    """A bundle that was changed after training is not served, and the file is named."""
    origin = docker("create", image("classification")).stdout.strip()
    docker("cp", f"{origin}:/app/models/bundle", tmp_path / "bundle")
    docker("rm", origin)
    with (tmp_path / "bundle" / "model.onnx").open("ab") as file:
        file.write(b"!")
    _, url = start("classification", f"--volume={tmp_path / 'bundle'}:/app/models/bundle:ro")
    status, answer = get(f"{url}/ready")
    assert status == 503
    assert "model.onnx does not match its manifest" in answer["detail"]


def test_stops_gracefully(start, docker):
    """A stop is obeyed at once and ends with 0, not with a kill."""
    name, url = start("classification")
    assert get(f"{url}/ready")[0] == 200
    begin = time.monotonic()
    docker("stop", "--time=20", name)
    assert time.monotonic() - begin < 10
    assert docker("inspect", "--format", "{{.State.ExitCode}}", name).stdout.strip() == "0"


def test_only_what_serving_needs(docker, image):
    """No training library, no build tool, no root."""
    code = (
        "import importlib.util as u, json, os, shutil;"
        "names = 'pandas', 'sklearn', 'dvc', 'pandera', 'skl2onnx', 'pytest';"
        "found = [name for name in names if u.find_spec(name)];"
        "print(json.dumps([found, shutil.which('uv'), os.getuid()]))"
    )
    done = docker("run", "--rm", image("classification"), "python", "-c", code)
    assert json.loads(done.stdout) == [[], None, 10001]


def test_nothing_of_the_build_machine(docker, image):
    """Secrets that the build was handed are in no layer, and the code was compiled before."""
    code = (
        "import pathlib, flight_delays, mlops_loop;"
        "folders = [pathlib.Path(m.__file__).parent for m in (flight_delays, mlops_loop)];"
        "print(min(len(list((folder / '__pycache__').iterdir())) for folder in folders));"
        "print([p for p in ('/app/uv.lock', '/root/.netrc', '/root/.config') "
        "if pathlib.Path(p).exists()])"
    )
    done = docker("run", "--rm", "--user=0", image("classification"), "python", "-c", code)
    compiled, left = done.stdout.splitlines()
    assert int(compiled) > 0
    assert left == "[]"


def test_size(docker, image):
    """The image stays under its budget beyond the base."""
    size, base = (
        int(docker("image", "inspect", "--format", "{{.Size}}", name).stdout)
        for name in (image("classification"), BASE)
    )
    assert size - base < MOST_BYTES_BEYOND_BASE


def layers(docker, name):
    """Return the bytes of each layer beyond the base, by the layer's hash."""

    def of(form, image):
        return docker("image", "inspect", "--format", f"{{{{json {form}}}}}", image).stdout

    own = json.loads(of(".RootFS.Layers", name))[len(json.loads(of(".RootFS.Layers", BASE))) :]
    form = "--format={{.Size}} {{.CreatedBy}}"
    shown = docker("history", "--human=false", "--no-trunc", form, name).stdout
    made = [line.split() for line in shown.splitlines()]
    sizes = [int(size) for size, *words in made if words[:1] in (["COPY"], ["RUN"], ["WORKDIR"])]
    return dict(zip(own, sizes[::-1][-len(own) :], strict=True))


def test_a_release_of_code_moves_few_bytes(docker, image, trained_project, tmp_path):
    """Other code is a layer of its own: the dependencies are those that a host has already."""
    folder, old = tmp_path / "project", image("classification")
    unused = shutil.ignore_patterns(".*", "build", "data", "docs", "reports", "tests", "trained")
    shutil.copytree(trained_project("classification"), folder, ignore=unused)
    with (folder / "loop/src/mlops_loop/cli.py").open("a") as file:
        file.write("# Another release.\n")
    name = f"flight-delays:code-{os.getpid()}"
    docker("build", *certificates(), "--tag", name, folder)
    try:
        new = layers(docker, name)
    finally:
        docker("image", "rm", name)
    moved = [size for layer, size in new.items() if layer not in layers(docker, old)]
    assert 100_000 < sum(moved) < MOST_BYTES_OF_A_RELEASE < sum(new.values())


def test_the_same_packages_are_the_same_bytes(docker, image):
    """Bytecode has the hash of its source (3) where else the time of the build is (0)."""
    code = (
        "import pathlib, sysconfig;"
        "found = pathlib.Path(sysconfig.get_path('purelib')).rglob('*.pyc');"
        "print(sorted({path.read_bytes()[4] for path in found}))"
    )
    done = docker("run", "--rm", image("classification"), "python", "-c", code)
    assert done.stdout == "[3]\n"


def test_compose(docker, image, trained_project):
    """`docker compose up --wait` ends healthy, on a loopback port that answers the golden rows."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    project = trained_project("classification")
    url = f"http://127.0.0.1:{port}"
    with composed(docker, project, IMAGE=image("classification"), PUBLISHED_PORT=port):
        assert "50 golden rows" in smoke(project, url)
        written = logged_rows(url)
        assert written > 50
        prune = ["exec", "endpoint", "loop", "log", "prune", "--days=0"]
        name = f"--project-name=test-{os.getpid()}"
        assert "log: 0 requests" in docker("compose", name, *prune, cwd=project).stdout


def logged_rows(url):
    """Wait until all predictions are on the container's disk; return how many rows that is."""
    for _ in range(50):
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310  # loopback
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
        if lines["prediction_log_queued_rows"] == "0.0":
            return float(lines["prediction_log_written_rows_total"])
        time.sleep(0.1)
    pytest.fail("the log is not written")
