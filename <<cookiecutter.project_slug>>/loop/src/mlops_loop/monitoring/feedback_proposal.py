"""Feedback as a file, a report, and a branch with an issue whose link opens the pull request.

The commit is made beside the work tree, from main as origin has it: nothing here is changed.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from markupsafe import Markup

from mlops_loop import files, git
from mlops_loop.errors import UsageError
from mlops_loop.github import issues
from mlops_loop.github.api import Repository
from mlops_loop.github.markdown import escape, table
from mlops_loop.monitoring import feedback
from mlops_loop.monitoring.feedback import Feedback
from mlops_loop.monitoring.selection import NEGLIGIBLE
from mlops_loop.params import Params
from mlops_loop.source_params import Files
from mlops_loop.sources import csv_files

LABEL = "feedback"
FOLDER = Path("build/feedback")
MOST_SHOWN = 30  # rows of a table in the report


@dataclass(frozen=True)
class Written:
    """The file of feedback and its report, on this machine; `id` is of the file's content."""

    file: Path
    report: Path
    id: str


@dataclass(frozen=True)
class Proposal:
    """The branch that adds `path` to the source, and the issue about it."""

    branch: str
    path: str
    issue_url: str


def write(made: Feedback, params: Params, folder: Path = FOLDER) -> Written:
    """Write rows and report; the same rows give the same file."""
    style = params.source if isinstance(params.source, Files) else None
    kind = "parquet" if style and style.form_of(style.path) == "parquet" else "csv"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"rows.{kind}"
    if kind == "csv":
        csv_files.write_csv(made.rows, part, style or csv_files.PLAIN)
    else:
        files.write_table(made.rows, part)
    name = hashlib.sha256(part.read_bytes()).hexdigest()[:12]
    file = part.rename(folder / f"feedback-{name}.{kind}")
    text = folder / f"feedback-{name}.md"
    text.write_text(report(made) + "\n", encoding="utf-8")
    return Written(file, text, name)


def report(made: Feedback) -> str:
    """The report in Markdown: no value of a row is in it, and every name is escaped."""
    collected = made.collected
    counts = [
        ("rows of production", sum(day.rows for day in collected.days)),
        ("with an id that came before", collected.repeated),
        ("with an outcome", len(collected.rows)),
        ("refused by RawRows", made.n_refused),
        ("known to the source", made.known),
        ("beyond the limit", made.over_limit),
        ("**in the file**", len(made.rows)),
    ]
    parts = [
        f"Columns: {escape(', '.join(map(str, made.rows)))}",
        table(["rows", "number:"], [(Markup(name), n) for name, n in counts]),
        "#### Outcomes by day",
        _days(made),
        "#### Who has an outcome",
        _differences(made),
    ]
    if made.refused:
        rows = [(escape(rule, 80), n) for rule, n in made.refused.items()]
        parts += ["#### Refused", table(["column and rule", "rows:"], rows[:MOST_SHOWN])]
    return "\n\n".join(parts)


def _days(made: Feedback) -> str:
    days = made.collected.days
    rows = [(str(d.day), d.rows, d.labelled, f"{d.labelled / d.rows:.0%}") for d in days if d.rows]
    return table(["day", "rows:", "with outcome:", "share:"], rows, most=MOST_SHOWN)


def _differences(made: Feedback) -> str:
    """In words what it means, and a table of the largest ones."""
    found = [d for d in made.collected.differences if d.value is not None]
    if not found:
        return "Too few rows without an outcome (or with one) to compare them."
    large = [d for d in found if abs(d.value or 0) > NEGLIGIBLE]
    rows = [(escape(d.column, 60), escape(d.what, 60), f"{d.value:+.2f}") for d in found]
    words = (
        f"{len(large)} of {len(found)} columns differ by more than {NEGLIGIBLE} standard "
        "deviations between rows with an outcome and the others. Where they do, a model that "
        "learns from these rows learns about those whose outcome became known."
    )
    shown = table(["column", "what", "difference:"], rows[:MOST_SHOWN])
    return f"{words}\n\n{shown}"


def propose(
    root: Path, made: Feedback, written: Written, params: Params, repository: Repository, day: date
) -> Proposal:
    """Push the branch and open the issue, once for the same rows.

    Raises UsageError where git ignores the file, GitHubRefused, and StoreUnreachable where origin
    does not answer.
    """
    path = feedback.path_of(params, written.id)
    if not git.run(root, "check-ignore", "--quiet", path).returncode:
        raise UsageError(
            f"git ignores {path}, so no branch can bring it. Next: copy {written.file} there, then "
            "store it as you store the other files"
        )
    branch = _known_branch(repository, written.id)
    if not branch:
        branch = f"feedback/{day}-{written.id}"
        commit = _commit(root, path, written.file, len(made.rows))
        git.push_branch(root, commit, branch)
    title = f"Feedback: {len(made.rows):,} rows with their outcome"
    text = f"Read the report, then look at the file `{escape(path)}`.\n\n{report(made)}"
    issue = issues.open_or_update(
        repository, LABEL, f"feedback-{written.id}", title, text, written.id
    )
    issues.add_link(repository, issue, branch, title)
    return Proposal(branch, path, issue["html_url"])


def _known_branch(repository: Repository, name: str) -> str:
    refs = repository.call(repository.rest.git.list_matching_refs, ref="heads/feedback/")
    known = (row["ref"].removeprefix("refs/heads/") for row in refs)
    return next((branch for branch in known if branch.endswith(f"-{name}")), "")


def _commit(root: Path, path: str, file: Path, n_rows: int) -> str:
    """A commit on origin's main that adds the file, made in an index of its own."""
    base = (git.fetch_main(root) if git.has_origin(root) else "") or "HEAD"
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        blob = _done(root, index, "hash-object", "-w", "--no-filters", "--", str(file.resolve()))
        _done(root, index, "read-tree", base)
        _done(root, index, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        tree = _done(root, index, "write-tree")
        message = f"Feedback: {n_rows} rows with their outcome"
        parent = _done(root, index, "rev-parse", base)
        return _done(root, index, "commit-tree", tree, "-p", parent, "-m", message)


def _done(root: Path, index: Path, *args: str) -> str:
    done = git.run(root, *args, GIT_INDEX_FILE=str(index))
    if done.returncode:
        raise UsageError(f"git {args[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
