"""The command `gate`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file
from mlops_loop.gate import gate as gates
from mlops_loop.gate.comparison import Check
from mlops_loop.text import number

ROW = "{:6}{:52}{:>12}{:>20}{:>8}{:>9}  {}"
HEAD = ROW.format("", "check", "estimate", "interval", "limit", "rows", "why")


@click.command(epilog=example("gate", 'gate --override "checked for leaks"'))
@click.option("--policy", type=file, default=paths.GATE_POLICY, show_default=True)
@click.option(
    "--override", metavar="REASON", envvar="GATE_OVERRIDE",
    help="Turn HOLD into PROMOTE. REJECT stays.  [or: GATE_OVERRIDE]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def gate(policy: Path, override: str | None, as_json: bool) -> None:
    """Compare challenger and champion on the same held-out rows, and decide.

    Exits with 0 for PROMOTE, 1 for REJECT, 2 for HOLD, and writes reports/gate.json. The
    challenger is models/bundle, the champion what the registry has in production.
    """
    verdict = gates.run(paths.BUNDLE, policy, paths.REPORTS, override)
    click.echo(json.dumps(verdict.to_dict(), indent=2) if as_json else to_text(verdict))
    sys.exit(verdict.exit_code)


def to_text(verdict: gates.Verdict) -> str:
    """A table for a terminal; slices without a finding are only counted."""
    quiet = [c for c in verdict.checks if "slice" in c.name and c.status in ("pass", "skip")]
    lines = [f"{verdict.decision}: {verdict.summary}", "", HEAD]
    lines += [_line(check) for check in verdict.checks if check not in quiet]
    lines += ["", f"{len(quiet)} checks of slices passed or were skipped."] if quiet else []
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _line(check: Check) -> str:
    name = f"{check.name} {check.metric} {check.slice}".rstrip()
    interval = f"{number(check.low)} to {number(check.high)}".replace("- to -", "-")
    value, limit = f"{number(check.estimate)} {check.unit}".rstrip(), number(check.threshold)
    rows = number(check.n_rows)
    return ROW.format(check.status, name, value, interval, limit, rows, check.message)
