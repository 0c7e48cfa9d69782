"""Issues about causes: one for each, edited in place, closed when it was quiet for a week.

The day on which a shift seems to begin moves a little from look to look. So an issue belongs to a
cause that shares a check with it, as long as the same model is in production. Its first line says
which: `<!-- cause BUNDLE VERDICT LAST-DAY EFFECT: CHECK,CHECK -->`, checks by hashes of names. A
person's label `accepted` keeps it quiet until the effect is half as large again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.issues import Issue
from mlops_loop.github.markdown import escape, table
from mlops_loop.monitoring import runbook
from mlops_loop.monitoring.causes import Cause
from mlops_loop.monitoring.checks import Check, Verdict
from mlops_loop.text import number

LABEL, ACCEPTED = "monitor", "accepted"
QUIET_DAYS, GROWN = 7, 1.5
MARK = re.compile(r"<!-- cause (\w+) (\w+) ([\d-]{10}) ([\d.]+): ([\w,]+) -->")
NEXT: dict[Verdict, str] = {
    "broken": "Retraining is blocked. Next: repair the source, or set the label `accepted`.",
    "drifted": "Nothing is to be done while the loss holds. Next: set the label `accepted`.",
    "degraded": "No data are wrong: retraining goes on, and would change nothing about it.",
    "harmed": "Retraining starts once harm is proven, on the rows of the source. To go back: the "
    "workflow `rollback`.",
}

# Of each check of operations what to look at.
NEXT_OF = {
    "volume": "`volume`: fewer or more rows than usual for two days. Next: ask who sends them; a "
    "client that stopped, or sends rows twice. After a week the new level counts as usual.",
    "slow": "`slow`: more than 5 % of the requests took longer than `budgets.latency_p95_ms` of "
    "gate.yaml, for two days. Next: after a release `rollback`.",
    "refused": "`refused`: clients send values that the contract refuses. Next: ask who sends the "
    "column in brackets; /logs/problems of the endpoint names all.",
    "errors": "`errors`: requests end in 5xx. Next: after a release `rollback`.",
    "labels": "`labels`: outcomes have stopped coming, so harm cannot be seen any more. Next: the "
    "job that sends them to /feedback, and its last errors.",
    "data": "`data`: the newest row of training is older than `data_days`; retraining on the same "
    "rows changes nothing. Next: bring newer rows to the source, then start `retrain`.",
}  # fmt: skip
WHAT = {"broken": "Broken data", "drifted": "Drift", "degraded": "Degraded", "harmed": "Harm"}


@dataclass(frozen=True)
class About:
    """What the mark of an issue says. effect: the largest shift, in material ones."""

    bundle_id: str
    verdict: str
    last_day: date
    effect: float
    checks: frozenset[str]

    @classmethod
    def of(cls, cause: Cause, bundle_id: str, day: date) -> About:
        """A cause as it was seen on a day."""
        checks = frozenset(_hash(check.name) for check in cause.checks)
        return cls(bundle_id, cause.verdict, day, effect(cause), checks)

    @classmethod
    def read(cls, issue: Issue) -> About | None:
        """None where the mark is damaged."""
        if not (found := MARK.match(issue["body"])):
            return None
        bundle_id, verdict, day, grown, checks = found.groups()
        return cls(
            bundle_id, verdict, date.fromisoformat(day), float(grown), frozenset(checks.split(","))
        )

    def mark(self) -> str:
        """The first line of the issue."""
        checks = ",".join(sorted(self.checks))
        facts = f"{self.bundle_id} {self.verdict} {self.last_day} {self.effect:.2f}"
        return f"<!-- cause {facts}: {checks} -->"


@dataclass(frozen=True)
class Kept:
    """An issue that is open after a look. is_new: it was opened, or has grown, in this look."""

    cause: Cause
    url: str
    is_new: bool
    is_accepted: bool


def effect(cause: Cause) -> float:
    """The largest shift of its checks, in shifts that matter."""
    return max(abs(check.effect or 0) / (check.material or 1) for check in cause.checks)


def blocking(repository: Repository) -> Issue | None:
    """An open issue about broken data that nobody has accepted."""
    for issue in issues.list_own(repository, LABEL, "cause "):
        about = About.read(issue)
        if about and about.verdict == "broken" and not _is_accepted(issue):
            return issue
    return None


def update(
    repository: Repository, causes: Sequence[Cause], bundle_id: str, day: date, note: str = ""
) -> tuple[Kept, ...]:
    """Open or edit an issue for each cause as it was seen on `day`, and close those that are over.

    Raises GitHubRefused.
    """
    known = [(issue, About.read(issue)) for issue in issues.list_own(repository, LABEL, "cause ")]
    open_ones = [(issue, about) for issue, about in known if about]
    kept, left = [], list(open_ones)
    for cause in causes:
        new = About.of(cause, bundle_id, day)
        mine = next((one for one in left if _same(one[1], new)), None)
        if mine:
            left.remove(mine)
        kept.append(_keep(repository, cause, new, mine, note))
    for issue, about in left:
        _close_if_over(repository, issue, about, bundle_id, day)
    return tuple(kept)


def _same(old: About, new: About) -> bool:
    return old.bundle_id == new.bundle_id and bool(old.checks & new.checks)


def _keep(
    repository: Repository, cause: Cause, new: About, mine: tuple[Issue, About] | None, note: str
) -> Kept:
    methods, head = repository.rest.issues, title(cause)
    if not mine:
        body = f"{new.mark()}\n{_text(cause, note)}"
        made = repository.call(methods.create, title=head, body=body, labels=[LABEL])
        return Kept(cause, made["html_url"], is_new=True, is_accepted=False)
    issue, old = mine
    accepted = _is_accepted(issue)
    grown = accepted and new.effect > GROWN * old.effect
    if accepted and not grown:  # what was accepted is what it is compared with
        new = About(new.bundle_id, new.verdict, new.last_day, old.effect, new.checks)
    new = About(new.bundle_id, new.verdict, new.last_day, new.effect, new.checks | old.checks)
    body = f"{new.mark()}\n{_text(cause, note)}"
    repository.call(methods.update, issue_number=issue["number"], title=head, body=body)
    if grown:
        _wake(repository, issue, new, old)
    return Kept(cause, issue["html_url"], is_new=grown, is_accepted=accepted and not grown)


def _wake(repository: Repository, issue: Issue, new: About, old: About) -> None:
    text = f"It has grown from {old.effect:.2f} to {new.effect:.2f} times what matters."
    methods, number_ = repository.rest.issues, issue["number"]
    labels = [label["name"] for label in issue["labels"] if label["name"] != ACCEPTED]
    repository.call(methods.create_comment, issue_number=number_, body=text)
    repository.call(methods.update, issue_number=number_, labels=labels)


def _close_if_over(
    repository: Repository, issue: Issue, about: About, bundle_id: str, day: date
) -> None:
    if about.bundle_id != bundle_id:
        issues.close(repository, issue, f"Another model is in production now: {bundle_id}.")
    elif (day - about.last_day).days >= QUIET_DAYS:
        issues.close(repository, issue, f"Quiet since {about.last_day}.")


def _is_accepted(issue: Issue) -> bool:
    return any(label["name"] == ACCEPTED for label in issue["labels"])


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def title(cause: Cause) -> str:
    """As 'Broken data since 2026-02-20: missing:size', as Markdown."""
    what = WHAT[cause.verdict]
    names = [check.name for check in cause.checks]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{what} since {cause.since}: {escape(', '.join(names[:3]), most=120)}{more}"


def _text(cause: Cause, note: str) -> str:
    head = f"Seen first on {cause.since}."
    parts = [
        f"{head} {escape(note)}" if note else head,
        evidence(cause.checks),
        NEXT[cause.verdict],
        *(NEXT_OF[check.kind] for check in cause.checks if check.kind in NEXT_OF),
    ]
    parts.append(
        f"The monitor edits this issue daily, and closes it after {QUIET_DAYS} quiet days. The "
        f"label `{ACCEPTED}` keeps it quiet until the shift is half as large again. See "
        f"{', '.join(runbook.of_cause(cause))}."
    )
    return "\n\n".join(parts)


def evidence(checks: Iterable[Check]) -> str:
    """A table of checks with an alarm, as Markdown."""
    heads = ("check", "days:", "now:", "in training:", "without alarm", "smallest visible shift:")
    return table(heads, [_row(check) for check in checks])


def _row(check: Check) -> tuple[str, ...]:
    low, high = check.band or (None, None)
    name = f"{check.name} ({check.part})" if check.part else check.name
    numbers = (check.window, check.value, check.expected)
    return (
        escape(name), *map(number, numbers), f"{number(low)} to {number(high)}",
        number(check.smallest),
    )  # fmt: skip
