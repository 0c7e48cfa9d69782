"""The command `feedback propose`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import click

from mlops_loop import params
from mlops_loop.commands.console import example
from mlops_loop.errors import UsageError
from mlops_loop.github.api import Repository
from mlops_loop.monitoring import config, feedback_proposal
from mlops_loop.monitoring import feedback as selected
from mlops_loop.monitoring.traffic import table
from mlops_loop.monitoring.traffic.kinds import Replay
from mlops_loop.monitoring.traffic.opened import open_source, production

ROOT = Path()
DAY = click.DateTime(["%Y-%m-%d"])


@click.group(epilog=example("feedback propose --since 2026-01-01"))
def feedback() -> None:
    """Make training data of production's rows whose outcome is known."""


@feedback.command(epilog=example("feedback propose --since 2026-01-01 --max-rows 5000"))
@click.option("--since", type=DAY, required=True, help="The first day (UTC).")
@click.option("--until", type=DAY, help="The day after the last one.  [default: today]")
@click.option("--max-rows", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--file-only", is_flag=True, help="Write file and report; push nothing.")
def propose(since: datetime, until: datetime | None, max_rows: int, file_only: bool) -> None:
    """Write rows with their outcome and a report, and propose them on a branch with an issue.

    The file has the model's inputs and the target, and nothing else. Where it cannot be added to
    the source, it is only written, and the reason is given. A second time nothing changes.
    """
    now, loaded = datetime.now(UTC), params.load()
    end = until.date() if until else now.date()
    if not (target := loaded.target.column):
        raise UsageError(
            f"params.yaml names no target.column: of {loaded.task} nothing comes true that could "
            "become training data. Next: add later rows where the source reads them"
        )
    made = selected.choose(_rows(since, end, now, target), loaded, max_rows)
    written = feedback_proposal.write(made, loaded)
    click.echo(f"{len(made.rows):,} rows in {written.file}, report in {written.report}")
    if made.obstacle or file_only:
        return click.echo(f"Not proposed: {made.obstacle or '--file-only'}. {_next(made)}")
    done = feedback_proposal.propose(ROOT, made, written, loaded, Repository(), now.date())
    click.echo(f"{done.branch} adds {done.path}, and is proposed in {done.issue_url}")


def _rows(since: datetime, end: date, now: datetime, target: str) -> selected.Collected:
    section = config.load().traffic
    if section is None:
        raise UsageError(
            "monitor.yaml has no section traffic, which says where production's rows are. Next: "
            "loop/docs/monitoring-traffic.md"
        )
    if isinstance(section, Replay):
        raise UsageError(
            f"A replay's rows are no feedback. Next: move files of {section.name} to the source"
        )
    chunks = table.read(open_source(section, ROOT, now), since.date(), end)
    return selected.collect(chunks, production(ROOT).bundle.contract, target)


def _next(made: selected.Feedback) -> str:
    if made.obstacle:
        return "Next: make raw rows of it, and add them where the source reads them"
    return "Next: the same without --file-only"
