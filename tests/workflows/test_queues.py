"""Runs of the project's workflows that meet: none is lost, and no approval holds up another run.

Jobs are not executed here: the double says which of them start, from the text of the workflows.
What the job that deploys does with a late release is in loop/tests/deployment/test_job.py.
Each scenario is also told with the text as it was before, and fails.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from conftest import TEMPLATE

from .double.queues import Actions, Job, Run

Workflow = dict[str, Any]
MAIN = "refs/heads/main"
CHECK = "All checks passed"


class Project:
    """A repository: its workflows, what was merged to main, and what was released of it."""

    def __init__(self, edit: Callable[[dict[str, Workflow]], None] | None = None):
        """Read the workflows; `edit` changes them."""
        folder = TEMPLATE / ".github" / "workflows"
        self.texts = {p.stem: yaml.safe_load(p.read_text()) for p in folder.glob("*.yml")}
        if edit:
            edit(self.texts)
        self.actions = Actions(reviewers={"production", "github-pages"}, work=self.work)
        self.merged: list[tuple[str, bool]] = []  # sha, and whether it is documents alone
        self.released, self.moves = -1, list[str]()
        self.slow: set[str] = set()
        self.fails: dict[tuple[str, str], str] = {}

    def work(self, job: Job):
        """Decide how a job ends: as `fails` says; a slow one goes on."""
        github = job.run.context["github"]
        if job.id in self.slow:
            return None
        if result := self.fails.get((github["sha"], job.id)):
            return result
        if job.id == "changes":
            return "success", {"documents-only": str(self.only_documents(job)).lower()}
        if job.id == "production":
            self.deploy(github["sha"])
        return "success"

    def only_documents(self, job: Job) -> bool:
        """Compare as loop/tools/changes.py is told to: since the release, or since the push."""
        now = self.position(job.run.context["github"]["sha"])
        since_release = "--since-release" in job.spec["steps"][-1]["run"]
        since = self.released if since_release else now - 1
        return all(documents for _, documents in self.merged[since + 1 : now + 1])

    def position(self, sha: str) -> int:
        """Return how many commits of main are older."""
        return [merged for merged, _ in self.merged].index(sha)

    def deploy(self, sha: str) -> None:
        """Move production; an older commit does not."""
        if self.position(sha) > self.released:
            self.released = self.position(sha)
            self.moves.append(sha)

    def look(self, sha: str) -> Run:
        """Let a day come, where the dashboard is published."""
        there = {"sha": sha, "ref": MAIN, "vars": {"DASHBOARD_PAGES": "true"}}
        return self.actions.happen(self.texts["monitor"], "schedule", **there)

    def merge(self, sha: str, documents: bool = False) -> Run:
        """Merge to main; return the release."""
        self.merged.append((sha, documents))
        return self.actions.happen(self.texts["release"], "push", sha=sha, ref=MAIN)

    def roll_back(self) -> Run:
        """Dispatch a rollback."""
        sha, event = self.merged[-1][0], "workflow_dispatch"
        return self.actions.happen(self.texts["rollback"], event, sha=sha, ref=MAIN)

    def waiting(self, run: Run) -> Job:
        """Return the job of a run that waits for approval."""
        found = [job for job in run.jobs.values() if job.state == "waiting"]
        assert len(found) == 1, (run.state, run.results)
        return found[0]

    def approve(self, run: Run) -> None:
        """Approve it."""
        self.actions.approve(self.waiting(run))


def one_group_for_all(texts: dict[str, Workflow]) -> None:
    """Let each workflow have a group, and the job that deploys the environment."""
    for name, last, group in (("release", "production", "production"), ("rollback",) * 3):
        workflow = texts[name]
        del workflow["jobs"]["approve"], workflow["jobs"][last]["concurrency"]
        workflow["concurrency"] = {"group": group, "cancel-in-progress": False}
        workflow["jobs"][last]["environment"] = "production"
        needs = workflow["jobs"][last]["needs"]
        workflow["jobs"][last]["needs"] = [n for n in (*needs, "stage") if n in workflow["jobs"]]


def without_queue(texts: dict[str, Workflow]) -> None:
    """Let a group keep one pending job, as it does by default."""
    del texts["release"]["jobs"]["production"]["concurrency"]["queue"]
    del texts["rollback"]["jobs"]["rollback"]["concurrency"]["queue"]


def two_groups(texts: dict[str, Workflow]) -> None:
    """Let the rollback have a group of its own."""
    texts["rollback"]["jobs"]["rollback"]["concurrency"]["group"] = "rollback"


def environment_where_it_deploys(texts: dict[str, Workflow]) -> None:
    """Ask for approval in the jobs that hold the group."""
    for name, last in (("release", "production"), ("rollback", "rollback")):
        jobs = texts[name]["jobs"]
        jobs[last]["environment"] = jobs["approve"].pop("environment")


def report_success_alone(texts: dict[str, Workflow]) -> None:
    """Report a rollback only where it succeeded."""
    del texts["rollback"]["jobs"]["incident"]["if"]


def one_group_for_the_look(texts: dict[str, Workflow]) -> None:
    """Let the whole workflow have a group."""
    texts["monitor"]["concurrency"] = {"group": "monitor", "cancel-in-progress": False}


def pages_without_group(texts: dict[str, Workflow]) -> None:
    """Publish whenever it is approved."""
    del texts["monitor"]["jobs"]["publish"]["concurrency"]


def compare_with_the_push(texts: dict[str, Workflow]) -> None:
    """Ask what changed since the push before."""
    step = texts["release"]["jobs"]["changes"]["steps"][-1]
    step["run"] = step["run"].replace(" --since-release", "")


def labels_start_runs(texts: dict[str, Workflow]) -> None:
    """Start ci for labels, too."""
    types = ["opened", "synchronize", "reopened", "labeled", "unlabeled"]
    texts["ci"][True]["pull_request"] = {"types": types}


def documents_while_a_release_waits(project: Project) -> None:
    """Documents are merged while a release waits for approval, and only theirs is approved."""
    code, documents = project.merge("code"), project.merge("documents", documents=True)
    assert project.waiting(code)
    project.approve(documents)
    assert project.moves == ["documents"]  # and the code with them
    project.approve(code)
    assert code.state == documents.state == "success"
    assert project.moves == ["documents"]
    assert project.merge("more", documents=True).results["train"] == "skipped"


def rollback_while_a_release_waits(project: Project) -> None:
    """Ask for a rollback while a release waits: it passes that, and waits for one that deploys."""
    project.approve(project.merge("code"))
    project.slow = {"production"}
    waits, running = project.merge("two"), project.merge("three")
    rollback = project.roll_back()
    project.approve(rollback)
    assert rollback.state == "success"
    project.approve(running)
    late = project.roll_back()
    project.approve(late)
    assert running.jobs["production"].state == "in_progress"
    assert late.jobs["rollback"].state == "pending"  # both would move production
    project.actions.finish(running.jobs["production"])
    assert (late.state, late.results["incident"]) == ("success", "success")
    assert project.waiting(waits)


def the_second_is_approved_first(project: Project) -> None:
    """Two releases wait; the newer one is approved first."""
    first, second = project.merge("one"), project.merge("two")
    project.approve(second)
    assert (second.state, project.moves) == ("success", ["two"])
    project.approve(first)
    assert (first.state, project.moves) == ("success", ["two"])


def many_at_once(project: Project) -> None:
    """Three releases and a rollback are approved while a release deploys: none is dropped."""
    project.slow = {"production"}
    runs = [project.merge(sha) for sha in ("one", "two", "three", "four")]
    rollback = project.roll_back()
    for run in (*runs[:2], rollback, *runs[2:]):
        project.approve(run)
    assert runs[0].jobs["production"].state == "in_progress"
    project.actions.finish(runs[0].jobs["production"])
    project.actions.finish(runs[1].jobs["production"])
    assert rollback.state == "success"  # before the releases that came after it
    project.actions.finish(runs[2].jobs["production"])
    project.actions.finish(runs[3].jobs["production"])
    assert {run.state for run in runs} == {"success"}


def rejected(project: Project) -> None:
    """Reject a release and a rollback: nothing waits for them, and the rollback is reported."""
    first, second, rollback = project.merge("one"), project.merge("two"), project.roll_back()
    project.actions.reject(project.waiting(first))
    project.actions.reject(project.waiting(rollback))
    assert first.results | {"approve": "failure", "production": "skipped"} == first.results
    assert rollback.results["rollback"] == "skipped"
    assert rollback.results["incident"] == "success"
    project.approve(second)
    assert project.moves == ["two"]


def documents_after_a_failed_release(project: Project) -> None:
    """Merge documents after a release failed: they release the code."""
    project.fails["code", "stage"] = "failure"
    assert project.merge("code").state == "failure"
    documents = project.merge("documents", documents=True)
    assert documents.results["train"] == "success"
    project.approve(documents)
    assert project.moves == ["documents"]


def labels(project: Project) -> None:
    """Dependabot opens a pull request and labels it; then a person does."""
    project.slow = {"experiment"}
    ci, pull = project.texts["ci"], {"sha": "b" * 40, "ref": "refs/pull/7/merge"}
    project.merged.append((pull["sha"], False))
    opened = project.actions.happen(ci, "pull_request", "opened", **pull)
    for action in ("labeled", "labeled", "unlabeled"):
        assert project.actions.happen(ci, "pull_request", action, **pull) is None
    project.actions.finish(opened.jobs["experiment"])
    assert project.actions.checks(pull["sha"], CHECK) == ["success"]
    assert project.actions.passed(pull["sha"], CHECK)


def a_page_waits_for_a_person(project: Project) -> None:
    """Let the page of Monday wait: the looks go on, and only the newest page follows."""
    monday, tuesday, wednesday = (project.look(day) for day in ("monday", "tuesday", "wednesday"))
    for run in (monday, tuesday, wednesday):
        done = {name: state for name, state in run.results.items() if name != "publish"}
        assert set(done.values()) == {"success"}, done
    pages = [run.results["publish"] for run in (monday, tuesday, wednesday)]
    assert pages == ["waiting", "cancelled", "pending"]
    project.approve(monday)
    project.approve(wednesday)
    assert wednesday.state == "success"


SCENARIOS = {
    a_page_waits_for_a_person: [one_group_for_the_look, pages_without_group],
    documents_while_a_release_waits: [one_group_for_all, environment_where_it_deploys],
    rollback_while_a_release_waits: [one_group_for_all, environment_where_it_deploys, two_groups],
    the_second_is_approved_first: [one_group_for_all, environment_where_it_deploys],
    many_at_once: [without_queue, one_group_for_all],
    rejected: [report_success_alone],
    documents_after_a_failed_release: [compare_with_the_push],
    labels: [labels_start_runs],
}
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda f: f.__name__)


@each_scenario
def test_no_run_is_lost(scenario):
    """With the workflows as they are."""
    scenario(Project())


@pytest.mark.parametrize(
    ("scenario", "edit"),
    [(scenario, edit) for scenario, edits in SCENARIOS.items() for edit in edits],
    ids=lambda f: f.__name__,
)
def test_the_scenario_fails_with_other_workflows(scenario, edit):
    """So it would notice."""
    with pytest.raises(AssertionError):
        scenario(Project(edit))


def test_a_newest_result_may_hide_another_one():
    """With runs for labels, a cancelled check lies beside the one that counts."""
    project, pull = Project(labels_start_runs), {"sha": "b" * 40, "ref": "refs/pull/7/merge"}
    project.slow, ci = {"experiment"}, copy.deepcopy(project.texts["ci"])
    project.merged.append((pull["sha"], False))
    project.actions.happen(ci, "pull_request", "opened", **pull)
    project.actions.happen(ci, "pull_request", "labeled", **pull)
    assert len(project.actions.checks(pull["sha"], CHECK)) == 2
