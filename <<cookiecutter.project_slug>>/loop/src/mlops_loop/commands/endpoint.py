"""The commands `smoke` and `follow`, which also work in the container of an endpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mlops_loop import paths
from mlops_loop.commands.console import example, file
from mlops_loop.deployment import smoke as smokes
from mlops_loop.model import bundle as bundles


@click.command(epilog=example("smoke http://127.0.0.1:8000"))
@click.argument("url")
@click.option("--bundle", type=file, default=paths.BUNDLE, show_default=True)
@click.option("--timeout-s", type=float, default=30.0, show_default=True)
def smoke(url: str, bundle: Path, timeout_s: float) -> None:
    """Ask a running endpoint for the golden rows, compare with the gate's scores.

    Exits with 5 where an answer differs.
    """
    click.echo(answers(smokes.smoke(url, bundles.load(bundle), timeout_s=timeout_s)))


@click.command(epilog=example("follow --image ghcr.io/OWNER/NAME --deployment NAME"))
@click.option("--image", envvar="IMAGE", required=True, help="HOST/OWNER/NAME, without a tag.")
@click.option("--deployment", envvar="DEPLOYMENT", required=True, help="Of the endpoint.")
@click.option("--verify/--no-verify", envvar="VERIFY_IMAGE", help="Only signed images; needs gh.")
@click.option("--repository", envvar="REPOSITORY", default="", help="That signs: OWNER/NAME.")
@click.option("--timeout-s", type=float, default=300.0, show_default=True)
def follow(
    image: str, deployment: str, verify: bool, repository: str, timeout_s: float
) -> None:  # fmt: skip
    """Let a Deployment of Kubernetes run the image that production names, once.

    In a pod of that cluster, with the service account of deploy/kubernetes. A candidate answers
    the golden rows first; where the rollout fails, all pods go back. Exits with 5 where the image
    is refused, 6 where the registry does not answer, 12 where it is not signed, 15 where the
    cluster refuses.
    """
    from mlops_loop.deployment import attestation, cluster
    from mlops_loop.deployment import follow as following
    from mlops_loop.storage.oci import ContainerRegistry, address

    checked = partial(attestation.verify, repository=repository, from_registry=True)
    name = following.checked_name(image)
    registry = ContainerRegistry(address(name), use="IMAGE")
    call = following.Follower(
        cluster.Cluster(), registry, name, deployment, checked if verify else str, timeout_s
    )
    done = following.follow(call)
    kept = "" if done.outcome == "changed" else " already"
    click.echo(f"follow: {done.digest} runs{kept}, in {done.n_pods} pods")


def answers(result: smokes.SmokeResult) -> str:
    """What a smoke test found, as a clause."""
    return (
        f"smoke: {result.url} runs {result.model_version} (bundle {result.bundle_id}) and answers "
        f"{result.n_golden_rows} golden rows, equal to {result.largest_difference:.1e}; "
        f"{result.seconds:.2f} s"
    )
