"""The command `serve`."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example
from mlops_loop.errors import ProjectError
from mlops_loop.model import bundle
from mlops_loop.serving import app


@click.command(epilog=example("serve --port 8000"))
@click.option("--host", default=None, help="Address.  [default: 127.0.0.1]")
@click.option("--port", type=int, default=None, help="[default: 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Answer predictions over HTTP, with a page to try them on.

    Settings come from the environment: loop/docs/serving.md.
    """
    _set_version()
    app.serve(host=host, port=port)


def _set_version() -> None:
    """On a laptop the registry knows the version of the bundle; an image got it at its build."""
    if os.environ.get("MODEL_VERSION") or not Path(".git").exists():
        return
    with suppress(ProjectError, ModuleNotFoundError):  # serving says what is wrong with a bundle
        from mlops_loop.registry import ledger  # gto is not in the container

        model = bundle.load(Path(os.environ.get("BUNDLE_DIR", paths.BUNDLE)))
        version = ledger.read(Path()).version_of_bundle(model.id)
        os.environ["MODEL_VERSION"] = version.version if version else ""
