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
from mlops_loop.settings import Settings


@click.command(epilog=example("serve --port 8000"))
@click.option("--host", default=None, help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, default=None, help="[default: 8000]")
def serve(host: str | None, port: int | None) -> None:
    """Serve predictions over HTTP, with a web page to try them.

    Settings come from the environment: loop/docs/serving.md.
    """
    version = _registered_version()
    app.serve(Settings.from_environment(bind_host=host, port=port, model_version=version))


def _registered_version() -> str | None:
    """The version of the bundle by this repository's tags; None where MODEL_VERSION is set.

    An image has no tags: it gets MODEL_VERSION when it is built.
    """
    if os.environ.get("MODEL_VERSION") or not Path(".git").exists():
        return None
    with suppress(ProjectError, ModuleNotFoundError):  # serving says what is wrong with a bundle
        from mlops_loop.registry import ledger  # gto is not in the container

        model = bundle.load(Path(os.environ.get("BUNDLE_DIR") or paths.BUNDLE))
        version = ledger.local(Path()).version_of_bundle(model.id)
        return version.version if version else None
    return None
