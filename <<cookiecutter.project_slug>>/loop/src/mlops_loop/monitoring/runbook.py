"""The page that says what to do about an alarm; its commands are tested."""

from __future__ import annotations

from mlops_loop.monitoring.causes import Cause

PAGE = "loop/docs/runbook.md"
# By finding, by verdict, and of `degraded` by the kind of the check.
SECTIONS = {
    "staleness": "the-model-is-stale",
    "traffic": "no-rows-come",
    "no-verdict": "the-monitor-cannot-tell",
    "broken": "data-in-production-are-broken",
    "drifted": "inputs-have-drifted",
    "harmed": "the-loss-has-risen",
    "volume": "the-volume-has-changed",
    "labels": "outcomes-have-stopped",
    "data": "training-data-are-old",
}
ELSEWHERE = {
    "slow": "loop/docs/alerts.md#endpointslow",
    "refused": "loop/docs/alerts.md#predictionsrefused",
    "errors": "loop/docs/alerts.md#endpointerrors",
}


def section(name: str) -> str:
    """The address of a section in the repository; of what has none that of the whole page."""
    if name in ELSEWHERE:
        return ELSEWHERE[name]
    return f"{PAGE}#{SECTIONS[name]}" if name in SECTIONS else PAGE


def of_cause(cause: Cause) -> tuple[str, ...]:
    """The sections of a cause: that of its verdict, and of operations one for each check."""
    names = [c.kind for c in cause.checks] if cause.verdict == "degraded" else [cause.verdict]
    return tuple(dict.fromkeys(map(section, names)))
