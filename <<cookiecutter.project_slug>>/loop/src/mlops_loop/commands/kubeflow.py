"""The command `kubeflow compile`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mlops_loop import project
from mlops_loop.commands.console import example, file
from mlops_loop.kubeflow.compile import compile_pipeline

IMAGE = "ghcr.io/ada/flights/training@sha256:..."


@click.group(epilog=example(f"kubeflow compile --image {IMAGE}"))
def kubeflow() -> None:
    """Train on Kubeflow: dvc.yaml as a pipeline of Kubeflow.

    Gate, ledger and release stay the same.
    """


@kubeflow.command("compile", epilog=example(f"kubeflow compile --image {IMAGE}"))
@click.option("--image", required=True, help="The training image, by digest.")
@click.option("--store", default=None, help="The store of data and results.  [default: STORE_URL]")
@click.option("--out", type=file, default=Path("build/kubeflow.yaml"), show_default=True)
def compile_stages(image: str, store: str | None, out: Path) -> None:
    """Write the stages of dvc.yaml as a pipeline of Kubeflow.

    Each stage is a container of the training image that takes its data from the store and gives
    its results to it; the last one's dvc.lock is what to commit (loop/docs/kubeflow.md).
    """
    address = os.environ.get("STORE_URL", "") if store is None else store
    count = compile_pipeline(Path(), project.model_name(), image, address, out)
    click.echo(f"kubeflow: {count} stages in {out}. Next: upload it to Kubeflow Pipelines")
