"""The command `gate`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file
from mlops_loop.gate import gate as gates
from mlops_loop.gate.comparison import Check
from mlops_loop.text import counted, measured, number

HEAD = ("", "check", "estimate", "interval", "limit", "rows", "why")
RIGHT = {2, 3, 4, 5}  # columns of numbers
WIDEST = 60  # characters of a name; a longer one is cut


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


@click.command(epilog=example("anchors"))
def anchors() -> None:
    """Keep the names of the version in production: write data/anchors.json.

    It holds up to 500 held-out rows with the names that production gives them. The stage train
    reads it; commit it. For models that name what they find, as clusters.
    """
    from mlops_loop.gate import anchors as kept

    done = kept.write()
    click.echo(f"{done.n_rows:,} rows with the names of {done.version} in {paths.ANCHORS}")
    click.echo("Next: make pipeline, and commit it with dvc.lock")


def to_text(verdict: gates.Verdict) -> str:
    """A table for a terminal; slices without a finding are only counted."""
    quiet = [c for c in verdict.checks if "slice" in c.name and c.status in ("pass", "skip")]
    table = [HEAD, *(_cells(check) for check in verdict.checks if check not in quiet)]
    lines = [f"{verdict.decision}: {verdict.summary}", "", *_aligned(table)]
    if quiet:
        lines += ["", f"Checks of slices that are not shown: {counted(c.status for c in quiet)}."]
    if verdict.decision == "HOLD":
        lines += ["", _next_step(verdict)]
    return "\n".join(map(_printable, lines))


def _next_step(verdict: gates.Verdict) -> str:
    """What ends a HOLD: another column or more rows, where they would, or a person."""
    rows = f"get about {n:,} held-out rows; or " if (n := verdict.rows_needed) else ""
    first = f"{verdict.resolve}; or " if verdict.resolve else rows
    return (
        f"Next: {first}when you have looked at the checks above and the model is right: loop gate "
        '--override "REASON". On GitHub: the label gate-override.'
    )


def _cells(check: Check) -> tuple[str, ...]:
    name = f"{check.name} {check.metric} {check.slice}".rstrip()
    name = name if len(name) <= WIDEST else name[: WIDEST - 1] + "…"
    interval = f"{number(check.low)} to {number(check.high)}".replace("- to -", "-")
    value, limit = (measured(value, check.unit) for value in (check.estimate, check.threshold))
    cells = (check.status, name, value, interval, limit, number(check.n_rows), check.message)
    return tuple(map(_printable, cells))


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines whose columns are as wide as their widest cell, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(
        cell.rjust(width) if i in RIGHT else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip() for row in table]  # fmt: skip


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
