"""A plot of the holdout, as a task describes it; `pipeline/plots.py` draws it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Plot:
    """A plot of the holdout; `columns` are its table by name, and the first two are drawn.

    draw: a method of matplotlib's Axes with the arguments `look`, or `matrix`, which counts the
    columns `predicted` and `actual` by `labels`, or `bars`. diagonal: what the line x = y is, for
    the legend; empty for none. limits: arguments of `Axes.set`. unit: of x and of y, but for counts
    of rows. axes: the titles of x and y, by default the names of the columns.
    """

    title: str
    draw: str
    columns: Any
    look: Mapping[str, Any] = field(default_factory=dict)
    diagonal: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    labels: tuple[str, ...] = ()
    axes: tuple[str, str] = ("", "")
