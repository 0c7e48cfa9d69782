"""What the monitor may find: later rows are changed on a person's laptop, then looked at.

The model is registered today, or yesterday where midnight (UTC) passes during a scene. So the
replay shows the first 28 or 29 days of what later rows there are, and the outcomes of its last day
are still to come.
"""

import csv
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from conftest import check

from .scenes import assign

Row = dict[str, str]
LATER = [f"{month:02}" for month in range(7, 13)]


def rows_of(text: str, change: Callable[[int, Row], Row | None]) -> str:
    """Return a table whose rows, by place, were changed; None leaves one out."""
    found, made = csv.DictReader(io.StringIO(text)), io.StringIO()
    table = csv.DictWriter(made, found.fieldnames, lineterminator="\n")
    table.writeheader()
    kept = (change(place, row) for place, row in enumerate(found))
    table.writerows(row for row in kept if row is not None)
    return made.getvalue()


def look(ada, change: Callable[[int, Row], Row | None], *months: str):
    """Let these rows come, by default those of July, and the monitor look at them."""
    for month in months or ("07",):
        name = f"data/later/flights-2013-{month}.csv"
        path = ada.folder / name
        path.write_text(rows_of(path.read_text(), change))
    check("git", "commit", "--quiet", "--all", "--message", "Other rows", cwd=ada.folder)
    return ada, ada.loop("monitor evaluate")


def broken(person):
    """Let the sensor of pressure be silent for nine days."""
    return look(
        person(),
        lambda _, row: row | {"pressure": ""} if row["time_hour"] >= "2013-07-20" else row,
    )


def drifted(person):
    """Let only dry mornings come: the first is the 6th of July, so the days reach into August."""

    def dry_morning(_: int, row: Row) -> Row | None:
        early = int(row["sched_dep_time"]) < 1000
        return row if early and row["humid"] and float(row["humid"]) < 65 else None

    return look(person(), dry_morning, "07", "08")


def harmed(person):
    """Let nearly all flights of five days be late."""

    def late(place: int, row: Row) -> Row:
        is_one = place % 8 and "2013-07-21" <= row["time_hour"] < "2013-07-26"
        return row | {"arr_delay": "60"} if is_one else row

    return look(person(), late)


def proven(person):
    """Let the flights of the last days be late where they were not, and not where they were."""

    def turned(_: int, row: Row) -> Row:
        if row["time_hour"] < "2013-07-15" or not row["arr_delay"]:
            return row
        return row | {"arr_delay": f"{30 - float(row['arr_delay']):g}"}

    return look(person("released"), turned)


def fewer(person):
    """Let one row of four come, when the model is three weeks old."""
    ada = person()
    age(ada, days=20)
    return look(
        ada,
        lambda place, row: None if place % 4 and row["time_hour"] >= "2013-08-14" else row,
        "08",
    )


def age(ada, days: int) -> None:
    """Let the tags be older than they are, on the laptop and at origin."""
    moment = datetime.now(UTC) - timedelta(days=days)
    env = os.environ | {"GIT_COMMITTER_DATE": moment.isoformat(timespec="seconds")}
    for tag in check("git", "tag", "--list", cwd=ada.folder).split():
        text = check("git", "tag", "--list", tag, "--format=%(contents)", cwd=ada.folder)
        arguments = ("--force", "--annotate", "--message", text.strip(), tag, f"{tag}^{{}}")
        check("git", "tag", *arguments, cwd=ada.folder, env=env)
    check("git", "push", "--quiet", "--force", "origin", "--tags", cwd=ada.folder)


def no_outcomes(person):
    """Let no outcome come for a week."""
    return look(
        person(),
        lambda _, row: row | {"arr_delay": ""} if row["time_hour"] >= "2013-07-22" else row,
    )


def old_data(person):
    """Let a month be all that training data may be old."""
    ada = person()
    ada.commit("monitor.yaml", lambda text: f"data_days: 30\n{text}")
    return ada, ada.loop("monitor evaluate")


def silence(person):
    """Let nothing come any more."""
    return look(person(), lambda _, row: row if row["time_hour"] < "2013-07-26" else None, *LATER)


def overtaken(person):
    """Let another release come between the gate and the registration."""
    ada = person("retrained")
    production, *_ = reversed(ada.world.git("tag", "--list", "model#production#*").split())
    for tag in ("model@v1.1.0", production):
        ada.world.git("tag", "--delete", tag)
        ada.world.git("push", "--quiet", "origin", f":refs/tags/{tag}")
    text = ada.world.git("tag", "--list", "model@v1.0.0", "--format=%(contents)")
    ada.world.git("tag", "--annotate", "--message", text, "model@v1.1.0", "model@v1.0.0^{}")
    ada.world.git("push", "--quiet", "origin", "model@v1.1.0")
    assign(ada.world, "v1.1.0", why="faster")
    return ada, ada.loop("registry register")
