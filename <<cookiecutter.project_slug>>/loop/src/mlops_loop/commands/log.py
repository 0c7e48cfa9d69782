"""The commands `log export|prune|forget`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import click

from mlops_loop.commands.console import example, file
from mlops_loop.prediction_log.database import Database
from mlops_loop.prediction_log.log import hashed

url = click.option("--url", envvar="LOG_URL", required=True, help="[or: LOG_URL]")
DAY = click.DateTime(["%Y-%m-%d"])


@click.group(epilog=example("log export build/log"))
def log() -> None:
    """Export, prune or forget predictions in the log that LOG_URL names."""


@log.command(epilog=example("log export build/log --since 2026-01-01"))
@url
@click.option("--since", type=DAY, default="1970-01-01", help="First day (UTC).  [default: all]")
@click.argument("folder", type=file)
def export(url: str, since: datetime, folder: Path) -> None:
    """Write a Parquet file for each day into FOLDER, with true outcomes where known."""
    from mlops_loop.prediction_log import archive

    since, until = since.replace(tzinfo=UTC), datetime.now(UTC)
    written = archive.write_days(Database(url), folder, since, until)
    click.echo(f"log: {len(written)} days written to {folder}")


@log.command(epilog=example("log prune --days 90 --archive build/log"))
@url
@click.option("--days", type=click.IntRange(0), required=True, help="How many whole days to keep.")
@click.option("--archive", type=file, help="Export them to this folder first.")
def prune(url: str, days: int, archive: Path | None) -> None:
    """Delete requests older than a number of days; a server may run meanwhile."""
    until = datetime.combine(datetime.now(UTC).date() - timedelta(days), time(), UTC)
    database = Database(url)
    deleted = _archived(database, archive, until) if archive else database.prune(until)
    click.echo(f"log: {deleted} requests before {until.date()} deleted{_room(database)}")


@log.command(epilog=example("log forget customer-4711"))
@url
@click.option("--key", envvar="LOG_SUBJECT_KEY", default="", help="[or: LOG_SUBJECT_KEY]")
@click.argument("subject")
def forget(url: str, key: str, subject: str) -> None:
    """Delete all predictions about SUBJECT, as clients name it in X-Subject-Id."""
    name = hashed(subject.encode(), key)
    deleted = Database(url).forget(name)
    click.echo(
        f"log: {deleted} requests deleted; exported files still have them, as subject {name}"
    )


def _archived(database: Database, folder: Path, until: datetime) -> int:
    from mlops_loop.prediction_log import archive

    days, deleted = archive.prune(database, folder, until)
    click.echo(f"log: {days} days written to {folder}")
    return deleted


def _room(database: Database) -> str:
    """What a file of SQLite has free now, which new rows take first."""
    if (room := database.room()) is None:
        return ""
    size, free = (f"{n / 1e6:,.1f} MB" for n in room)
    return f"; the file has {size}, of which {free} are free for new rows"
