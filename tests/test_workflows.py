"""The template's own workflows: pinned, least rights, bounded in time, one check to require."""

import re

import pytest
import yaml
from conftest import ROOT, check, require_tool

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# Action, version and commit, each looked up in the action's own repository.
PINS = {
    action: (version, sha)
    for action, version, sha in (
        line.split("\t") for line in (ROOT / "tests/data/action-pins.tsv").read_text().splitlines()
    )
}
USES = re.compile(r"uses: (?P<action>[^@\s]+)@(?P<sha>\S+) # (?P<version>\S+)$", re.MULTILINE)

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path) -> dict[str, dict]:
    """Return the jobs of a workflow by id."""
    return yaml.safe_load(path.read_text())["jobs"]


def steps(path) -> list[dict]:
    """Return every step of a workflow."""
    return [step for job in jobs(path).values() for step in job["steps"]]


@each_workflow
def test_every_action_is_pinned_to_a_known_commit(path):
    """A tag can be moved; a commit cannot. The comment names the version of that commit."""
    text = path.read_text()
    pinned = list(USES.finditer(text))
    assert len(pinned) == text.count("uses:")
    for match in pinned:
        assert PINS[match["action"]] == (match["version"], match["sha"])


@each_workflow
def test_rights_are_granted_by_job_with_a_reason(path):
    """Nothing is granted at the top, and each grant says what it is for."""
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    assert [name for name, job in jobs(path).items() if "permissions" not in job] == []
    grants = re.findall(r"^ {6}[a-z-]+: (?:read|write).*$", path.read_text(), re.MULTILINE)
    assert [line for line in grants if " # " not in line] == []


@each_workflow
def test_every_job_is_bounded_and_named(path):
    """A job stops by itself, runs on a fixed image, and its name is a sentence."""
    for name, job in jobs(path).items():
        assert job["timeout-minutes"] <= 60 and job["runs-on"] == "ubuntu-24.04", name
        assert len(job["name"].split()) >= 3, name


@each_workflow
def test_no_logic_and_no_expression_in_a_command(path):
    """A command is one line, and values reach it through its environment."""
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert [command for command in commands if "\n" in command or "${{" in command] == []
    assert [s for s in steps(path) if s.get("with", {}).get("persist-credentials", False)] == []
    checkouts = [step for step in steps(path) if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_the_aggregate_check_needs_every_other_job(path):
    """A job that is missing from the gate could fail unseen."""
    gate = jobs(path)["ci-ok"]
    assert set(gate["needs"]) == set(jobs(path)) - {"ci-ok"}
    assert gate["if"] == "always()"
    assert gate["steps"][0]["run"].count("success") == len(gate["needs"])


@each_workflow
def test_the_workflow_passes_actionlint(path):
    """GitHub would accept the workflow."""
    check(require_tool("actionlint"), path, cwd=ROOT)


def test_the_workflows_pass_zizmor():
    """No injection, no excess right, no unpinned action, by the strictest persona."""
    command = ["--offline", "--no-progress", "--pedantic", "--quiet"]
    check(require_tool("zizmor"), *command, ".github", cwd=ROOT)


def test_dependabot_waits_before_it_proposes():
    """Each ecosystem has a cool-down."""
    settings = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())
    assert all(update["cooldown"]["default-days"] >= 7 for update in settings["updates"])


def test_requirements_name_no_index_and_pin_by_hash():
    """The tools install from any mirror, and only with the known bytes."""
    text = (ROOT / "requirements-dev.txt").read_text()
    assert "://" not in text and "--index" not in text and "--find-links" not in text
    pins = re.findall(r"^[a-z0-9][\w.-]*==", text, re.MULTILINE)
    assert len(pins) > 20
    assert all(re.search(rf"^{re.escape(pin)}.*\\\n +--hash", text, re.MULTILINE) for pin in pins)


def test_make_help_shows_every_target():
    """Each target has its line in the list, and there are at most twelve of three lines."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z]+):", makefile, re.MULTILINE)
    shown = re.findall(r"make ([a-z]+)", check("make", "help", cwd=ROOT))
    assert shown == targets and len(targets) <= 12
    assert (
        max(len(b.strip().splitlines()) for b in re.findall(r"(?:^\t.*\n)+", makefile, re.M)) <= 3
    )
