"""What a reviewer reads: the commands `report`, `comment` and `check-review`."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file, print_outputs


@click.command(epilog=example("report --page reports/index.html"))
@click.option(
    "--base", metavar="REV", envvar="REPORT_BASE", help="Compare parameters.  [default: champion]"
)
@click.option("--page", type=file, help="Draw it as an HTML page too.")
def report(base: str | None, page: Path | None) -> None:
    """Write reports/report.md: verdict, slices, changes, plots, what to do next.

    Markdown as GitHub reads it. In a workflow the summary of the job gets it too.
    """
    from mlops_loop.report import report as reports

    path = reports.run(paths.REPORTS, paths.BUNDLE, base, page)
    click.echo(f"report: {(page or path).resolve().as_uri()}")


@click.command(epilog=example("comment reports/report.md --pr 5"))
@click.argument("file", type=file, default=paths.REPORT)
@click.option("--pr", type=int, help="Its number.  [default: that of the workflow's event]")
def comment(file: Path, pr: int | None) -> None:
    """Post FILE as the one comment of a pull request, or update it there."""
    from mlops_loop.github import comment as comments

    click.echo(comments.run(file, pr))


@click.command("check-review", epilog=example("check-review"))
def check_review() -> None:
    """Say whether this model is the reviewed one, and what overrides HOLD."""
    from mlops_loop.github import review_marker
    from mlops_loop.model import bundle

    print_outputs(review_marker.run(bundle.load(paths.BUNDLE)))
