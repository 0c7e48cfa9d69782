"""What the gate found and decided: checks, the decision, and how people and machines read it.

REJECT wins over HOLD, HOLD over PROMOTE. A person may override HOLD, never REJECT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Status = Literal["pass", "fail", "hold", "skip"]
Decision = Literal["PROMOTE", "REJECT", "HOLD"]

EXIT_CODES: dict[str, int] = {"PROMOTE": 0, "REJECT": 1, "HOLD": 2}
COLUMNS = ("check", "status", "estimate", "interval", "limit", "rows", "why")


@dataclass(frozen=True)
class Check:
    """One question with its answer; a number that does not exist is None, and `message` says why.

    `estimate`, `low`, `high` and `threshold` are in `unit` (empty: a share or a score).
    `rows_needed` is about how many rows would decide, where too few did not.
    """

    name: str
    status: Status
    message: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n_rows: int | None = None
    unit: str = ""
    metric: str = ""
    slice: str = ""
    rows_needed: int | None = None

    def __post_init__(self) -> None:
        for name in ("estimate", "low", "high", "threshold"):
            value = getattr(self, name)
            finite = value is not None and math.isfinite(value)
            object.__setattr__(self, name, float(value) if finite else None)


@dataclass(frozen=True)
class Override:
    """A person's decision to promote in spite of a HOLD."""

    by: str
    reason: str


@dataclass(frozen=True)
class Verdict:
    """The decision with all that led to it; make one with `conclude`.

    `challenger` is the id of the bundle that was judged, `champion` the version that it met.
    `rows_needed` is the largest need of any check. `unchanged` is true where the challenger
    is the champion's own bundle, so that there is nothing to promote.
    """

    decision: Decision
    summary: str
    checks: tuple[Check, ...]
    challenger: str
    champion: str | None
    rows_needed: int | None = None
    unchanged: bool = False
    overridden: bool = False
    override: Override | None = None

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.decision]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` gives the same verdict back."""
        return {**asdict(self), "checks": [asdict(check) for check in self.checks]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Verdict:
        checks = tuple(Check(**check) for check in data["checks"])
        override = Override(**data["override"]) if data["override"] else None
        return cls(**{**data, "checks": checks, "override": override})

    def to_text(self) -> str:
        """A table for a terminal, control characters taken out; passed slices in one line."""
        rows = [COLUMNS, *(_cells(check) for check in self.shown)]
        rows = [tuple(_printable(cell) for cell in row) for row in rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS) - 1)]
        lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
        return "\n".join([_printable(f"{self.decision}: {self.summary}"), "", *lines, *self._more])

    def to_markdown(self) -> str:
        """A table for a pull request; nothing in it renders, links or mentions."""
        lines = [
            f"**{self.decision}**: {escape(self.summary)}",
            "",
            "| " + " | ".join(COLUMNS) + " |",
            "|" + " --- |" * len(COLUMNS),
        ]
        for check in self.shown:
            name, *cells = _cells(replace(check, slice=""))
            shown = escape(name) + (f" {code(check.slice)}" if check.slice else "")
            lines.append("| " + " | ".join([shown, *map(escape, cells)]) + " |")
        return "\n".join([*lines, *self._more]) + "\n"

    @property
    def shown(self) -> list[Check]:
        """All checks but the slices that passed, the ones that refuse first."""
        kept = [c for c in self.checks if c.status != "pass" or not c.name.startswith("slice")]
        return sorted(kept, key=lambda check: ("fail", "hold", "pass", "skip").index(check.status))

    @property
    def _more(self) -> list[str]:
        passed = len(self.checks) - len(self.shown)
        return ["", f"{passed} more checks of slices passed."] if passed else []


def conclude(
    checks: Iterable[Check],
    challenger: str,
    champion: str | None,
    override: Override | None = None,
    unchanged: bool = False,
) -> Verdict:
    """The verdict of these checks; `override` counts for a HOLD only."""
    checks = tuple(checks)
    failed, held = ([c for c in checks if c.status == status] for status in ("fail", "hold"))
    overridden = bool(held and not failed and override)
    decision: Decision = "REJECT" if failed else "HOLD" if held else "PROMOTE"
    summary = _summary(failed or held, challenger, champion)
    if overridden and override:
        decision = "PROMOTE"
        summary = f"HOLD overridden by {override.by} ({override.reason}). {summary}"
    needs = [check.rows_needed for check in checks if check.rows_needed]
    return Verdict(
        decision=decision,
        summary=summary,
        checks=checks,
        challenger=challenger,
        champion=champion,
        rows_needed=max(needs, default=None),
        unchanged=unchanged,
        overridden=overridden,
        override=override if overridden else None,
    )


def _summary(against: Sequence[Check], challenger: str, champion: str | None) -> str:
    if not against:
        place = f"may replace {champion}" if champion else "may ship as the first model"
        return f"{challenger} {place}: every check passed."
    first = against[0]
    where = f" {first.slice}" if first.slice else ""
    more = f" And {len(against) - 1} more." if len(against) > 1 else ""
    return f"{first.name}{where}: {first.message}{more}"


def number(value: float | None) -> str:
    """Four significant digits, and a dash for what does not exist."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _cells(check: Check) -> tuple[str, ...]:
    name = " ".join(part for part in (check.name, check.metric, check.slice) if part)
    bounds = f"{number(check.low)} to {number(check.high)}" if check.low is not None else "-"
    rows = "-" if check.n_rows is None else f"{check.n_rows:,}"
    estimate = f"{number(check.estimate)} {check.unit if check.estimate is not None else ''}"
    limit = number(check.threshold)
    return name, check.status, estimate.strip(), bounds, limit, rows, check.message


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def escape(text: str) -> str:
    """Text that Markdown and GitHub show as it is: no markup, HTML, mention, link or reference."""
    text = re.sub(r"[^\w .,%()+=-]|_|\.(?=\w*[A-Za-z])", _entity, _printable(text))
    return re.sub(r"(&#64;|&#35;)", "\\1\u200b", text)


def code(text: str) -> str:
    """A value in code type, where GitHub looks for no mentions; works inside a table too."""
    return f"<code>{re.sub(r'[^A-Za-z0-9 ]', _entity, _printable(text))}</code>"


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
