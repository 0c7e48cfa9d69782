"""Plain git, for what gto's library does not do.

It overwrites a tag of the same name, invents an identity where none is set, and cannot set the
time of a tag. So gto reads names and history, and git writes the tags.
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mlops_loop.errors import StoreUnreachable, UsageError

GITHUB = re.compile(r"github\.com[:/]([^/]+/[^/]+?)(\.git)?/?$")


def run(repo: Path, *args: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run `git ARGS` in `repo` with `text` as its input. The caller checks `returncode`."""
    try:
        return subprocess.run(
            ["git", "-C", str(repo), *args],
            env={**_actor(), **os.environ, "LC_ALL": "C", **env},
            input=text,
            capture_output=True,
            encoding="utf-8",
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed, and versions are git tags.") from error


def check_repository(repo: Path) -> None:
    """Raise UsageError unless `repo` is in a git repository whose tags can be trusted.

    A shallow clone without tags looks as if nothing were in production.
    """
    shallow = run(repo, "rev-parse", "--is-shallow-repository")
    if shallow.returncode:
        reason = shallow.stderr.strip()
        raise UsageError(
            f"Versions are git tags, and git cannot read {repo.resolve()}: {reason}. "
            'Where there is no repository yet: git init && git add . && git commit -m "Start"'
        )
    if shallow.stdout.strip() == "true" and not run(repo, "tag").stdout:
        raise UsageError(
            "This clone is shallow and holds no tags, so it cannot tell what is in production. "
            "Next: git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"
        )


def _actor(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """In a workflow, author and committer are who started it, unless the environment sets them."""
    if env.get("GITHUB_ACTIONS") != "true" or not (name := env.get("GITHUB_ACTOR")):
        return {}
    email = f"{env.get('GITHUB_ACTOR_ID') or 0}+{name}@users.noreply.github.com"
    facts = {"NAME": name, "EMAIL": email}
    return {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in facts.items()}


def identity(repo: Path) -> str:
    """The name that git writes as committer; raises UsageError where none is configured."""
    committer = run(repo, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if committer.returncode:
        raise UsageError(
            "git does not know who you are, and a tag says who made it. Next: "
            'git config user.name "YOUR NAME" && git config user.email YOU@EXAMPLE.ORG'
        )
    return committer.stdout.partition(" <")[0]


def github_name(repo: Path) -> str:
    """OWNER/NAME of the remote origin, empty where that is not on github.com."""
    origin = run(repo, "remote", "get-url", "origin").stdout.strip()
    return match[1] if (match := GITHUB.search(origin)) else ""


def _at_origin(repo: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`git ARGS` that connects to origin: in a workflow with its token, never with a prompt."""
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # The empty one removes a header that is configured already.
    headers = ["", f"AUTHORIZATION: basic {login}"] if token and server else []
    env = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(headers))}
    for number, header in enumerate(headers):
        env[f"GIT_CONFIG_KEY_{number}"] = f"http.{server}/.extraheader"
        env[f"GIT_CONFIG_VALUE_{number}"] = header
    return run(repo, *args, **env)


def is_before(repo: Path, commit: str, other: str | None) -> bool:
    """Whether `commit` is an ancestor of `other`; False where either is unknown here."""
    if not commit or not other or commit == other:
        return False
    return not run(repo, "merge-base", "--is-ancestor", commit, other).returncode


def fetch_tags(repo: Path, pattern: str) -> None:
    """Fetch origin's tags, overwriting local ones; do nothing without an origin.

    Raises StoreUnreachable where origin is down or refuses.
    """
    if not run(repo, "remote", "get-url", "origin").returncode:
        call = ("fetch", "--quiet", "--force", "--no-tags", "origin")
        if (done := _at_origin(repo, *call, f"refs/tags/{pattern}:refs/tags/{pattern}")).returncode:
            raise _unreachable(done)


def push_tags(repo: Path, *tags: str) -> bool:
    """Push all tags or none; False where origin has another tag with the name of the last one.

    Without an origin it does nothing. Raises StoreUnreachable where origin is down or refuses.
    """
    if run(repo, "remote", "get-url", "origin").returncode:
        return True
    refs = [f"refs/tags/{tag}" for tag in tags]
    if not (done := _at_origin(repo, "push", "--quiet", "--atomic", "origin", *refs)).returncode:
        return True
    local = run(repo, "rev-parse", refs[-1]).stdout.strip()
    remote = _at_origin(repo, "ls-remote", "origin", refs[-1])
    if remote.returncode or not remote.stdout:
        raise _unreachable(done)
    return remote.stdout.startswith(local)  # the push succeeded, but the answer was lost


def push_branch(repo: Path, name: str) -> None:
    """Push HEAD as a new branch of origin; raises StoreUnreachable where it is down or refuses."""
    done = _at_origin(repo, "push", "--quiet", "origin", f"HEAD:refs/heads/{name}")
    if done.returncode:
        raise _unreachable(done)


def _unreachable(done: subprocess.CompletedProcess[str]) -> StoreUnreachable:
    reason = " ".join(done.stderr.split())[:500]
    return StoreUnreachable(
        f"git failed at origin: {reason}. Nothing is lost. Next: the same command again"
    )
