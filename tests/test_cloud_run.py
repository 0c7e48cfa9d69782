"""The service of deploy/cloud-run by Google's own types, and the order of deploy.py's calls."""

import json

import pytest
from conftest import AS_OF, OPTION_SETS, ROOT, check, require_tool, run

CLIENT = "google-cloud-run==0.16.2"
SCENARIOS = ROOT / "tests" / "cloud_run" / "scenarios.py"
OLD, NEW = "flight-delays-old", f"flight-delays-{'d' * 12}"


@pytest.fixture(scope="module")
def folder(baked):
    """Return deploy/cloud-run of a generated project."""
    options = next(o for o in OPTION_SETS if o["deploy_target"] == "cloud-run")
    return baked(options) / "deploy" / "cloud-run"


@pytest.fixture(scope="module")
def python():
    """Return the start of a command in an environment of its own, which has Google's client."""
    start = (require_tool("uv"), "run", "--quiet", "--no-project", "--python", "3.11", *AS_OF)
    return (*start, "--with", CLIENT, "python", "-B")


@pytest.fixture
def scenario(folder, python, tmp_path):
    """Give a function that runs one, and returns what happened."""

    def call(name):
        return json.loads(check(*python, SCENARIOS, folder / "deploy.py", name, cwd=tmp_path))

    return call


@pytest.mark.parametrize("name", ["named", "latest"])
def test_traffic_moves_after_the_golden_rows(scenario, name):
    """The new revision has none while it is checked, also where the latest one had all."""
    seen = scenario(name)
    assert seen["calls"] == [[[OLD, 100, ""], [NEW, 0, "candidate"]], [[NEW, 100, ""]]]
    assert seen["checked"] == [["https://candidate", 1]]
    assert seen["end"] == ""


def test_a_wrong_answer_leaves_the_old_revision(scenario):
    """It gets no traffic, its address is gone, and the call fails with a sentence."""
    seen = scenario("wrong")
    assert seen["calls"][-1] == [[OLD, 100, ""]]
    assert "answers wrongly and gets no traffic; it stays: flight-delays-old 100 %" in seen["end"]


def test_the_first_service(scenario):
    """It is checked as well, at the only address."""
    seen = scenario("first")
    assert seen["checked"] == [["https://service", 1]]
    assert seen["calls"] == [[], [[NEW, 100, ""]]]


def test_the_service_names_a_digest(scenario):
    """As image, and as what /version reports; the log is that of all instances."""
    (container,) = scenario("named")["service"]["template"]["containers"]
    digest = f"sha256:{'d' * 64}"
    assert container["image"].endswith(f"@{digest}")
    env = {e["name"]: e["value"] for e in container["env"]}
    assert env == {"REQUIRE_BUNDLE": "true", "SHARED_LOG": "true", "IMAGE_DIGEST": digest}


def test_undo_is_a_share_of_the_traffic(scenario):
    """Nothing is started."""
    assert scenario("rollback")["calls"] == [[[OLD, 100, ""]]]


def test_a_slip_is_found(scenario):
    """Google's types refuse an unknown key."""
    seen = scenario("strict")
    assert "containerport" in seen["end"]
    assert seen["calls"] == []


@pytest.mark.parametrize("arguments", [(), ("deploy",), ("deploy", "image:latest")], ids=str)
def test_a_wrong_call(folder, python, arguments, tmp_path):
    """It shows the right ones."""
    done = run(*python, folder / "deploy.py", *arguments, cwd=tmp_path)
    assert done.returncode == 64
    assert "deploy.py deploy IMAGE@sha256:DIGEST" in done.stderr


def test_it_is_labelled_as_not_run(folder):
    """In the page and in the script."""
    assert "**Validated, not run**" in (folder / "README.md").read_text()
    assert "Not run against Google" in (folder / "deploy.py").read_text()
