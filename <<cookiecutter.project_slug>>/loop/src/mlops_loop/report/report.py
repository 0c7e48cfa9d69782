"""The report of a pull request, in Markdown: verdict, reasons, changes, what to do next.

Made from what the stages and the gate wrote; needs git's history, but no store and no network.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from mlops_loop import paths
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.github import markdown, markers
from mlops_loop.model import bundle as bundles
from mlops_loop.report import facts
from mlops_loop.text import counted, measured, number, with_unit

# GitHub says "maximum is 65536 characters" and has taken 262,144 bytes of a comment; a summary
# of a step has 1 MiB. Bytes below the smaller number fit however it counts.
COMMENT_BYTES, SUMMARY_BYTES, PAGE_BYTES = 60_000, 1_000_000, 2**40
ICONS = {"PROMOTE": "🟢", "HOLD": "🟡", "REJECT": "🔴"}
ICONS |= {"pass": "✅", "hold": "⏸️", "fail": "❌", "skip": "⚪"}
# What a file leads to that holds something else than the stages write.
UNEXPECTED = (
    LookupError, TypeError, ValueError, AttributeError, csv.Error, jinja2.UndefinedError,
)  # fmt: skip
SHORT = ("verdict", "rules", "parameters", "lock", "reproduce")  # no tables, plots of a model


def write(
    reports: Path, bundle_dir: Path, base: str | None = None, page: Path | None = None
) -> Path:
    """Write `report.md` to `reports`, add it to the job's summary, and draw it as a `page`.

    base: the commit whose parameters are compared, by default the champion's. Where training wrote
    another `dvc.lock` than the commit's, `dvc.lock.patch` is what to apply. Raises NoValidBundle
    where there is nothing to report on, not even an error that stopped the stages; UsageError
    for a base that is no commit and for a file that cannot be read.
    """
    bundle = _load(bundle_dir, reports)
    with _expected_files(reports):
        content = facts.collect(reports, bundle, base)
        sections = render(content)
    marker = f"\n{markers.of_bundle(bundle)}\n" if bundle else ""
    path = reports / paths.REPORT.name
    _write(path, markdown.fit(sections, COMMENT_BYTES - len(marker)) + marker)
    _add_to_summary(markdown.fit(sections, SUMMARY_BYTES - len(marker)) + marker)
    patch = reports / "dvc.lock.patch"
    patch.unlink(missing_ok=True)
    if content["stale"]:
        _write(patch, facts.lock_patch(content["stale"]))
    if page:
        _draw(page, markdown.fit(sections, PAGE_BYTES))
    return path


def _draw(page: Path, text: str) -> None:
    from mlops_loop.report import html  # what draws charts takes as long to load as all the rest

    _write(page, html.draw(text))


def _load(bundle_dir: Path, reports: Path) -> bundles.Bundle | None:
    """The bundle; None where an error stopped the stages before they made one."""
    try:
        return bundles.load(bundle_dir)
    except NoValidBundle:
        if not (reports / paths.STOPPED.name).exists():
            raise
        return None


@contextmanager
def _expected_files(reports: Path) -> Iterator[None]:
    """A file with other content than the stages write is an error of the user."""
    try:
        yield
    except UNEXPECTED as error:
        raise UsageError(
            f"A file in {reports} is not what this version of the code writes ({error!r}). "
            "Next: make pipeline gate report"
        ) from error


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _add_to_summary(text: str) -> None:
    """To the summary of the workflow's job; nothing on a laptop."""
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)


def render(content: dict[str, Any]) -> list[str]:
    """The sections of the report, without the empty ones; every value is escaped.

    content: from `facts.collect`. Where the model is the champion's own, or there is none, only the
    sections SHORT are written.
    """
    template = _environment().get_template("report.md.jinja")
    context = template.new_context(content)
    names = SHORT if content["same"] or not content["id"] else template.blocks
    sections = ["".join(template.blocks[name](context)).strip() for name in names]
    return [section for section in sections if section]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        finalize=markdown.shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"marker": Markup(markers.REPORT), "icons": ICONS}
    environment.globals |= {"table": markdown.table, "chart": markdown.chart}
    environment.globals |= {"checks": _checks, "spread": _spread, "counted": counted}
    environment.globals |= {"with_unit": with_unit, "profile_rows": _profile_rows}
    environment.filters["short"] = "{:.3g}".format
    return environment


def _checks(checks: list[dict[str, Any]]) -> Markup:
    """The gate's checks as a table, the worst first; a long table is folded."""
    columns = ("result", "check", "estimate:", "interval:", "limit:", "rows:", "why")
    rows = [
        (f"{ICONS[c['status']]} {c['status']}", f"{c['name']} {c['metric']} {c['slice']}",
         measured(c["estimate"], c["unit"]), _spread(c["low"], c["high"], c["unit"]),
         measured(c["threshold"], c["unit"]), c["n_rows"], c["message"])
        for c in checks
    ]  # fmt: skip
    return markdown.table(columns, rows, most=12)


def _profile_rows(groups: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """A row for the sizes of all groups, and one for each column."""
    sizes = (f"{group['n_rows']:,} ({group['share']:.0%})" for group in groups)
    columns = [(n, *(group["typical"][n] for group in groups)) for n in groups[0]["typical"]]
    return [("rows", *sizes), *columns]


def _spread(low: float | None, high: float | None, unit: str = "") -> str:
    return "" if low is None or high is None else f"{number(low)} to {measured(high, unit)}"
