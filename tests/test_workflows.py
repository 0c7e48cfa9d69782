"""All workflows, the template's and the generated project's: what must hold of their text."""

import re
import shutil
from itertools import product
from pathlib import Path

import pytest
import yaml
from conftest import OPTION_SETS, ROOT, TEMPLATE, check, option_id, require_tool
from workflows.double.npm import modules

# Programs of GitHub's image ubuntu-24.04 that the tests want (actions/runner-images, toolset 2404).
ON_UBUNTU = {
    "chromium",
    "curl",
    "docker",
    "go",
    "java",
    "node",
    "npm",
    "pg_lsclusters",
    "systemd-analyze",
}
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# The raw files of the template are YAML, so they are read where a person edits them.
GENERATED = sorted((TEMPLATE / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = TEMPLATE / ".github" / "actionlint.yaml"
COMPOSITE = sorted((TEMPLATE / ".github" / "actions").glob("*/action.yml"))
# Action, version and commit, each looked up in the action's own repository.
PINS = {
    action: (version, sha)
    for action, version, sha in (
        line.split("\t") for line in (ROOT / "tests/data/action-pins.tsv").read_text().splitlines()
    )
}
USES = re.compile(
    r"uses: (?P<action>[\w-]+/[\w.-]+)[\w/-]*@(?P<sha>\S+) # (?P<version>\S+)$", re.MULTILINE
)
MOST_LINES = 170
RESULTS = ("failure", "cancelled", "skipped")
OUTPUTS, VALUES = ("documents-only", "loop-changed"), ("true", "false", "")
EVENTS = ("pull_request", "merge_group", "push")
# A job that trains may run elsewhere, and for longer or shorter: two variables of the repository.
RUNNER = "${{ vars.RUNNER || 'ubuntu-24.04' }}"
MINUTES = "${{ fromJSON(vars.TRAIN_TIMEOUT_MINUTES || '350') }}"
TRAINS = {("ci", "experiment"), ("release", "train"), ("retrain", "train")}


def path_id(path: Path) -> str:
    """Return a readable test id such as project-ci."""
    return f"{'template' if path in OWN else 'project'}-{path.stem}"


each_workflow = pytest.mark.parametrize("path", OWN + GENERATED, ids=path_id)


def as_text(path) -> dict:
    """Return a workflow with all scalars as text: in YAML 1.1, `on` would be a boolean."""
    return yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506  # makes only text


def jobs(path) -> dict[str, dict]:
    """Return the jobs of a workflow by id."""
    return yaml.safe_load(path.read_text())["jobs"]


def steps(path) -> list[dict]:
    """Return every step of a workflow."""
    return [step for job in jobs(path).values() for step in job["steps"]]


@pytest.mark.parametrize("path", OWN + GENERATED + COMPOSITE, ids=str)
def test_every_action_is_pinned_to_a_known_commit(path):
    """A tag can be moved; a commit cannot. The comment names the version of that commit."""
    text = path.read_text()
    pinned = list(USES.finditer(text))
    assert len(pinned) == text.count("uses:") - text.count("uses: ./")
    for match in pinned:
        assert PINS[match["action"]] == (match["version"], match["sha"])


@each_workflow
def test_rights_are_granted_by_job_with_a_reason(path):
    """Nothing is granted at the top, and each grant says what it is for."""
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    assert [name for name, job in jobs(path).items() if "permissions" not in job] == []
    lines = path.read_text().splitlines()
    grants = [
        line for line in lines if re.search(r"^ {6}[a-z-]+: (read|write)|^ +perm.*: {\w", line)
    ]
    assert [line for line in grants if not re.search(r" # \w+ \w+", line)] == []


@each_workflow
def test_every_job_is_bounded_and_named(path):
    """A job stops by itself, runs on a fixed image, and its name is a sentence.

    Only those that train may be sent to another runner: the others need nothing of it.
    """
    for name, job in jobs(path).items():
        if path in GENERATED and (path.stem, name) in TRAINS:
            assert (job["timeout-minutes"], job["runs-on"]) == (MINUTES, RUNNER), name
            continue
        # Six hours are the platform's own limit, which would end a job without a word.
        assert job["timeout-minutes"] < 360 and job["runs-on"] == "ubuntu-24.04", name
        assert len(job["name"].split()) >= 3, name
    assert len(path.read_text().splitlines()) < MOST_LINES


@each_workflow
def test_no_logic_and_no_expression_in_a_command(path):
    """A command is one line, and values reach it through its environment."""
    commands = [step["run"] for step in steps(path) if "run" in step]
    assert [command for command in commands if "\n" in command or "${{" in command] == []
    assert [s for s in steps(path) if s.get("with", {}).get("persist-credentials", False)] == []
    checkouts = [step for step in steps(path) if "checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each_workflow
def test_artifacts_are_kept_for_two_weeks(path):
    """By default it is 90 days, which count against 500 MB; then uploads fail. A site: one day."""
    uploads = [step for step in steps(path) if "upload-artifact" in step.get("uses", "")]
    assert all(step["with"]["retention-days"] == 14 for step in uploads)
    sites = [step for step in steps(path) if "upload-pages-artifact" in step.get("uses", "")]
    assert all(step["with"]["retention-days"] == 1 for step in sites)
    # This action uploads a record of its steps by itself, for 90 days.
    builds = [step for step in steps(path) if "docker/build-push-action" in step.get("uses", "")]
    assert all(step["env"]["DOCKER_BUILD_RECORD_UPLOAD"] == "false" for step in builds)


def test_layers_come_from_production_and_from_nowhere_else():
    """Only main's jobs write there; a cache of GitHub's could be another branch's."""
    (build,) = (s for path in GENERATED for s in steps(path) if "build-push" in s.get("uses", ""))
    given = build["with"]
    image = "${{ steps.image.outputs.name }}"
    assert given["cache-from"] == f"type=registry,ref={image}:production"
    assert given["cache-to"] == "type=inline" and given["tags"].startswith(image)


ADDRESSES = {
    "production": "${{ vars.PRODUCTION_URL }}",
    "github-pages": "${{ steps.pages.outputs.page_url }}",
}
ENVIRONMENTS = {"release": "production", "rollback": "production", "monitor": "github-pages"}


@pytest.mark.parametrize("path", GENERATED, ids=path_id)
def test_a_job_of_an_environment_names_its_address(path):
    """GitHub shows it beside the deployment; it is empty where no endpoint is known."""
    found = [job["environment"] for job in jobs(path).values() if "environment" in job]
    assert all(one == {"name": one["name"], "url": ADDRESSES[one["name"]]} for one in found)
    names = {environment["name"] for environment in found}
    assert names == ({ENVIRONMENTS[path.stem]} if path.stem in ENVIRONMENTS else set())


def test_what_publishes_runs_nothing_of_the_project():
    """The right to publish, and the identity of that job, reach one action and no other code."""
    may = [
        job for path in GENERATED for job in jobs(path).values()
        if job["permissions"].get("pages") == "write"
    ]  # fmt: skip
    (job,) = may
    assert set(job["permissions"]) == {"pages", "id-token"} and "env" not in job
    (step,) = job["steps"]
    assert step["uses"].startswith("actions/deploy-pages@")
    # An artifact of an earlier attempt has another name, so that no old page is published again.
    (site,) = [
        step for path in GENERATED for step in steps(path)
        if "upload-pages-artifact" in step.get("uses", "")
    ]  # fmt: skip
    name = "github-pages-${{ github.run_attempt }}"
    assert site["with"]["name"] == step["with"]["artifact_name"] == name


each_ci = pytest.mark.parametrize(
    "path", [path for path in OWN + GENERATED if path.stem == "ci"], ids=path_id
)


def may_skip(event: str, outputs: dict[str, str]) -> set[str]:
    """Return the jobs that an event skips, where the job `changes` found these outputs."""
    skipped = {"experiment" if event == "push" else "code"}
    if outputs["documents-only"] == "true":
        skipped |= {"experiment", "code"}
    return skipped | ({"loop"} if outputs["loop-changed"] == "false" else set())


@each_ci
def test_the_aggregate_check_needs_every_other_job(path):
    """A job that is missing from the gate could fail unseen."""
    gate = jobs(path)["ci-ok"]
    assert set(gate["needs"]) == set(jobs(path)) - {"ci-ok"}
    assert gate["if"] == "always()"
    assert gate["name"] == "All checks passed"  # GitHub knows the check by this name
    last = gate["steps"][-1]
    assert last["run"] == 'test "$OK" = true' and last.get("if", "always()") == "always()"


def passes(expression: str, results: dict[str, str], outputs: dict[str, str], event: str) -> bool:
    """Evaluate the expression of the aggregate check for these results, outputs and event."""
    text, found = expression.strip("${} "), tuple(results.values())
    text = text.replace("github.event_name", repr(event))
    text = re.sub(r"contains\(needs\.\*\.result, ('\w+')\)", rf"(\1 in {found})", text)
    text = re.sub(r"needs\.([\w-]+)\.result", lambda job: repr(results[job[1]]), text)
    text = re.sub(r"needs\.changes\.outputs\.([\w-]+)", lambda out: repr(outputs[out[1]]), text)
    assert "needs" not in text
    for sign, word in (("&&", " and "), ("||", " or "), ("!", " not ")):
        text = text.replace(sign, word)
    return eval(text, {})  # noqa: S307  # of this repository


@each_ci
def test_the_aggregate_check_passes_only_what_succeeded(path):
    """Any failed or cancelled job fails it; a skipped one does, unless event or `changes` allow."""
    gate = jobs(path)["ci-ok"]
    expression = gate["steps"][-1]["env"]["OK"]
    outputs = [dict(zip(OUTPUTS, values, strict=True)) for values in product(VALUES, VALUES)]
    for states in product(("success", *RESULTS), repeat=len(gate["needs"])):
        results = dict(zip(gate["needs"], states, strict=True))
        skipped = {job for job, state in results.items() if state == "skipped"}
        for given, event in product(outputs if "changes" in results else outputs[-1:], EVENTS):
            good = set(states) <= {"success", "skipped"} and skipped <= may_skip(event, given)
            assert passes(expression, results, given, event) == good, (results, given, event)


def test_a_push_to_main_is_trained_once():
    """By the release; ci tests its code. Before a merge, ci trains."""
    conditions = {name: job.get("if", "") for name, job in jobs(GENERATED[0]).items()}
    assert GENERATED[0].stem == "ci"
    assert "github.event_name != 'push'" in conditions["experiment"]
    assert "github.event_name == 'push'" in conditions["code"]
    calls = {
        name: [step.get("run", "") for step in jobs(GENERATED[0])[name]["steps"]]
        for name in ("code", "experiment")
    }
    assert {"make lint", "make test"} <= set(calls["code"]) & set(calls["experiment"])
    assert "uv run --frozen loop repro" not in calls["code"]


@each_workflow
def test_no_workflow_gives_strangers_rights(path):
    """Events that run a stranger's code with the repository's rights are not used."""
    events = as_text(path)["on"]
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(events)


@pytest.mark.parametrize("path", GENERATED, ids=path_id)
def test_a_job_that_may_write_says_when_it_runs(path):
    """On a pull request one job may write, its one comment; findings have their own tab."""
    workflow = as_text(path)
    if "pull_request" not in workflow["on"]:
        return
    writes = {
        (name, grant)
        for name, job in workflow["jobs"].items()
        for grant, level in job["permissions"].items()
        if level == "write" and "github.event_name != 'pull_request'" not in job.get("if", "")
    }
    assert writes <= {("ci-ok", "pull-requests"), ("image", "security-events")}


def groups(path: Path) -> dict[str, dict]:
    """Return each concurrency group of a workflow by the job that holds it; "" is all of them."""
    workflow = yaml.safe_load(path.read_text())
    held = {"": workflow.get("concurrency")}
    held |= {name: job.get("concurrency") for name, job in workflow["jobs"].items()}
    return {name: group for name, group in held.items() if group}


def test_what_moves_production_waits_for_its_turn_and_is_never_dropped():
    """One group for the job that deploys and the one that rolls back, with a queue; no other."""
    turn = {"group": "production", "cancel-in-progress": False, "queue": "max"}
    folder = TEMPLATE / ".github" / "workflows"
    assert groups(folder / "release.yml") == {"production": turn}
    assert groups(folder / "rollback.yml") == {"rollback": turn}


@pytest.mark.parametrize("path", GENERATED, ids=path_id)
def test_a_job_that_may_wait_for_approval_holds_no_group_of_others(path):
    """It may wait for 30 days; what deploys needs it, so that nothing goes round the reviewers.

    Pages have a group of their own: without one, an old page could be approved after a newer one.
    """
    asked = {name for name, job in jobs(path).items() if "environment" in job}
    held = {name: rule["group"] for name, rule in groups(path).items()}
    assert not asked or "" not in held
    assert {held[name] for name in asked & set(held)} <= {"pages"}
    assert {name for name, group in held.items() if group == "pages"} <= asked
    for name, job in jobs(path).items():
        if "deploy" in job["name"].lower():
            assert asked & set(job["needs"]), name


def test_doctor_looks_at_the_environment_that_asks():
    """Its branches and reviewers decide who deploys, because what deploys needs its job.

    That of Pages is GitHub's, made with the default branch as the only one.
    """
    named = {job["environment"]["name"] for path in GENERATED for job in jobs(path).values()
             if "environment" in job}  # fmt: skip
    source = TEMPLATE / "loop/src/mlops_loop/repository/environments.py"
    assert {re.search(r'"environment_name": "(\w+)"', source.read_text())[1]} == named - {
        "github-pages"
    }


@pytest.mark.parametrize("path", GENERATED, ids=path_id)
def test_passwords_of_sources_reach_only_what_reads_them(path):
    """A step of the store, or the stage that reads the source; no test, linter, model or image."""
    secret = "${{ secrets.DATA_SECRETS }}"  # noqa: S105  # its name
    given = [s for s in steps(path) if secret in {**s.get("env", {}), **s.get("with", {})}.values()]
    assert path.read_text().count("DATA_SECRETS }}") == len(given)
    reads = re.compile(
        r"uv run --frozen (loop (fingerprint|monitor evaluate)\b.*|dvc repro ingest)"
        r"|\./\.github/actions/store"
    )

    def is_reader(step: dict) -> bool:
        return bool(reads.fullmatch(step.get("run") or step.get("uses", "")))

    assert [step for step in given if not is_reader(step)] == []
    assert [step for step in steps(path) if is_reader(step) and step not in given] == []
    assert "loop store" not in path.read_text()  # but by the action
    calls = [step.get("run") for step in steps(path)]
    repro = [n for n, call in enumerate(calls) if call == "uv run --frozen loop repro"]
    assert all(calls[n - 1] == "uv run --frozen dvc repro ingest" for n in repro)


# The jobs that log in to a bucket as themselves.
BUCKET_JOBS = {
    ("ci", "experiment"),
    ("ci", "code"),
    ("release", "train"),
    ("release", "gate"),
    ("retrain", "train"),
    ("retrain", "gate"),
    ("rollback", "resolve"),
    ("rollback", "rollback"),
}
# Those that have an identity in each project: to sign, to publish, to ask the endpoint.
IDENTIFIED = {("release", "build"), ("monitor", "publish"), ("monitor", "evaluate")}


@pytest.mark.parametrize("options", OPTION_SETS, ids=option_id)
def test_only_a_bucket_gives_a_job_an_identity(options, baked):
    """A job's permissions know no condition, so the template's answer decides on them."""
    folder = baked(options) / ".github" / "workflows"
    paths = sorted(folder.glob("*.yml"))
    found = {
        (path.stem, name)
        for path in paths
        for name, job in jobs(path).items()
        if job["permissions"].get("id-token") == "write"
    }
    bucket = options.get("dvc_remote") in ("s3", "gs", "azure")
    assert found == IDENTIFIED | (BUCKET_JOBS if bucket else set())
    uses = {
        (path.stem, name)
        for path in paths
        for name, job in jobs(path).items()
        if "./.github/actions/store" in [step.get("uses") for step in job["steps"]]
    }
    assert uses == BUCKET_JOBS | {("monitor", "evaluate")}
    granted = [
        line for path in paths for line in path.read_text().splitlines() if "id-token" in line
    ]
    assert all(re.search(r" # \w+ \w+", line) for line in granted)


def test_only_main_writes_the_store():
    """The role writer is asked for where a job pushes, and where the monitor keeps its history."""
    asked = {
        (path.stem, name)
        for path in GENERATED
        for name, job in jobs(path).items()
        for step in job["steps"]
        if step.get("uses") == "./.github/actions/store" and step["with"].get("role") == "writer"
    }
    assert asked == {("release", "train"), ("retrain", "train"), ("monitor", "evaluate")}
    for path in GENERATED:
        for step in steps(path):
            if "push" in step.get("with", {}).get("command", ""):
                assert step["with"]["role"] == "writer"


@pytest.mark.parametrize("path", GENERATED, ids=path_id)
def test_the_login_of_a_tracker_reaches_only_what_publishes(path):
    """Such a step runs only where a variable names the tracker."""
    names = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD")
    given = [s for s in steps(path) if any(f"secrets.{n} " in str(s.get("env")) for n in names)]
    publishing = [s for s in steps(path) if "loop publish" in s.get("run", "")]
    assert given == publishing
    assert [s for s in given if not s["if"].endswith("&& vars.MLFLOW_TRACKING_URI != '' }}")] == []
    assert len(publishing) == (path.stem in ("ci", "release", "rollback"))


def wanted() -> set[str]:
    """Return the programs without which a test fails in CI."""
    texts = (path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    return {name for text in texts for name in re.findall(r'require_tool\("([\w-]+)"\)', text)}


def parse(*paths: Path) -> str:
    """Return what GitHub's own parser has against workflows: nothing, or a failed check."""
    parser = ROOT / "tests" / "workflows" / "parse.mjs"
    return check(require_tool("node"), parser, modules(), *paths, cwd=ROOT)


def test_github_parses_the_workflows():
    """Names of contexts, jobs and keys are those that GitHub knows."""
    assert parse(*OWN) == ""


def test_github_refuses_what_it_does_not_know(tmp_path):
    """The parser is asked for real: a name that does not exist is found."""
    wrong = tmp_path / "ci.yml"
    wrong.write_text(OWN[0].read_text().replace("github.", "gitub."))
    with pytest.raises(AssertionError, match="gitub"):
        parse(wrong)


@each_workflow
def test_the_workflow_passes_actionlint(path):
    """GitHub would accept the workflow; the project's settings excuse what actionlint lacks."""
    settings = [] if path in OWN else ["-config-file", ACTIONLINT]
    check(require_tool("actionlint"), *settings, path, cwd=ROOT)


def test_the_workflows_pass_zizmor():
    """No injection, no excess right, no unpinned action, by the strictest persona."""
    command = ["--offline", "--no-progress", "--persona=auditor", "--quiet"]
    check(require_tool("zizmor"), *command, ".github", cwd=ROOT)


PLANTED = {
    "template-injection": ("run: make lint", 'run: echo "${{ github.event.pull_request.title }}"'),
    "secrets-outside-env": ("secrets.DATA_SECRETS", "secrets.OTHER"),
    "excessive-permissions": ("permissions: {}\n", "permissions: write-all\n"),
}


@pytest.mark.parametrize("rule", PLANTED)
def test_the_linters_find_what_is_planted(rule, tmp_path):
    """The audit of a project is made by its own configuration, which leaves out no such thing."""
    shutil.copytree(TEMPLATE / ".github", tmp_path / ".github")
    check("git", "init", "--quiet", cwd=tmp_path)
    ci = tmp_path / ".github" / "workflows" / "ci.yml"
    text = ci.read_text()
    assert PLANTED[rule][0] in text
    ci.write_text(text.replace(*PLANTED[rule]))
    audit = ["--offline", "--no-progress", "--quiet", "--persona=auditor", "."]
    with pytest.raises(AssertionError, match=rule):
        check(require_tool("zizmor"), *audit, cwd=tmp_path)
    if rule == "template-injection":
        with pytest.raises(AssertionError, match="untrusted"):
            check(require_tool("actionlint"), ci, cwd=tmp_path)


@pytest.mark.parametrize("options", OPTION_SETS, ids=option_id)
def test_generated_workflows_pass_every_linter(options, baked, tmp_path):
    """An auditing zizmor, actionlint, GitHub's parser and its schemas find nothing."""
    project = shutil.copytree(baked(options) / ".github", tmp_path / ".github").parent
    check("git", "init", "--quiet", cwd=project)
    audit = ["--offline", "--no-progress", "--quiet", "--persona=auditor"]
    check(require_tool("zizmor"), *audit, ".", cwd=project)
    workflows = sorted(project.glob(".github/workflows/*.yml"))
    check(require_tool("actionlint"), *workflows, cwd=project)
    assert parse(*workflows) == ""
    for kind, paths in (
        ("github-workflows", workflows),
        ("github-actions", sorted(project.glob(".github/actions/*/action.yml"))),
        ("dependabot", [project / ".github" / "dependabot.yml"]),
    ):
        schema = f"--builtin-schema=vendor.{kind}"
        check(require_tool("check-jsonschema"), schema, *paths, cwd=project)


@pytest.mark.parametrize("folder", [ROOT, TEMPLATE], ids=["template", "project"])
def test_dependabot_waits_before_it_proposes(folder):
    """Each ecosystem has a cool-down."""
    settings = yaml.safe_load((folder / ".github" / "dependabot.yml").read_text())
    assert all(update["cooldown"]["default-days"] >= 7 for update in settings["updates"])


def test_ci_has_every_program_that_a_test_wants():
    """What neither GitHub's image nor the requirements hold is installed by .ci/run."""
    installed = set(re.findall(r"\[([\w-]+)\]=", (ROOT / ".ci" / "run").read_text()))
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements-dev.txt").read_text(), re.M))
    assert wanted() - ON_UBUNTU - pinned <= installed
    assert {"act", "docker-registry"} <= wanted()
    calls = [step.get("run") for path in OWN for step in steps(path)]
    assert ".ci/run" in calls and "make test" not in calls


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
    targets = re.findall(r"^([a-z]+):(?! \w+ :=)", makefile, re.MULTILINE)
    shown = re.findall(r"make ([a-z]+)", check("make", "help", cwd=ROOT))
    assert shown == targets and len(targets) <= 12
    assert (
        max(len(b.strip().splitlines()) for b in re.findall(r"(?:^\t.*\n)+", makefile, re.M)) <= 3
    )
