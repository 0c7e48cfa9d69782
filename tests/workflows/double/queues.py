"""Who waits for whom on GitHub: concurrency groups, approvals, and checks of a commit.

    actions = Actions(reviewers={"production"})
    first = actions.start(workflow, ref="refs/heads/main", sha="a" * 40)
    assert first.jobs["approve"].state == "waiting"
    actions.approve(first.jobs["approve"])

Jobs end at once, with what `work` says; one for which it says None goes on until `finish`. The
rules are GitHub's: "Control the concurrency of workflows and jobs", "Reviewing deployments",
"Troubleshooting required status checks". No job is executed here: act does that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .expressions import evaluate, fill

State = Literal[
    "queued", "pending", "waiting", "in_progress", "success", "failure", "skipped", "cancelled"
]
ENDED = ("success", "failure", "skipped", "cancelled")
MOST_PENDING = 100  # in a group with `queue: max`
OPENS = ["opened", "synchronize", "reopened"]  # types of pull_request that start by default


@dataclass(eq=False)
class Job:
    """A job of a run; `pending` waits for its group, `waiting` for approval."""

    id: str
    run: Run
    spec: Mapping[str, Any]
    state: State = "queued"
    outputs: Mapping[str, Any] = field(default_factory=dict)
    approved: bool = False

    @property
    def name(self) -> str:
        """The context of its check: the name, or the id where there is none."""
        return self.spec.get("name", self.id)

    @property
    def needs(self) -> list[Job]:
        """The jobs that must have ended before."""
        needs = self.spec.get("needs", [])
        return [self.run.jobs[name] for name in ([needs] if isinstance(needs, str) else needs)]

    @property
    def environment(self) -> str | None:
        """The name of its environment."""
        environment = self.spec.get("environment")
        return environment["name"] if isinstance(environment, Mapping) else environment

    def context(self) -> dict[str, Any]:
        """Return what its expressions see."""
        results = [job.state for job in self.needs]
        needs = {job.id: {"result": job.state, "outputs": job.outputs} for job in self.needs}
        status = {"always()": True, "cancelled()": self.run.cancelled}
        status |= {"failure()": "failure" in results}
        status |= {"success()": all(result == "success" for result in results)}
        return {**self.run.context, **status, "needs": needs}

    def wanted(self) -> bool:
        """Whether its `if` lets it run; without a status function, all its needs must succeed."""
        condition = str(self.spec.get("if", "success()"))
        condition = condition.strip().removeprefix("${{").removesuffix("}}")
        asks = any(f"{name}()" in condition for name in ("always", "failure", "cancelled"))
        context = self.context()
        if not asks and (self.run.cancelled or not context["success()"]):
            return False
        return bool(evaluate(condition, context))


@dataclass(eq=False)
class Run:
    """A run of a workflow; a run that waits for its group has no job yet."""

    workflow: Mapping[str, Any]
    context: Mapping[str, Any]
    state: State = "queued"
    cancelled: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)

    @property
    def spec(self) -> Mapping[str, Any]:
        """What may name a group."""
        return self.workflow

    @property
    def results(self) -> dict[str, State]:
        """States by job."""
        return {name: job.state for name, job in self.jobs.items()}


Work = Callable[[Job], "tuple[State, dict[str, Any]] | State | None"]


class Actions:
    """The runs of a repository. `reviewers` names the environments that ask somebody first."""

    def __init__(self, reviewers: Collection[str] = (), work: Work = lambda job: "success"):
        """Let `work` say how each job ends: its result, or that and its outputs."""
        self.reviewers, self.work, self.runs = reviewers, work, list[Run]()
        self._groups: dict[str, list[Run | Job]] = {}

    def start(self, workflow: Mapping[str, Any], **github: Any) -> Run:
        """Start a run; `github` is the context of that name, `vars` in it are the variables."""
        variables = github.pop("vars", {})
        context = {"github": {"workflow": workflow.get("name"), **github}}
        context["inputs"], context["vars"] = github.get("inputs", {}), variables
        run = Run(workflow, context)
        self.runs.append(run)
        self._advance()
        return run

    def happen(self, workflow: Mapping[str, Any], event: str, action: str = "", **github: Any):
        """Let an event happen; return the run that it starts, or None."""
        if not starts(workflow, event, action):
            return None
        return self.start(workflow, event_name=event, **github)

    def approve(self, job: Job) -> None:
        """Let a reviewer approve a job that waits."""
        assert job.state == "waiting", job.state
        job.approved, job.state = True, "queued"
        self._advance()

    def reject(self, job: Job) -> None:
        """Let a reviewer reject it: the job fails."""
        assert job.state == "waiting", job.state
        self._end(job, "failure")
        self._advance()

    def finish(self, job: Job, result: State = "success") -> None:
        """End a job that runs."""
        assert job.state == "in_progress", job.state
        self._end(job, result)
        self._advance()

    def cancel(self, run: Run) -> None:
        """Cancel a run; jobs that always run still do, unless the run never began."""
        run.cancelled = True
        if run.state == "queued" or run.state == "pending":
            run.state = "cancelled"
        for job in run.jobs.values():
            if job.state in ("pending", "waiting", "in_progress"):
                self._end(job, "cancelled")
        self._leave(run)

    def checks(self, sha: str, name: str) -> list[State]:
        """Return all results of a check on a commit, the oldest first."""
        jobs = (job for run in self.runs if run.context["github"].get("sha") == sha
                for job in run.jobs.values())  # fmt: skip
        return [job.state for job in jobs if job.name == name]

    def passed(self, sha: str, name: str) -> bool | None:
        """Whether a required check passed: its newest result counts, and skipped is enough.

        None where it has not ended, or was never reported: then a merge waits.
        """
        found = self.checks(sha, name)
        return found[-1] in ("success", "skipped") if found and found[-1] in ENDED else None

    def _advance(self) -> None:
        """Let everything happen that can, until nothing changes any more."""
        while any(self._step(run) for run in self.runs):
            pass

    def _step(self, run: Run) -> bool:
        if run.state in ENDED:
            return False
        if run.state != "in_progress":
            return self._begin(run)
        moved = any(self._move(job) for job in run.jobs.values())
        if all(job.state in ENDED for job in run.jobs.values()):
            states = run.results.values()
            failed = "failure" if "failure" in states else "success"
            run.state = "cancelled" if run.cancelled or "cancelled" in states else failed
            self._leave(run)
            return True
        return moved

    def _begin(self, run: Run) -> bool:
        """Begin a run whose turn it is; only then it has jobs."""
        before = run.state
        if not self._turn(run, run.context):
            return run.state != before
        run.state = "in_progress"
        run.jobs |= {name: Job(name, run, spec) for name, spec in run.workflow["jobs"].items()}
        return True

    def _move(self, job: Job) -> bool:
        """Take a job one step further; a job that is skipped enters no group."""
        before = job.state
        if before not in ("queued", "pending") or any(n.state not in ENDED for n in job.needs):
            return False
        if before == "queued" and not job.approved and not job.wanted():
            job.state = "cancelled" if job.run.cancelled else "skipped"
            return True
        if not self._turn(job, job.context()):
            return job.state != before
        if job.environment in self.reviewers and not job.approved:
            job.state = "waiting"
            return True
        job.state = "in_progress"
        done = self.work(job)
        if done is not None:
            result, job.outputs = done if isinstance(done, tuple) else (done, {})
            self._end(job, result)
        return True

    def _end(self, job: Job, result: State) -> None:
        job.state = result
        self._leave(job)

    def _turn(self, who: Run | Job, context: Mapping[str, Any]) -> bool:
        """Whether it may go on: it holds its group, or has none. Else it is pending or dropped."""
        rule = who.spec.get("concurrency")
        if rule is None:
            return True
        rule = {"group": rule} if isinstance(rule, str) else rule
        group = self._groups.setdefault(str(fill(rule["group"], context)).lower(), [])
        if who not in group:
            self._make_room(group, rule, context)
            if len(group) > MOST_PENDING:
                self._drop(who)
                return False
            group.append(who)
        if group[0] is not who:
            who.state = "pending"
        return group[0] is who

    def _make_room(self, group: list[Run | Job], rule: Mapping[str, Any], context: Any) -> None:
        """Cancel what the newcomer replaces: what runs too, or what waits for its turn."""
        if fill(rule.get("cancel-in-progress"), context):
            replaced = group[:]
        else:
            replaced = group[1:] if rule.get("queue", "single") == "single" else []
        for other in replaced:
            self._drop(other)

    def _drop(self, who: Run | Job) -> None:
        if isinstance(who, Run):
            return self.cancel(who)
        self._end(who, "cancelled")

    def _leave(self, who: Run | Job) -> None:
        for group in self._groups.values():
            if who in group:
                group.remove(who)


def starts(workflow: Mapping[str, Any], event: str, action: str = "") -> bool:
    """Whether an event starts a workflow; `on` is True for a reader of YAML 1.1."""
    events = workflow.get("on", workflow.get(True))
    if isinstance(events, (str, list)):
        events = dict.fromkeys([events] if isinstance(events, str) else events)
    if event not in events:
        return False
    rule = events[event] if isinstance(events[event], Mapping) else {}  # of schedule, a list
    types = rule.get("types", OPENS if event == "pull_request" else None)
    return types is None or action in types
