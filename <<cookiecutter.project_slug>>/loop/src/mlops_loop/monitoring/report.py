"""`reports/monitor.json`: what a look found, from the job that looks to the job that acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from mlops_loop.monitoring.causes import Cause
from mlops_loop.monitoring.checks import Check

if TYPE_CHECKING:
    from mlops_loop.monitoring.findings import Findings
    from mlops_loop.monitoring.look import Look


@dataclass(frozen=True)
class Finding:
    """The result of one check of operations; "unknown" where it cannot tell."""

    status: Literal["ok", "unknown", "alarm"]
    message: str


@dataclass(frozen=True)
class Report:
    """findings: by name. The rest is of the model in production, empty where no day was examined.

    causes: that a person should see. retrain: harm is proven, and nothing is broken. note: what the
    days are, as a replay.
    """

    findings: Mapping[str, Finding]
    bundle_id: str = ""
    date: str = ""
    note: str = ""
    causes: tuple[Cause, ...] = ()
    retrain: bool = False

    @classmethod
    def of(cls, findings: Mapping[str, Finding], look: Look) -> Report:
        """With what the look says of the model and of its traffic."""
        more = {"traffic": traffic(look), "model": model(look)} if look.version else {}
        found = look.findings
        if not found:
            return cls({**findings, **more})
        actions = found.actions
        return cls(
            {**findings, **more}, look.bundle_id, found.date, look.note, actions.issues,
            actions.retrain,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """Raises KeyError or TypeError where it is not what `as_json` gives."""
        findings = {name: Finding(**facts) for name, facts in data["findings"].items()}
        causes = tuple(map(_cause, data["causes"]))
        return cls(**{**data, "findings": findings, "causes": causes})


def _cause(data: Mapping[str, Any]) -> Cause:
    checks = [
        Check(**{**check, "band": tuple(check["band"]) if check["band"] else None})
        for check in data["checks"]
    ]
    return Cause(data["verdict"], data["since"], tuple(checks))


def traffic(look: Look) -> Finding:
    """Whether rows still come: of the last day, where its weekday usually has any."""
    if not look.findings:
        return Finding("unknown", look.reason)
    seen = look.findings.operations
    usual = f", usual are {seen.usual_rows:,.0f}" if seen.usual_rows is not None else ""
    message = f"{seen.rows:,} rows on {look.findings.date}{usual}. {look.note}".strip()
    return Finding("ok" if seen.rows or seen.is_quiet_weekday else "alarm", message)


def model(look: Look) -> Finding:
    """The verdict in a sentence: an alarm where there is a cause that a person should see."""
    found = look.findings
    if not found:
        return Finding("unknown", "No day was examined.")
    if found.verdict == "unknown":
        return Finding("unknown", f"Nobody can tell how {look.version} does: {_reasons(found)}.")
    named = "; ".join(
        f"{cause.verdict} since {cause.since}: {', '.join(c.name for c in cause.checks[:3])}"
        for cause in found.causes
    )
    message = f"{look.version} is {found.verdict}{': ' if named else ''}{named}."
    if found.actions.issues:
        return Finding("alarm", f"{message}{_consequence(found)}")
    return Finding("ok", message)


def _reasons(found: Findings) -> str:
    """Why no check could tell, the usual reason first."""
    counts = Counter(check.reason for check in found.blind().values())
    return "; ".join(f"{reason} ({n} checks)" for reason, n in counts.most_common(3))


def _consequence(found: Findings) -> str:
    """What follows for retraining, with the evidence where harm is the reason."""
    if found.actions.blocks_retraining:
        return " Retraining is blocked."
    if found.verdict != "harmed" or not (harm := found.harm):
        return ""
    if harm.alarm:
        return " Harm is proven."
    return f" Harm is not proven yet: evidence {harm.evidence:,.0f} of {harm.alarm_at:,.0f}."
