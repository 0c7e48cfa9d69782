"""The template's own workflows. What runs the whole test suite again is stood in for, and recorded.

`make test`, `make demo`, `make requirements` and the projects' `make lint test` are run by .ci/run
and by test_loop.py; here they only tell that they were called (bin/make). All else is run as it
stands, on a machine without the programs that GitHub's image lacks.
"""

import datetime
import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, check, locked
from test_workflows import ON_UBUNTU, wanted

from tools import bake

from .double import events
from .rig import HERE, Run
from .world import REPOSITORY, Event, World

ANSWERS = {"project_name": "Late Trains", "task": "regression"}
ANSWERS["author_name"] = "Ada's & Co; touch pwned; #1"
SETS = tuple(bake.option_sets())
PROJECTS = [f"-C {name} lint test" for name in SETS]
STANDS_IN = "\n".join([*PROJECTS, "test", "demo", "requirements"])
NEVER = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="session")
def template_scene(shared: Path) -> Path:
    """Return the scene of the template's own repository, as this working tree is."""
    scene = shared / "scenes" / "template"
    with locked(shared / "scene-template.lock"):
        if scene.exists():
            return scene
        part = scene.with_suffix(".part")
        laptop = part / "laptop"
        listed = check("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (laptop / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, laptop / name)
        check("git", "init", "--quiet", cwd=laptop)
        check("git", "add", "--all", cwd=laptop)
        check("git", "commit", "--quiet", "--message", "Template", cwd=laptop)
        check("git", "init", "--quiet", "--bare", "-b", "main", part / "origin.git", cwd=part)
        check("git", "remote", "add", "origin", part / "origin.git", cwd=laptop)
        check("git", "push", "--quiet", "origin", "main", cwd=laptop)
        (part / "registry").mkdir()
        part.rename(scene)
    return scene


def without(hidden: set[str], place: Path, calls: Path) -> Path:
    """Return a folder of PATH, or one that calls all of its programs but the hidden ones.

    A link would lose the environment that a Python belongs to.
    """
    if not any((place / name).exists() for name in hidden):
        return place
    calls.mkdir()
    for program in place.iterdir():
        if program.name not in hidden:
            call = calls / program.name
            call.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
            call.chmod(0o755)
    return calls


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with only those of the tests' programs that GitHub has.

    `apt-get` and `go` in bin/ add what a job installs.
    """
    hidden = wanted() - ON_UBUNTU - {"uv", "zizmor", "check-jsonschema"}
    folder = tmp_path / "programs"
    folder.mkdir()
    places = map(Path, dict.fromkeys(os.environ["PATH"].split(os.pathsep)))
    left = [without(hidden, place, tmp_path / f"path-{n}") for n, place in enumerate(places)]
    path = os.pathsep.join(map(str, [HERE / "bin", *left, folder]))
    env = {"PATH": path, "RIG_RUNNER": str(folder), "RIG_MACHINE": os.environ["PATH"]}
    return env | {"RIG_NEEDS": " ".join(sorted(wanted()))}


@pytest.fixture
def here(world, tmp_path: Path, runner) -> World:
    """Return the template's repository; its tools are those that run these tests."""
    found = world("template_scene")
    found.env = {"RIG_MAKE_OPTIONS": "--old-file=.venv/ready", "RIG_MADE": str(tmp_path / "made")}
    found.env |= {"RIG_STANDS_IN": STANDS_IN} | runner
    return found


def unpacked(run: Run, name: str) -> Path:
    """Return the folder of what lies in an artifact's archive."""
    check("tar", "--extract", "--file", f"{name}.tar.gz", cwd=run.artifacts / name)
    return run.artifacts / name


def made(here: World) -> list[str]:
    """Return the commands that were stood in for."""
    path = Path(here.env["RIG_MADE"])
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_a_pull_request_is_checked(here):
    """A pull request to the template: every option is generated and examined."""
    run = here.run("ci", here.pull_request("words", {"README.md": lambda text: text + "\nMore.\n"}))
    assert run.results == dict.fromkeys(run.jobs, "success"), run.log[-3000:]
    assert made(here) == sorted([*(f"make {line}" for line in PROJECTS), "make demo", "make test"])
    projects = unpacked(run, "projects")
    assert sorted(path.name for path in projects.iterdir() if path.is_dir()) == sorted(SETS)
    for name in SETS:
        assert (projects / name / ".github" / "workflows" / "ci.yml").exists()
        assert "nothing to commit" in check("git", "status", cwd=projects / name)
    for job in run.jobs:
        assert here.github.unused_grants(f"ci/{job}") == [], job


def test_what_fails_keeps_the_template_from_being_merged(here):
    """A tool that is not formatted, a hook that refuses all answers, tests that fail."""
    here.env["RIG_FAILS"] = "*"
    edits = {"tools/bake.py": lambda text: text + "\nx = {  }\n"}
    edits["hooks/pre_gen_project.py"] = lambda text: "raise SystemExit('no')\n" + text
    run = here.run("ci", here.pull_request("broken", edits))
    failed = dict.fromkeys(("lint", "bake", "test", "demo", "ci-ok"), "failure")
    assert run.results == failed | {"project": "skipped"}


def test_a_project_that_fails_fails_the_check(here):
    """A generated project whose own tests fail."""
    here.env["RIG_FAILS"] = PROJECTS[1]
    run = here.run("ci", here.push(), "bake", "project")
    assert run.results["bake"] == "success"
    assert (run.jobs["project"].result, run.jobs["ci-ok"].result) == ("failure", "skipped")


def test_a_project_from_a_form(here):
    """Answers are typed into the form, one of them hostile: the project comes as an artifact."""
    run = here.run("generate", here.dispatch("generate", **ANSWERS, license="MIT", repository=""))
    assert run.results == {"generate": "success"}, run.log[-3000:]
    project = unpacked(run, "project") / "late-trains"
    assert "task: regression" in (project / "params.yaml").read_text()
    assert ANSWERS["author_name"] in (project / "LICENSE").read_text()
    assert "nothing to commit" in check("git", "status", cwd=project)
    assert not list(here.folder.rglob("pwned"))


@pytest.mark.parametrize(
    "answer",
    [{"project_slug": "../x; touch pwned"}, {"author_name": "$(touch pwned) `touch pwned`"}],
    ids=lambda answer: next(iter(answer)),
)
def test_an_answer_that_cannot_work_is_refused(here, answer):
    """An answer in the form would leave the folder, or run a command."""
    run = here.run("generate", here.dispatch("generate", **ANSWERS | answer))
    assert run.results == {"generate": "failure"}
    assert f"Nothing was generated. {next(iter(answer))}" in run.jobs["generate"].log
    assert not list(here.folder.rglob("pwned"))


def test_a_project_is_pushed_to_an_empty_repository(here, tmp_path):
    """The form names a new repository, and there is a secret token."""
    new = tmp_path / "new.git"
    check("git", "init", "--quiet", "--bare", "-b", "main", new, cwd=tmp_path)
    config = tmp_path / "gitconfig"
    config.write_text(f'[url "{new}"]\n  insteadOf = {here.github.url}/octo-org/new\n')
    here.env["GIT_CONFIG_GLOBAL"] = str(config)
    form = {"project_name": "Late Trains", "task": "regression", "repository": "octo-org/new"}
    refused = here.run("generate", here.dispatch("generate", **form))
    assert not refused.ok and "no secret GENERATE_TOKEN" in refused.jobs["generate"].log
    assert (refused.artifacts / "project").exists()
    here.secrets["GENERATE_TOKEN"] = "ghp_of_a_person"  # noqa: S105  # no password
    run = here.run("generate", here.dispatch("generate", **form))
    assert run.results == {"generate": "success"}, run.log[-3000:]
    assert "src/late_trains/schema.py" in check(
        "git", "ls-tree", "-r", "--name-only", "main", cwd=new
    )
    assert "ghp_of_a_person" not in run.log
    again = here.run("generate", here.dispatch("generate", **form))
    assert not again.ok and "is not empty" in again.jobs["generate"].log
    assert here.github.unused_grants("generate/generate") == []


def tag(here: World, name: str) -> Event:
    """Push a tag on main as it is."""
    here.git("tag", name)
    here.git("push", "--quiet", "origin", name)
    sha = here.git("rev-parse", "HEAD")
    payload = events.push(here.github, "0" * 40, sha, actor="ada") | {"ref": f"refs/tags/{name}"}
    return Event("push", payload, f"refs/tags/{name}", sha)


def test_a_tag_becomes_a_release(here):
    """A version is tagged whose section stands in the changelog, twice."""
    here.push({"CHANGELOG.md": lambda text: text.replace("## Unreleased", "## 1.0.0 - a day")})
    event = tag(here, "v1.0.0")
    for _ in range(2):
        assert here.run("release", event).ok
    (page,) = here.github.rows("releases")
    _, _, newest = (ROOT / "CHANGELOG.md").read_text().partition("## Unreleased\n\n")
    first = newest.splitlines()[0]
    assert page["tag_name"] == "v1.0.0" and page["body"].startswith(first) and first
    assert here.github.unused_grants("release/page") == []


def test_a_tag_without_a_section_is_no_release(here):
    """A version is tagged that the changelog does not know."""
    run = here.run("release", tag(here, "v9.9.9"))
    assert run.results == {"page": "failure"} and here.github.rows("releases") == []
    assert "CHANGELOG.md has no section 9.9.9" in run.jobs["page"].log


def test_the_newest_releases_are_tested(here):
    """Monday: tools and projects with the newest of everything."""
    here.env["RIG_STANDS_IN"] = "test\nrequirements"
    assert here.run("weekly", here.schedule("17 5 * * 1"), "newest").results["newest"] == "success"
    assert made(here) == ["make requirements", "make test"]


def test_a_new_release_of_a_tool_breaks_the_template(here):
    """Monday: the tests fail with the newest of everything."""
    here.env["RIG_FAILS"] = "*"
    run = here.run("weekly", here.schedule("17 5 * * 1"), "newest")
    assert run.results["newest"] == "failure"


@pytest.fixture
def actions(here, tmp_path) -> dict[str, str]:
    """Let GitHub know every pinned action; actions/checkout has releases, and commits of them."""
    origin = tmp_path / "checkout.git"
    check("git", "init", "--quiet", "-b", "main", origin, cwd=tmp_path)
    releases = {"v7.1.0": "2026-01-01T00:00:00Z", "v6.0.9": "2026-02-01T00:00:00Z"}
    releases |= {"v8.0.0": NEVER, "codeql-bundle-v9.0.0": "2026-01-01T00:00:00Z"}
    for line in (ROOT / "tests/data/action-pins.tsv").read_text().splitlines():
        here.github.other(line.split("\t")[0], origin / ".git")
    store = here.github.others["actions/checkout"]
    for name, day in releases.items():
        check("git", "commit", "--quiet", "--allow-empty", "--message", name, cwd=origin)
        check("git", "tag", "--annotate", "--message", name, name, cwd=origin)
        row = store.new("repos/create-release", tag_name=name, published_at=day)
        row |= {"draft": False, "prerelease": False}
        store.add("releases", row["id"], row)
    return {name: check("git", "rev-parse", f"{name}^0", cwd=origin).strip() for name in releases}


def shown(here: World, path: str) -> str:
    """Return a file of the branch upgrade."""
    return check("git", "show", f"upgrade:{path}", cwd=here.origin)


def test_pins_and_days_move(here, actions):
    """Monday: an action has a release that is a week old; with and without a person's token."""
    run = here.run("weekly", here.schedule("17 5 * * 1"), "upgrade")
    assert run.results["upgrade"] == "success", run.log[-4000:]
    pin = f"actions/checkout@{actions['v7.1.0']} # v7.1.0"
    project = "<<cookiecutter.project_slug>>"
    assert f"actions/checkout\tv7.1.0\t{actions['v7.1.0']}" in shown(
        here, "tests/data/action-pins.tsv"
    )
    assert pin in shown(here, f"{project}/.github/workflows/ci.yml")
    assert pin not in shown(here, ".github/workflows/ci.yml")
    day = (datetime.datetime.now(tz=datetime.UTC) - datetime.timedelta(days=7)).date()
    for path in ("pyproject.toml", f"{project}/pyproject.toml"):
        assert f'exclude-newer = "{day}T00:00:00Z"' in shown(here, path)
    (issue,) = here.github.rows("issues")
    assert f"/{REPOSITORY}/compare/main...upgrade?expand=1" in issue["body"]
    assert "python tools/pins.py --known" in issue["body"]
    assert here.github.unused_grants("weekly/upgrade") == []
    here.secrets["UPGRADE_TOKEN"] = here.github.person("ada")
    assert here.run("weekly", here.schedule("17 5 * * 1"), "upgrade").ok
    assert pin in shown(here, ".github/workflows/ci.yml")
    (issue,) = here.github.rows("issues")
    assert "--known" not in issue["body"]


def test_an_action_that_is_gone_is_told(here):
    """Monday: GitHub knows one of the actions no more."""
    run = here.run("weekly", here.schedule("17 5 * * 1"), "upgrade")
    assert run.results["upgrade"] == "failure"
    assert "pins: actions/checkout is on GitHub no more" in run.jobs["upgrade"].log
    assert here.github.pushes == [] and here.github.rows("issues") == []


def test_the_form_asks_the_questions_of_the_template():
    """The same names, choices and defaults as cookiecutter.json, in the same order."""
    form = yaml.load(
        (ROOT / ".github/workflows/generate.yml").read_text(),
        Loader=yaml.BaseLoader,  # noqa: S506  # makes only text
    )["on"]["workflow_dispatch"]["inputs"]
    context = json.loads((ROOT / "cookiecutter.json").read_text())
    asked = {name: value for name, value in context.items() if not name.startswith("_")}
    assert list(form) == [*asked, "repository"]
    for name, value in asked.items():
        if isinstance(value, list):
            assert (form[name]["type"], form[name]["options"]) == ("choice", value)
        else:
            assert form[name].get("default", "") == ("" if "cookiecutter." in value else value)


def test_the_matrix_is_what_was_generated():
    """Each project that the job bake makes is examined by the job project."""
    ci = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert tuple(ci["jobs"]["project"]["strategy"]["matrix"]["set"]) == SETS
