"""The verbs `log export|prune|forget`."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from ..errors import example


def add_to(cli: click.Group) -> None:
    cli.add_command(log)


@click.group(epilog=example("log export build/log"))
def log() -> None:
    """The log of predictions, which LOG_URL names: export, prune, forget."""


url = click.option("--url", envvar="LOG_URL", required=True, help="[or: LOG_URL]")
DAY = click.DateTime(["%Y-%m-%d"])


def _import(name: str) -> Any:
    return import_module(f".{name}", __package__)


@log.command(epilog=example("log export build/log --since 2026-01-01"))
@url
@click.option("--since", type=DAY, default="1970-01-01", help="First day (UTC).  [default: all]")
@click.argument("folder", type=click.Path(path_type=Path))
def export(url: str, since: datetime, folder: Path) -> None:
    """Write a Parquet file for each day into FOLDER, with outcomes where they are known."""
    _archive(url, folder, since.replace(tzinfo=UTC), datetime.now(UTC))


@log.command(epilog=example("log prune --days 90 --archive build/log"))
@url
@click.option("--days", type=click.IntRange(0), required=True, help="How many whole days stay.")
@click.option("--archive", type=click.Path(path_type=Path), help="Export them there before.")
def prune(url: str, days: int, archive: Path | None) -> None:
    """Delete what is older than a number of days; a server may run meanwhile."""
    until = datetime.combine(datetime.now(UTC).date() - timedelta(days), time(), UTC)
    if archive:
        _archive(url, archive, _import("export").FIRST, until)
    deleted = _import("database").Database(url).prune(until)
    click.echo(f"log: {deleted} requests from before {until.date()} deleted")


@log.command(epilog=example("log forget customer-4711"))
@url
@click.option("--key", envvar="LOG_SUBJECT_KEY", default="", help="[or: LOG_SUBJECT_KEY]")
@click.argument("subject")
def forget(url: str, key: str, subject: str) -> None:
    """Delete all predictions about SUBJECT, as clients named it in X-Subject-Id."""
    name = _import("log").hashed(subject.encode(), key)
    deleted = _import("database").Database(url).forget(name)
    click.echo(f"log: {deleted} requests deleted; exported files keep theirs, as subject {name}")


def _archive(url: str, folder: Path, since: datetime, until: datetime) -> None:
    written = _import("export").write_days(_import("database").Database(url), folder, since, until)
    click.echo(f"log: {len(written)} days written to {folder}")
