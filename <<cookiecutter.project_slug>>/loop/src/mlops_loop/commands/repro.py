"""The stages of dvc.yaml, all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from mlops_loop import fork_server
from mlops_loop.commands.console import example

OPTIONS_OF_DVC = {"ignore_unknown_options": True}


@click.command(epilog=example("repro", "repro --force train"), context_settings=OPTIONS_OF_DVC)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def repro(main: Callable[[], None], arguments: tuple[str, ...]) -> None:
    """Run the stages that are out of date, as dvc repro does, in less time.

    ARGUMENTS are those of dvc repro, which runs here. Its stages are forks of one process, which
    loads the libraries once; other systems than Linux load them for each, as dvc repro does.
    """
    sys.exit(fork_server.run([sys.executable, "-m", "dvc", "repro", *arguments], main))
