"""The command `schema`: drafts of the user's files from a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_loop.commands.console import example, file
from mlops_loop.paths import PARAMS
from mlops_loop.text import listed

if TYPE_CHECKING:
    from mlops_loop.draft.drafting import Draft
    from mlops_loop.draft.placing import Placed

DRAFTS = Path("build/schema")
SPLITS = click.Choice(["time", "group", "stratified", "random"])


@click.command(epilog=example("schema customers.csv --target churned --replace"))
@click.argument("tables", type=file, nargs=-1, required=True, metavar="TABLE...")
@click.option("--target", default="", metavar="COLUMN", help="What is to be predicted.")
@click.option("--positive", default="", metavar="CLASS", help="Of two classes the one to find.")
@click.option(
    "--task", default="", metavar="TASK",
    help="As in params.yaml; one without a target needs no other option.  [default: by the target]",
)  # fmt: skip
@click.option("--key", multiple=True, metavar="COLUMN", help="What identifies a row; repeatable.")
@click.option("--time", default="", metavar="COLUMN", help="Newest rows are held out by it.")
@click.option("--group", default="", metavar="COLUMN", help="Rows of one value stay together.")
@click.option("--split", type=SPLITS, help="How rows are held out.  [default: by the columns]")
@click.option("--out", type=file, default=DRAFTS, show_default=True, help="Folder of the drafts.")
@click.option(
    "--replace", is_flag=True,
    help="Put the files in place of the project's, copy TABLE to data/raw, and remove files of "
    "other columns from data/raw and data/later. Stops where git does not have what it replaces.",
)  # fmt: skip
def schema(tables: tuple[Path, ...], out: Path, replace: bool, **stated: Any) -> None:
    """Draft schema.py, features.py, params.yaml and gate.yaml from a table.

    TABLE is one table in one or several files: CSV as it comes (separator, decimal sign and
    encoding are found), Parquet or Excel; or data/ingested.parquet, for the source of params.yaml.
    Types, ranges, categories, key, time and group are guessed from the values, and the evidence is
    written beside each guess. The draft is tried out on the table before it is written.
    """
    from mlops_loop.draft import drafting, placing
    from mlops_loop.draft.roles import Stated

    draft = drafting.make(tables, Stated(**{k: v for k, v in stated.items() if v}))
    placed = placing.replace(draft) if replace else placing.write(draft, out)
    _describe(draft)
    _describe_files(placed)
    if replace:
        click.echo("Next: make pipeline && make gate")
    else:
        click.echo(f"Next: look at {out}/schema.py and {out}/{PARAMS.name}, and put all in place:")
        click.echo(f"  {_again()}")


def _again() -> str:
    """The same command, with --replace."""
    import shlex
    import sys

    return f"loop {shlex.join(sys.argv[1:])} --replace"


def _describe(draft: Draft) -> None:
    roles, counts = draft.roles, draft.prepared.parts.value_counts()
    rows = ", ".join(f"{n:,} {part}" for part, n in counts.items())
    positive = f", positive {roles.positive!r}" if roles.positive else ""
    column = f" by {roles.column!r}" if roles.column else ""
    click.echo(f"schema: {len(draft.table.rows):,} rows, {len(draft.facts):,} columns ({rows})")
    target = f"target {roles.target!r}" if roles.target else "no target"
    click.echo(f"  {target}: {roles.task}{positive}")
    click.echo(f"  key: {listed(roles.key)}; split: {roles.strategy}{column}")
    click.echo(f"  input of the model: {listed(roles.inputs)}")
    for name, reason in roles.unused.items():
        click.echo(f"  no input: {name!r} {reason}")
    if draft.doubts:
        click.echo("\n  ".join(["Look at these guesses:", *draft.doubts]))


def _describe_files(placed: Placed) -> None:
    for folder in dict.fromkeys(path.parent for path in placed.written):
        names = ", ".join(path.name for path in placed.written if path.parent == folder)
        click.echo(f"Wrote {names}" + f" to {folder}" * (folder != Path()))
    if placed.removed:
        folders = sorted({str(path.parent) for path in placed.removed})
        click.echo(
            f"Removed {len(placed.removed):,} files of another table from {' and '.join(folders)}; "
            f"git has them: git restore {' '.join(folders)}"
        )
