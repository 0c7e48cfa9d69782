"""What the log counted of requests that left no row, as counts of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from mlops_loop.daily.day import Day

# As the log calls requests as a whole, and their place among the counts `refused`.
WHOLE = ("request refused", "request failed")


def count_problems(date: str, frame: str, problems: Mapping[tuple[str, str], int]) -> Day:
    """problems: by column, empty for a request, and problem. frame: the id of one."""
    columns: Counter[str] = Counter()
    for (column, _), n in problems.items():
        if column:
            columns[f"refused:{column}"] += n
    refused, failed = (problems.get(("", name), 0) for name in WHOLE)
    counts = {name: (n,) for name, n in columns.items()}
    return Day(date, frame, {"refused": (refused, failed), **counts})
