"""A container of an image: a real server stands for it, and a script for Docker."""

from __future__ import annotations

import json
import os

import pytest
import yaml

from mlops_loop.deployment import container_check
from mlops_loop.errors import SmokeFailed, UsageError
from mlops_loop.model import bundle

POLICY = {
    "task": "classification",
    "min_rows": 300,
    "primary": {"metric": "roc_auc", "margin": 0.02},
    "absolute": {"roc_auc": 0.6},
    "suspicion": {"too_good": 0.95, "max_gain": 0.2},
}
DOCKER = """#!/bin/sh
echo "$@" >> {folder}/calls
case "$1 $2" in
  "image inspect") case "$4" in *bundle-id*) cat {folder}/label ;; *) echo 123000000 ;; esac ;;
  "inspect "*) cat {folder}/state ;;
  "exec "*) printf 'Name:\tloop\nVmHWM:\t  200000 kB\nVmRSS:\t  1 kB\n' ;;
  "logs "*) printf 'started\\n::error::no memory\\n' ;;
  "login "*) cat >> {folder}/calls ;;
  "run "*) [ ! -e {folder}/broken ] || {{ echo "no such image" >&2; exit 125; }} ;;
esac
"""


@pytest.fixture
def docker(tmp_path, monkeypatch, bundles):
    """`docker(port)` lets the container listen there; `docker(None)` lets it end at once."""
    (tmp_path / "docker").write_text(DOCKER.format(folder=tmp_path))
    (tmp_path / "docker").chmod(0o755)
    (tmp_path / "label").write_text(bundle.load(bundles["binary"]).id)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    def state(port, killed=False):
        ports = {"8000/tcp": [{"HostPort": str(port)}]}
        facts = {"State": {"Running": bool(port), "OOMKilled": killed}}
        facts |= {"NetworkSettings": {"Ports": ports}, "HostConfig": {"Memory": 512 << 20}}
        (tmp_path / "state").write_text(json.dumps([facts]))

    return state


@pytest.fixture
def check(tmp_path, bundles):
    """`check("image", image_mb=100)` tests an image under a budget; its calls are in `calls`."""

    def run(image="image", ran=(), **budgets):
        policy = POLICY | {"budgets": {name: {"at_most": most} for name, most in budgets.items()}}
        (tmp_path / "gate.yaml").write_text(yaml.safe_dump(policy))
        made, out = bundle.load(bundles["binary"]), tmp_path / "budgets.json"
        return container_check.check_image(image, made, tmp_path / "gate.yaml", out, 2.0, ran)

    return run


def calls(folder):
    return (folder / "calls").read_text()


def test_a_good_image(docker, check, live, tmp_path, bundles):
    """It answers, is measured, and is removed; the gate reads the measurements."""
    docker(live()[1])
    result = check(image_mb=600, latency_p95_ms=10_000)
    made = bundle.load(bundles["binary"])
    assert (result.smoke.bundle_id, result.smoke.n_golden_rows) == (made.id, len(made.golden()))
    assert result.measurements["image_mb"] == 123
    assert result.measurements["memory_mb"] == pytest.approx(204.8)
    written = json.loads((tmp_path / "budgets.json").read_text())
    assert (written["bundle"], written["image"]) == (made.id, "image")
    assert written["measurements"] == pytest.approx(result.measurements, abs=1e-6)
    assert "--read-only" in calls(tmp_path)
    assert f"--memory={512 << 20}" in calls(tmp_path)
    assert calls(tmp_path).splitlines()[-1].startswith("rm --force --volumes verify-")


def test_a_budget_that_is_broken(docker, check, live, tmp_path):
    """The value, what is allowed, and the last lines of log; the gate reads it all the same."""
    docker(live()[1])
    with pytest.raises(SmokeFailed, match="image_mb is 123, and gate") as failed:
        check(image_mb=100)
    assert "last 2 lines:\n  started\n  : :error: :no memory" in str(failed.value)
    assert json.loads((tmp_path / "budgets.json").read_text())["measurements"]["image_mb"] == 123
    assert "rm --force" in calls(tmp_path)


@pytest.mark.parametrize(
    ("port", "message"), [(None, "ended instead"), (9, "Not ready within 2 s")]
)
def test_a_container_that_does_not_serve(docker, check, tmp_path, port, message):
    """It ended, or nothing answers in time; it is removed."""
    docker(port)
    with pytest.raises(SmokeFailed, match=message):
        check()
    assert "rm --force" in calls(tmp_path)


def test_a_container_that_was_killed_for_its_memory(docker, check, tmp_path):
    """With what it had, and where to read how to give it more."""
    docker(None, killed=True)
    match = r"was killed: .* than the 537 MB .*Next: a smaller model .*alerts\.md#endpointmemory"
    with pytest.raises(SmokeFailed, match=match):
        check()


def test_a_budget_of_memory_gives_the_container_room(docker, check, live, tmp_path):
    """A model beyond the usual limit can be verified, and is held to its budget."""
    docker(live()[1])
    check(memory_mb=1000)
    assert "--memory=1150000000" in calls(tmp_path)
    with pytest.raises(SmokeFailed, match=r"memory_mb is 204\.8, and gate\.yaml allows 200"):
        check(memory_mb=200)


def test_memory_that_the_kernel_does_not_count_is_not_measured(docker, check, live, tmp_path):
    """As in a sandbox: the gate then says so, and holds where the budget is required."""
    docker(live()[1])
    script = tmp_path / "docker"
    script.write_text(script.read_text().replace("VmHWM", "VmSize"))
    assert "memory_mb" not in check(memory_mb=100).measurements


def test_an_image_that_docker_cannot_start(docker, check, tmp_path):
    """Docker's own reason."""
    (tmp_path / "broken").touch()
    with pytest.raises(UsageError, match="docker run: no such image"):
        check()


@pytest.mark.parametrize(("label", "has"), [("0123", "the label .*=0123"), ("", "no label .*")])
def test_an_image_of_another_model(docker, check, live, tmp_path, label, has):
    """By its label: before a version is registered for it."""
    docker(live()[1])
    (tmp_path / "label").write_text(label)
    match = rf"^image has {has}, and models/bundle is bundle \w{{12}}\. .*Next: make image"
    with pytest.raises(UsageError, match=match):
        check()
    assert "rm --force" in calls(tmp_path)


def test_an_image_from_before_the_label(docker, check, live, tmp_path):
    """One that the version ran with may lack it, and none may name another bundle."""
    docker(live()[1])
    digest = f"sha256:{'0' * 64}"
    (tmp_path / "label").write_text("")
    assert check(f"r.example.org/ada@{digest}", ran={digest}).smoke.n_golden_rows
    with pytest.raises(UsageError, match="no label"):
        check(f"r.example.org/ada@{digest}", ran={digest.replace("0", "1")})
    (tmp_path / "label").write_text("0123")
    with pytest.raises(UsageError, match="bundle-id=0123"):
        check(f"r.example.org/ada@{digest}", ran={digest})


def test_a_job_logs_in_to_the_registry(docker, check, live, tmp_path, monkeypatch):
    """With the password of its environment, on the input; the digest goes into the container."""
    docker(live()[1])
    monkeypatch.setenv("STORE_PASSWORD", "the store's, elsewhere")
    monkeypatch.setenv("IMAGE_PASSWORD", "secret")
    check(f"registry.example.org/ada@sha256:{'0' * 64}")
    first, second, *_ = calls(tmp_path).splitlines()
    assert first == "login registry.example.org --username token --password-stdin"
    assert second.startswith("secret")
    assert f"IMAGE_DIGEST=sha256:{'0' * 64}" in calls(tmp_path)
