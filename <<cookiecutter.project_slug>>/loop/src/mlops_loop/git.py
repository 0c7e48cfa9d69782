"""Plain git, for what gto's library does not do.

It overwrites a tag of the same name, invents an identity where none is set, and cannot be told
the time. So names and history are gto's; what writes a tag is git.
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
    """Run `git ARGS` in `repo` with `text` on its input; look at `returncode` yourself."""
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

    A shallow clone without tags would say that nothing is in production, whatever is.
    """
    found = run(repo, "rev-parse", "--is-shallow-repository")
    if found.returncode:
        raise UsageError(
            f"Versions are git tags, and git cannot read {repo.resolve()}: {found.stderr.strip()}. "
            'Where there is no repository yet: git init && git add . && git commit -m "Start"'
        )
    if found.stdout.strip() == "true" and not run(repo, "tag").stdout:
        raise UsageError(
            "This clone is shallow and holds no tags, so it cannot tell what is in production. "
            "Next: git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"
        )


def _actor(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """In a workflow, who started it, as git's author and committer where no other is set."""
    if env.get("GITHUB_ACTIONS") != "true" or not (name := env.get("GITHUB_ACTOR")):
        return {}
    email = f"{env.get('GITHUB_ACTOR_ID') or 0}+{name}@users.noreply.github.com"
    facts = {"NAME": name, "EMAIL": email}
    return {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in facts.items()}


def identity(repo: Path) -> str:
    """Name of the person or bot that git would write; raises UsageError where none is set."""
    found = run(repo, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    if found.returncode:
        raise UsageError(
            "git does not know who you are, and a tag says who made it. Next: "
            'git config user.name "YOUR NAME" && git config user.email YOU@EXAMPLE.ORG'
        )
    return found.stdout.partition(" <")[0]


def github_name(repo: Path) -> str:
    """OWNER/NAME of the remote origin, empty where that is not on github.com."""
    origin = run(repo, "remote", "get-url", "origin").stdout.strip()
    return found[1] if (found := GITHUB.search(origin)) else ""


def _at_origin(repo: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """`git ARGS` that talks to origin: in a workflow as its token may, never asking for more."""
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    headers = ["", f"AUTHORIZATION: basic {login}"] if token and server else []  # first: forget
    env = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": str(len(headers))}
    for number, header in enumerate(headers):
        env[f"GIT_CONFIG_KEY_{number}"] = f"http.{server}/.extraheader"
        env[f"GIT_CONFIG_VALUE_{number}"] = header
    return run(repo, *args, **env)


def is_before(repo: Path, commit: str, other: str | None) -> bool:
    """Whether `other` is a later commit of the same line; not where either is unknown here."""
    known = commit and other and commit != other
    return bool(known) and not run(repo, "merge-base", "--is-ancestor", commit, other).returncode


def fetch_tags(repo: Path, pattern: str) -> None:
    """Take over origin's tags, also in place of own ones; nothing where there is no origin."""
    if not run(repo, "remote", "get-url", "origin").returncode:
        call = ("fetch", "--quiet", "--force", "--no-tags", "origin")
        if (done := _at_origin(repo, *call, f"refs/tags/{pattern}:refs/tags/{pattern}")).returncode:
            raise _unreachable(done)


def push_tags(repo: Path, *tags: str) -> bool:
    """Push all tags or none; False where origin has another tag of the last one's name.

    Nothing where there is no origin. Raises StoreUnreachable where it is down or refuses.
    """
    if run(repo, "remote", "get-url", "origin").returncode:
        return True
    refs = [f"refs/tags/{tag}" for tag in tags]
    if not (done := _at_origin(repo, "push", "--quiet", "--atomic", "origin", *refs)).returncode:
        return True
    own = run(repo, "rev-parse", refs[-1]).stdout.strip()
    there = _at_origin(repo, "ls-remote", "origin", refs[-1])
    if there.returncode or not there.stdout:
        raise _unreachable(done)
    return there.stdout.startswith(own)  # cut after it was done


def push_branch(repo: Path, name: str) -> None:
    """Let a new branch of origin be HEAD; raises StoreUnreachable where it is down or refuses."""
    done = _at_origin(repo, "push", "--quiet", "origin", f"HEAD:refs/heads/{name}")
    if done.returncode:
        raise _unreachable(done)


def _unreachable(done: subprocess.CompletedProcess[str]) -> StoreUnreachable:
    reason = " ".join(done.stderr.split())[:500]
    return StoreUnreachable(f"git and origin: {reason}. Nothing is lost. Next: the same command")
