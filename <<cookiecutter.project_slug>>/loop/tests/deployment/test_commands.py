"""What the commands of the room print."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from mlops_loop.commands import deployment, endpoint
from mlops_loop.deployment import container_check, deploy, smoke
from mlops_loop.deployment.results import AutoRollback, Deployment, ReleaseReverted
from mlops_loop.deployment.smoke import SmokeResult
from mlops_loop.errors import SmokeFailed
from mlops_loop.registry.entries import Entry

DIGEST = f"sha256:{'0' * 64}"
NOTE = {"image_digest": DIGEST, "hold": False}
NOW = Entry("model#production#1", "v1.0.0", "production", "abc", "2026-01-01T00:00:00Z", NOTE)
HELD = Entry(NOW.tag, NOW.version, NOW.stage, NOW.commit, NOW.time, NOTE | {"hold": True})
CHECKED = SmokeResult("http://127.0.0.1:9", "v1.0.0", "0123", 50, 2e-7, 1.25)
ANSWERS = (
    "smoke: http://127.0.0.1:9 runs v1.0.0 (bundle 0123) and answers 50 golden rows, equal to "
    "2.0e-07; 1.25 s"
)
IN_PRODUCTION = f"v1.0.0 is in production as {DIGEST}"


@pytest.fixture
def call(project, monkeypatch):
    """`call("smoke", "URL")` runs a command in a project with a bundle."""
    project.train("a")
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("IMAGE_URL", "registry.example.org/ada/flights")

    def run(name, *args):
        command = getattr(endpoint if name == "smoke" else deployment, name)
        return CliRunner().invoke(command, args, catch_exceptions=False).output.rstrip("\n")

    return run


RESULTS = {
    "changed": (Deployment(NOW, "changed", smoke=CHECKED), f"{IN_PRODUCTION}. {ANSWERS}"),
    "held": (Deployment(HELD, "changed"), f"{IN_PRODUCTION}, held."),
    "unchanged": (Deployment(NOW, "unchanged"), f"Nothing new: {IN_PRODUCTION}."),
    "superseded": (
        Deployment(NOW, "superseded"),
        f"Not deployed, production is newer: {IN_PRODUCTION}.",
    ),
    "nothing": (
        Deployment(None, "superseded", pointer_synced=False),
        "Not deployed, production is newer: nothing is in production. "
        "https://registry.example.org/ada/flights cannot delete its tag production, which is out "
        "of date.",
    ),
}


@pytest.mark.parametrize(("result", "text"), RESULTS.values(), ids=RESULTS)
def test_what_a_deployment_led_to(call, project, monkeypatch, result, text):
    """One sentence for each outcome, of both commands."""
    project.commit()
    monkeypatch.setattr(deploy, "deploy", lambda *_: result)
    monkeypatch.setattr(deploy, "rollback", lambda *_: result)
    assert call("deploy", "v1.0.0") == call("rollback", "--why", "bad") == text


REVERTED = {
    "checked": (
        AutoRollback(DIGEST, NOW, smoke=CHECKED),
        f"The previous version is restored: {IN_PRODUCTION}. {ANSWERS}",
    ),
    "not checked": (
        AutoRollback(DIGEST, NOW, smoke_error="no answer"),
        f"The previous version is restored: {IN_PRODUCTION}. Its endpoint is not verified yet: "
        "no answer",
    ),
    "the first": (AutoRollback(None), "No image ran before. Now nothing is in production."),
    "no ledger": (
        AutoRollback(DIGEST, ledger_error="origin is down"),
        f"The tag production is back at {DIGEST}, and the ledger was not written: origin is down",
    ),
    "nothing at all": (
        AutoRollback(None, ledger_error="origin is down"),
        "The tag production has no earlier image, and the ledger was not written: origin is down",
    ),
}


@pytest.mark.parametrize(("restored", "text"), REVERTED.values(), ids=REVERTED)
def test_a_release_that_failed(call, project, monkeypatch, restored, text):
    """The reason, and what was done."""
    project.commit()

    def fail(*_):
        raise ReleaseReverted(SmokeFailed("late answers."), restored)

    monkeypatch.setattr(deploy, "deploy", fail)
    with pytest.raises(SmokeFailed, match="late answers") as failed:
        call("deploy", "v1.0.0")
    assert (type(failed.value), str(failed.value)) == (SmokeFailed, f"late answers. {text}")


def test_answers_of_an_endpoint(call, monkeypatch):
    """By `smoke`, and by `verify-image` with what was measured."""
    monkeypatch.setattr(smoke, "smoke", lambda *_, **__: CHECKED)
    measured = {"latency_p95_ms": 4.25, "image_mb": 512.0}
    checked = container_check.ContainerCheck(CHECKED, measured)
    monkeypatch.setattr(container_check, "check_image", lambda *_, **__: checked)
    assert call("smoke", CHECKED.url) == ANSWERS
    assert call("verify_image", "image") == f"{ANSWERS}; latency_p95_ms 4.25, image_mb 512"


def test_the_name_of_an_image(call, project, monkeypatch):
    """As the outputs of a step; the digest is that of an earlier build."""
    project.commit()
    monkeypatch.setattr(deployment.Image, "digest", lambda self, tag: DIGEST)
    facts = dict(line.split("=") for line in call("image_tag").splitlines())
    commit = project.git("rev-parse", "--short=12", "HEAD")
    assert facts["tag"].partition("-")[0] == commit
    assert facts["version"] == "v1.0.0"
    assert facts["tag"].endswith("-v1.0.0")
    assert (facts["registry"], facts["digest"]) == ("registry.example.org", DIGEST)
    assert facts["name"] == "registry.example.org/ada/flights"
