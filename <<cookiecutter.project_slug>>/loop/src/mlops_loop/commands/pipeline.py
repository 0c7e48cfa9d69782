"""The stages of dvc.yaml, and what stands beside them: `fingerprint` and `profile`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_loop import params, paths
from mlops_loop.commands import data_secrets
from mlops_loop.commands.console import example, file

if TYPE_CHECKING:
    from mlops_loop.sources.fingerprint import Fingerprint


@click.command(epilog=example("fingerprint"))
def fingerprint() -> None:
    """Write what the source looks like now, so that DVC sees its changes.

    Commit that file. Where source.fingerprint in params.yaml names a folder of the project, DVC
    sees its changes itself, and there is nothing to do.
    """
    from mlops_loop.sources import fingerprint as fingerprints

    own = params.load()
    with data_secrets.for_source(own):
        state = fingerprints.run(own)
    click.echo(f"fingerprint: {_describe(state)}")


def _describe(state: Fingerprint) -> str:
    if state.changed is None:
        return f"DVC sees changes of {state.path} itself, there is nothing to do"
    if not state.changed:
        return f"{state.source} is unchanged, see {state.path}"
    return f"{state.source} changed, see {state.path}. Next: dvc repro, and commit the file"


def _stage(
    name: str,
    text: str,
    within: Callable[[params.Params], AbstractContextManager] = nullcontext,
    checked: bool = False,
) -> click.Command:
    """checked: asks before it runs what training and the gate would refuse."""

    @click.command(
        name, help=f"{text}\n\nA stage of dvc.yaml.", epilog=f"Example: dvc repro {name}"
    )
    def stage() -> None:
        # Before params.yaml is read: a container lacks both, and its libraries are the reason.
        module = importlib.import_module(f"mlops_loop.pipeline.{name}")
        own = params.load()
        if checked:
            from mlops_loop.gate import policy_check
            from mlops_loop.pipeline import preflight

            preflight.check(own)
            policy_check.check(own)
        from mlops_loop.pipeline import table_fits

        table_fits.check(name)
        with within(own):
            module.run(own)

    return stage


ingest = _stage(
    "ingest",
    "Read the source named in params.yaml into data/ingested.parquet.",
    data_secrets.for_source,
    checked=True,
)
validate = _stage(
    "validate", "Test the raw rows against the schema; quarantine those that break it."
)
prepare = _stage(
    "prepare",
    "Make model rows, clean them, split them into train, validation, holdout.",
    checked=True,
)
train = _stage(
    "train",
    "Search by cross-validation, fit the best, choose the decision threshold.",
    checked=True,
)
export = _stage("export", "Convert the model and prove equality on held-out and made rows.")
evaluate = _stage("evaluate", "Measure the exported model on the holdout and make models/bundle.")


@click.command(epilog=example("profile data/ingested.parquet"))
@click.argument("table", type=file, default=paths.TRAIN)
@click.option("--out", type=file, default=paths.PROFILE)
def profile(table: Path, out: Path) -> None:
    """Show a table as a page: distributions, missing values, associations.

    A CSV is read as the keys of `source` in params.yaml say.
    """
    from mlops_loop.pipeline import profile as profiles
    from mlops_loop.source_params import Files

    source = params.load().source
    profiles.run(table, out, *([source] if isinstance(source, Files) else []))
    click.echo(f"profile: {out.resolve().as_uri()}")
