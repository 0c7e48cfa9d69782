"""Commits that a workflow may tag: those whose workflow files GitHub knows from a branch.

The token of a job may create no branch or tag at a commit whose `.github/workflows` differs from
that of every branch: it would bring in workflow files, and no job can be given that right. After
any change of a workflow on main this holds for each earlier version. The same is said of tokens of
persons that lack the scope `workflow`:
https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps#available-scopes
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from mlops_loop import git
from mlops_loop.errors import UsageError

FOLDER = ".github/workflows"
MESSAGE = "The workflow files of the main branch, without which no tag is accepted"


def pushable(repo: Path, commit: str) -> str:
    """`commit`, or a child of it that has the workflow files of origin's main branch instead.

    All else of the child is as in `commit`, so that DVC gets the same model from it. Returns
    `commit` where there is no origin, where that has no commit or no workflow files, and where
    they are the same. Raises StoreUnreachable where origin does not answer.
    """
    main = git.fetch_main(repo) if git.has_origin(repo) else ""
    ours, theirs = _files(repo, commit), _files(repo, main)
    if not theirs or ours == theirs:
        return commit
    return _child(repo, commit, theirs)


def _files(repo: Path, commit: str) -> str:
    """The tree of the workflow files; empty where there are none."""
    name = f"{commit}^{{commit}}:{FOLDER}"
    return git.run(repo, "rev-parse", "--verify", "--quiet", name).stdout.strip() if commit else ""


def _child(repo: Path, commit: str, workflows: str) -> str:
    """Made in an index of its own: work tree and branch stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        _done(repo, index, "read-tree", commit)
        _done(repo, index, "rm", "-r", "-f", "--cached", "--quiet", "--ignore-unmatch", FOLDER)
        _done(repo, index, "read-tree", f"--prefix={FOLDER}/", workflows)
        tree = _done(repo, index, "write-tree")
        parent = _done(repo, index, "rev-parse", f"{commit}^{{commit}}")
        return _done(repo, index, "commit-tree", tree, "-p", parent, "-m", MESSAGE)


def _done(repo: Path, index: Path, *args: str) -> str:
    done = git.run(repo, *args, GIT_INDEX_FILE=str(index))
    if done.returncode:
        raise UsageError(f"git {args[0]}: {' '.join(done.stderr.split())}")
    return done.stdout.strip()
