"""The command `predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mlops_loop import params, paths
from mlops_loop.batch import find, run
from mlops_loop.batch.run import Call, Result
from mlops_loop.batch.table_model import KINDS, TableModel
from mlops_loop.commands.console import as_json, example, file, to_json
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.file_format import FileFormat
from mlops_loop.params import Params
from mlops_loop.source_params import Files
from mlops_loop.text import many

OUT = Path("predictions")
SHOWN = 8  # kinds of problems


@click.command(
    epilog=example(
        "predict data/later/flights-2013-07.csv",
        "predict new.csv --version production --out new.parquet",
    )
)
@click.argument("table", metavar="FILE")
@click.option("--out", type=file, help="CSV or Parquet.  [default: predictions/NAME.csv]")
@click.option("--version", help="Of the registry: v1.2.0, production, previous or latest.")
@click.option("--bundle", type=file, help="A folder.  [default: models/bundle]")
@click.option("--keep", multiple=True, help="A column to copy, beside those of prepare.key.")
@click.option("--rows", "kind", type=click.Choice(list(KINDS)), help="[default: by the columns]")
@click.option(
    "--set", "given", multiple=True, metavar="KEY=VALUE",
    help="How FILE is written, where it differs from source in params.yaml: separator=';'",
)  # fmt: skip
@click.option("--max-refused-share", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace the output where it exists.")
@as_json
def predict(
    table: str, out: Path | None, version: str | None, bundle: Path | None, keep: tuple[str, ...],
    given: tuple[str, ...], max_refused_share: float, machine: bool, **call: Any,
) -> None:  # fmt: skip
    """Predict the rows of FILE, or say why one of them is refused.

    FILE is CSV, Parquet or Excel, by path or URL: raw rows as the source has them, or rows of the
    model input. The rules are those of the endpoint. Exits with 1 where rows were refused, unless
    they are no larger share than allowed, and with 3 where all were.
    """
    if version and bundle:
        raise UsageError("--version and --bundle name a model each. Next: give one of them")
    own = params.load() if paths.PARAMS.exists() else None
    style = _style(own, table, given)
    out = out or OUT / f"{Path(table).name.split('.')[0]}.csv"
    key = own.prepare.key if own else ()
    model = find.load(version or bundle or paths.BUNDLE)
    result = run.predict_file(model, Call(table, style, out, keep, key, **call))
    click.echo(to_json(_facts(model, result, out)) if machine else _describe(model, result, out))
    if result.n_refused == result.n_rows:
        raise DataRefused(f"All {result.n_rows:,} rows were refused. The first is {result.first}")
    if result.n_refused > max_refused_share * result.n_rows:
        sys.exit(1)


def _style(own: Params | None, table: str, given: tuple[str, ...]) -> FileFormat:
    """How the source is written, and what the call says; the format goes by the ending."""
    known = own.source.model_dump() if own and isinstance(own.source, Files) else {}
    names = FileFormat.model_fields
    keys = {k: v for k, v in known.items() if k in names and k not in ("format", "compression")}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or name not in names:
            raise UsageError(f"--set {text}: choose one of {', '.join(names)}, as separator=';'.")
        keys[name] = "\t" if value == "\\t" else value
    return params.checked("--set", keys, FileFormat)


def _facts(model: TableModel, result: Result, out: Path) -> dict[str, Any]:
    facts: dict[str, Any] = {"out": str(out), "version": model.version, "bundle": model.bundle.id}
    facts |= {"rows": result.layout.kind, "n_rows": result.n_rows, "n_refused": result.n_refused}
    problems = [
        {"column": column, "problem": problem, "n_rows": n}
        for (column, problem), n in result.problems.most_common()
    ]
    return facts | {"problems": problems, "lacking": result.layout.lacking}


def _describe(model: TableModel, result: Result, out: Path) -> str:
    done, layout = result.n_rows - result.n_refused, result.layout
    lines = [
        f"predict: {done:,} of {result.n_rows:,} rows by {model.version} (bundle "
        f"{model.bundle.id}), read as {KINDS[layout.kind]} -> {out}"
    ]
    lines += [f"  {note}" for note in layout.notes()]
    if result.n_refused:
        lines.append(f"  {many(result.n_refused, 'row')} refused, see the column reason:")
    for (column, problem), n in result.problems.most_common(SHOWN):
        where = "the row" if column == "None" else column
        lines.append(f"    {many(n, 'row')}: {where} {problem}")
    return "\n".join(lines)
