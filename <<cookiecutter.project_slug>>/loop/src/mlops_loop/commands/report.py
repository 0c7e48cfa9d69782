"""What a reviewer reads: the commands `report`, `comment` and `check-review`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file, print_outputs

if TYPE_CHECKING:
    from mlops_loop.github.review_marker import Review


@click.command(epilog=example("report --page reports/index.html"))
@click.option(
    "--base", metavar="REV", envvar="REPORT_BASE", help="Compare parameters.  [default: champion]"
)
@click.option("--page", type=file, help="Draw it as an HTML page too.")
def report(base: str | None, page: Path | None) -> None:
    """Write reports/report.md: verdict, slices, changes, plots, what to do next.

    Markdown as GitHub reads it. In a workflow the summary of the job gets it too.
    """
    from mlops_loop.report.report import write

    path = write(paths.REPORTS, paths.BUNDLE, base, page)
    click.echo(f"report: {(page or path).resolve().as_uri()}")


@click.command(epilog=example("comment reports/report.md --pr 5"))
@click.argument("file", type=file, default=paths.REPORT)
@click.option("--pr", type=int, help="Its number.  [default: that of the workflow's event]")
def comment(file: Path, pr: int | None) -> None:
    """Post FILE as the one comment of a pull request, or update it there."""
    from mlops_loop.github import comment as github_comment

    posted = github_comment.post(file, pr)
    sentences = {
        "created": f"Posted {posted.url}",
        "updated": f"Updated {posted.url}",
        "unchanged": f"Nothing to do: {posted.url} has this text already.",
        "read-only": f"Not posted: this event may only read. {file} is in the job summary.",
    }
    click.echo(sentences[posted.action])


@click.command("check-review", epilog=example("check-review"))
def check_review() -> None:
    """Say whether this model is the reviewed one, and what overrides HOLD."""
    from mlops_loop.github import review_marker
    from mlops_loop.model import bundle

    review = review_marker.check(bundle.load(paths.BUNDLE))
    override = f"label {review_marker.LABEL} of #{review.pull}" if review.override else ""
    print_outputs({"summary": _review_summary(review), "override": override})


def _review_summary(review: Review) -> str:
    if review.pull is None:
        return "This commit has no pull request, so nothing was reviewed."
    if review.is_open:
        return f"#{review.pull} is under review."
    if (match := review.match) is None:
        return f"#{review.pull} reported no model."
    if match.is_same:
        return f"#{review.pull} reported this very model, byte for byte ({match.bundle})."
    problem = f"#{review.pull} reported another model ({match.reported}) than {match.bundle}"
    if match.max_difference is None:
        return f"{problem}, with other golden rows."
    return f"{problem}: the scores of golden rows differ by up to {match.max_difference:.2g}."
