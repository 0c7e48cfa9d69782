"""`loop follow`: its settings are those of the pod, and it loads what a container has."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mlops_loop.commands import endpoint
from mlops_loop.deployment import attestation, cluster
from mlops_loop.deployment import follow as following
from mlops_loop.errors import UsageError

DIGEST = f"sha256:{'a' * 64}"
IMAGE = "127.0.0.1:5000/o/flights"


@pytest.fixture
def given(monkeypatch):
    """What `follow` was called with, by the environment of a pod."""
    seen = []
    monkeypatch.setattr(cluster, "Cluster", lambda: "cluster")
    answer = following.Followed(DIGEST, "changed", 2)
    monkeypatch.setattr(following, "follow", lambda to: seen.append(to) or answer)
    monkeypatch.setenv("IMAGE", IMAGE)
    monkeypatch.setenv("DEPLOYMENT", "flights")
    return seen


def follow(*arguments):
    return CliRunner().invoke(endpoint.follow, arguments, catch_exceptions=False)


def test_settings_come_from_the_pod(given):
    """The registry is that of the image; nothing is verified unless it is asked."""
    done = follow()
    assert (done.exit_code, done.output) == (0, f"follow: {DIGEST} runs, in 2 pods\n")
    (to,) = given
    assert (to.image, to.deployment, to.candidate) == (IMAGE, "flights", "flights-candidate")
    assert to.registry.url == f"http://{IMAGE}"
    assert to.verify("any") == "any"


@pytest.mark.parametrize("value", ["true", "1"])
def test_signatures_are_asked_for(given, monkeypatch, value):
    """Beside the image, of the named repository."""
    calls = []
    monkeypatch.setattr(attestation, "verify", lambda image, **more: calls.append((image, more)))
    monkeypatch.setenv("VERIFY_IMAGE", value)
    monkeypatch.setenv("REPOSITORY", "o/r")
    follow()
    given[0].verify("image")
    assert calls == [("image", {"repository": "o/r", "from_registry": True})]


def test_an_image_with_a_tag(given, monkeypatch):
    """It is refused before the cluster is asked."""
    monkeypatch.setenv("IMAGE", "ghcr.io/o/r:latest")
    with pytest.raises(UsageError, match="without a tag"):
        follow()
    assert given == []


LIBRARIES = "{'dvc', 'fsspec', 'git', 'githubkit', 'gto', 'pandas', 'sklearn'}"


def test_the_container_has_what_it_needs():
    """Neither `smoke` nor `follow` loads a library of the pipeline."""
    code = (
        "import sys; from mlops_loop.commands import endpoint;"
        "from mlops_loop.deployment import attestation, cluster, follow;"
        f"print(sorted({LIBRARIES} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
