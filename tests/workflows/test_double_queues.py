"""The double's concurrency groups, approvals and checks are those that GitHub documents."""

import pytest

from .double.expressions import evaluate, fill
from .double.queues import MOST_PENDING, Actions, starts

SHA = "a" * 40
RUNNING = {"name": "Work"}


def busy(job):
    """Let a job called `work` go on until it is finished."""
    return None if job.id == "work" else "success"


def workflow(concurrency=None, job_concurrency=None, **more):
    """Return a workflow with one long job, and a group for all of it or for the job."""
    work = RUNNING | ({"concurrency": job_concurrency} if job_concurrency else {}) | more
    made = {"name": "w", "on": {"push": None}, "jobs": {"work": work}}
    return made | ({"concurrency": concurrency} if concurrency else {})


def states(runs):
    """Return the state of each run."""
    return [run.state for run in runs]


def test_one_runs_and_one_is_pending():
    """A newer run takes the place of the pending one, of which no job ever starts."""
    actions = Actions(work=busy)
    first, second, third = (actions.start(workflow("production")) for _ in range(3))
    assert states([first, second, third]) == ["in_progress", "cancelled", "pending"]
    assert second.jobs == third.jobs == {}
    actions.finish(first.jobs["work"])
    assert states([first, second, third]) == ["success", "cancelled", "in_progress"]


@pytest.mark.parametrize("level", ["concurrency", "job_concurrency"])
def test_a_queue_drops_nothing_and_keeps_the_order(level):
    """Up to a hundred; those beyond are cancelled."""
    actions = Actions(work=busy)
    group = {"group": "production", "queue": "max"}
    runs = [actions.start(workflow(**{level: group})) for _ in range(MOST_PENDING + 2)]
    assert runs[-1].state == "cancelled"
    for run in runs[:-1]:
        assert run.jobs["work"].state == "in_progress"
        actions.finish(run.jobs["work"])
    assert set(states(runs[:-1])) == {"success"}


def test_a_group_of_a_job_is_entered_when_its_turn_comes():
    """The rest of the run goes on; other workflows share the group, in any case of its name."""
    actions = Actions(work=busy)
    one, other = workflow(None, "Production"), workflow(None, "production")
    one["jobs"]["before"] = {}
    one["jobs"]["work"]["needs"] = "before"
    runs = [actions.start(text) for text in (other, one, other)]
    assert [run.jobs["work"].state for run in runs] == ["in_progress", "cancelled", "pending"]
    assert runs[1].jobs["before"].state == "success"
    assert runs[1].state == "cancelled"


def test_a_skipped_job_enters_no_group():
    """It takes nobody's place."""
    actions = Actions(work=busy)
    actions.start(workflow(None, "g"))
    waits = actions.start(workflow(None, "g"))
    skipped = actions.start(workflow(None, "g", **{"if": "github.ref == 'main'"}))
    assert skipped.results == {"work": "skipped"}
    assert waits.jobs["work"].state == "pending"


def test_what_runs_is_cancelled_where_that_is_asked():
    """Jobs that always run do so in the cancelled run, and report."""
    actions, group = Actions(work=busy), {"group": "${{ github.ref }}", "cancel-in-progress": True}
    text = workflow(group)
    text["jobs"]["last"] = {"needs": ["work"], "if": "always()"}
    first, second = actions.start(text, ref="a"), actions.start(text, ref="a")
    other = actions.start(text, ref="b")
    assert first.results == {"work": "cancelled", "last": "success"}
    assert states([first, second, other]) == ["cancelled", "in_progress", "in_progress"]


@pytest.mark.parametrize("level", ["concurrency", "job_concurrency"])
def test_who_waits_for_approval_holds_the_group(level):
    """Of the workflow and of the job alike, until somebody decides."""
    actions = Actions(reviewers={"production"}, work=busy)
    text = workflow(**{level: "g"}, environment="production")
    first, second = actions.start(text), actions.start(text)
    assert first.jobs["work"].state == "waiting"
    assert second.jobs.get("work", second).state == "pending"
    actions.approve(first.jobs["work"])
    assert first.jobs["work"].state == "in_progress"
    assert second.jobs.get("work", second).state == "pending"
    actions.finish(first.jobs["work"])
    assert second.jobs["work"].state == "waiting"


def test_a_rejected_job_fails():
    """What needs it is skipped, but for what always runs."""
    actions = Actions(reviewers={"production"})
    text = workflow(environment={"name": "production", "url": "u"})
    text["jobs"] |= {"next": {"needs": "work"}, "last": {"needs": ["next"], "if": "always()"}}
    run = actions.start(text)
    actions.reject(run.jobs["work"])
    assert run.results == {"work": "failure", "next": "skipped", "last": "success"}
    assert run.state == "failure"


def test_an_environment_without_reviewers_asks_nobody():
    """As in a private repository of the free plan."""
    run = Actions().start(workflow(environment="production"))
    assert run.state == "success"


def test_the_newest_result_of_a_check_counts():
    """By the job's name, of all runs of a commit; a skipped one is enough, a missing one is not."""
    outcomes = iter(["failure", "success"])
    actions = Actions(work=lambda job: next(outcomes))
    assert actions.passed(SHA, "Work") is None
    actions.start(workflow(), sha=SHA)
    assert actions.passed(SHA, "Work") is False
    actions.start(workflow(), sha=SHA)
    assert actions.checks(SHA, "Work") == ["failure", "success"]
    assert actions.passed(SHA, "Work") is True
    actions.start(workflow(**{"if": "false"}), sha=SHA)
    assert (actions.checks(SHA, "Work")[-1], actions.passed(SHA, "Work")) == ("skipped", True)
    assert actions.passed(SHA, "work") is None
    assert actions.passed("b" * 40, "Work") is None


def test_a_check_has_the_id_of_a_job_without_a_name():
    """And is open while the job goes on."""
    actions = Actions(work=lambda job: None)
    actions.start({"on": "push", "jobs": {"work": {}}}, sha=SHA)
    assert (actions.checks(SHA, "work"), actions.passed(SHA, "work")) == (["in_progress"], None)


def test_a_run_that_was_dropped_reports_nothing():
    """A required check of it stays expected for ever."""
    actions = Actions(work=busy)
    shas = ["a", "b", "c"]
    for sha in shas:
        actions.start(workflow("g"), sha=sha)
    assert [actions.checks(sha, "Work") for sha in shas] == [["in_progress"], [], []]


STARTS = [
    ({"on": "push"}, "push", "", True),
    ({"on": ["push", "pull_request"]}, "pull_request", "opened", True),
    ({True: {"pull_request": None}}, "pull_request", "synchronize", True),
    ({True: {"pull_request": None}}, "pull_request", "labeled", False),
    ({"on": {"pull_request": {"types": ["labeled"]}}}, "pull_request", "labeled", True),
    ({"on": {"pull_request": {"types": ["labeled"]}}}, "pull_request", "opened", False),
    ({"on": {"workflow_dispatch": {"inputs": {}}}}, "workflow_dispatch", "", True),
    ({"on": "push"}, "schedule", "", False),
]


@pytest.mark.parametrize(("text", "event", "action", "expected"), STARTS)
def test_an_event_starts_a_workflow(text, event, action, expected):
    """A label starts none that does not ask for it."""
    assert starts(text, event, action) is expected


EXPRESSIONS = [
    ("needs.changes.outputs.documents-only == 'false' && github.ref == 'refs/heads/main'", True),
    ("github.event_name == 'push' || !always()", False),
    ("github.event_name != 'push' && always()", True),
    ("needs.changes.outputs.missing == ''", False),
    ("(github.ref == 'it''s' || true) && !false", True),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_an_expression(text, expected):
    """Names, texts, comparisons and the functions of the state."""
    outputs = {"changes": {"outputs": {"documents-only": "false"}}}
    github = {"ref": "refs/heads/main", "event_name": "pull_request"}
    context = {"needs": outputs, "github": github, "always()": True}
    assert evaluate(text, context) is expected


def test_a_value_with_expressions_in_it():
    """One alone keeps its type; nothing is an empty text."""
    context = {"github": {"ref": "main", "workflow": "ci"}}
    assert (
        fill("${{ github.workflow }}-${{ github.ref }}-${{ github.none }}", context) == "ci-main-"
    )
    assert fill("${{ github.ref == 'main' }}", context) is True
    assert (fill(True, context), fill("plain", context)) == (True, "plain")
