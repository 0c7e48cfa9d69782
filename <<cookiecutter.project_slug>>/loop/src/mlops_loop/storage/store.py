"""The project's store of DVC's objects: an artifact in a container registry, or a remote of DVC."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.fs import RemoteMissingDepsError
from dvc.repo import Repo

from mlops_loop import git, job_token, paths
from mlops_loop.errors import NoStoreKnown, ProjectError, StoreUnreachable, UsageError
from mlops_loop.params import load
from mlops_loop.storage.artifact import ArtifactStore
from mlops_loop.storage.objects import Has, always
from mlops_loop.storage.remote import RemoteStore, dvc_settings
from mlops_loop.storage.remote_kinds import KINDS, scheme

TIPS = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"


def tips(root: Path) -> list[str]:
    """The commits of all branches, of origin's too, and of all tags.

    Raises UsageError for a clone that lacks some of origin's, shallow or not: what they need would
    be deleted. Raises StoreUnreachable where origin cannot be asked.
    """
    if git.is_shallow(root):
        raise UsageError("This clone is shallow. Next: git fetch --all --tags --unshallow")
    if unknown := git.unknown_refs(root):
        raise UsageError(
            f"This clone lacks {unknown[0]} of origin ({len(unknown)} branches or tags in all), so "
            "it cannot tell what they need. Next: git fetch --all --tags"
        )
    return sorted(set(git.run(root, "for-each-ref", f"--format={TIPS}", "refs").stdout.split()))


def choose(repo: Repo, has_versions: Has = always) -> ArtifactStore | RemoteStore:
    """The store of the environment's STORE_URL, of .dvc/config, or of origin on GitHub.

    has_versions: see Store.
    """
    url = os.environ.get("STORE_URL", "")
    remote = repo.config["core"].get("remote")
    if remote and (not url or scheme(url) in KINDS):
        address = repo.config["remote"][remote]["url"]
        _check_reachable(address)
        return RemoteStore(repo, address, has_versions)
    name = git.github_name(Path(repo.root_dir))
    if not url and not name:
        raise NoStoreKnown(
            "No store is known: neither STORE_URL, nor a remote of DVC, nor a git remote origin on "
            "github.com. Next: git remote add origin https://github.com/OWNER/NAME.git"
        )
    url = url or f"https://ghcr.io/{name.lower()}/store"
    return ArtifactStore(repo, url, name and f"https://github.com/{name}", has_versions)


def _check_reachable(address: str) -> None:
    """Raise UsageError on a runner that lacks the folder which is the store.

    Each job would start cold, and the champion of the first release could never be read.
    """
    in_workflow = os.environ.get("GITHUB_ACTIONS") == "true"
    if in_workflow and "://" not in address and not Path(address).exists():
        raise UsageError(
            f"The store is the folder {address}, and this runner has no such folder: a folder "
            "serves only machines that share it. Next: set the variable STORE_URL to a registry, "
            "a bucket or a host (loop/docs/store.md), or use runners that have the folder"
        )


@contextmanager
def open_store(root: Path, has_versions: Has = always) -> Iterator[ArtifactStore | RemoteStore]:
    """The project's store; errors of DVC and of its remotes' libraries become StoreUnreachable."""
    with job_token.kept_fresh(), Repo(str(root), **dvc_settings(root)) as repo:
        store = choose(repo, has_versions)
        try:
            yield store
        except ProjectError:
            raise
        except Exception as error:
            if isinstance(store, ArtifactStore) and not isinstance(error, DvcException):
                raise
            if isinstance(error, DvcException) and (root / paths.PARAMS).exists():
                load(root / paths.PARAMS)  # DVC fills dvc.yaml with it, and says less on errors
            raise StoreUnreachable(_explain(store, error)) from error


def _explain(store: ArtifactStore | RemoteStore, error: Exception) -> str:
    reason = " ".join(str(error).split()) or type(error).__name__
    after = "the same again"
    if isinstance(error, RemoteMissingDepsError):
        after = f"uv add --group pipeline 'dvc[{scheme(store.address)}]'"
    elif os.environ.get(job_token.FILE):
        after += "; if the cloud refuses this job, compare its policy with loop cloud policy"
    elif isinstance(store, RemoteStore):
        after += "; to use another login, set STORE_USERNAME and STORE_PASSWORD"
        if os.environ.get("STORE_PASSWORD") == "":  # so a workflow passes a secret that is not set
            after += ". Runs of forks and of Dependabot get no secrets, see loop/docs/store.md"
    return f"The store {store.address}: {reason}. Nothing is lost. Next: {after}"
