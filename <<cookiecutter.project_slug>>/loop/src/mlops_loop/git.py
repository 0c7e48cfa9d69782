"""Plain git, for what gto's library does not do.

It overwrites a tag of the same name, invents an identity where none is set, and cannot set the
time of a tag. So gto reads names and history, and git writes the tags.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlops_loop.errors import StoreUnreachable, UsageError

GITHUB = re.compile(r"github\.com[:/]([^/]+/[^/]+?)(\.git)?/?$")
SILENT_S = 50  # over HTTP, without a byte
ANSWER_S = 60.0  # origin may take so long to list its tags
MOVE_S = 300.0  # and so long to send or take commits, which hold no data and no models


def run(
    repo: Path, *args: str, text: str = "", timeout_s: float | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run `git ARGS` in `repo` with `text` as its input. The caller checks `returncode`.

    After `timeout_s` it is ended, with the return code 124.
    """
    command = ["git", "-C", str(repo), *args]
    try:
        return subprocess.run(
            command,
            env={**_actor(), **os.environ, "LC_ALL": "C", **env},
            input=text,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout_s,
        )
    except FileNotFoundError as error:
        raise UsageError("git is not installed, and versions are git tags.") from error
    except subprocess.TimeoutExpired:
        reason = f"no answer within {timeout_s:g} s"
        return subprocess.CompletedProcess(command, 124, "", reason)


def check_repository(repo: Path) -> None:
    """Raise UsageError unless `repo` is the root of a git repository."""
    done = run(repo, "rev-parse", "--show-prefix")
    if done.returncode:
        raise UsageError(
            f"Versions are git tags, and git cannot read {repo.resolve()}: {done.stderr.strip()}. "
            'Where there is no repository yet: git init && git add . && git commit -m "Start"'
        )
    if done.stdout.strip() and not (repo / "dvc.yaml").exists():
        raise UsageError("dvc.yaml is missing. Run this in the project's root folder.")
    refuse_subfolder(repo)


def refuse_subfolder(repo: Path) -> None:
    """Raise UsageError for a project in a larger repository: tags belong to the whole of it.

    An image that trains has neither git nor a repository.
    """
    if not shutil.which("git"):
        return
    folder = run(repo, "rev-parse", "--show-prefix").stdout.strip()
    if folder and (repo / "dvc.yaml").exists():
        raise UsageError(
            f"This project is the folder {folder} of a larger repository, and must be the root of "
            "its own: versions are tags of the whole repository, and GitHub runs only the "
            "workflows of its root. Next: move the folder out of that repository, then "
            'git init && git add . && git commit -m "Start"'
        )


def is_shallow(repo: Path) -> bool:
    """Whether the clone has only the newest commits; such a clone gets the tags of these alone."""
    return run(repo, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"


def follows_no_tags(repo: Path) -> bool:
    """Whether the clone was made by `git clone --no-tags`."""
    return run(repo, "config", "remote.origin.tagOpt").stdout.strip() == "--no-tags"


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


def _at_origin(
    repo: Path, *args: str, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    """`git ARGS` that connects to origin: in a workflow with its token, never with a prompt.

    It ends within `timeout_s`, by default MOVE_S, and over HTTP after SILENT_S without a byte.
    """
    token, server = os.environ.get("GITHUB_TOKEN"), os.environ.get("GITHUB_SERVER_URL")
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    # The empty one removes a header that is configured already.
    headers = ["", f"AUTHORIZATION: basic {login}"] if token and server else []
    settings = [(f"http.{server}/.extraheader", header) for header in headers]
    settings += [("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", str(SILENT_S))]
    env = {"GIT_TERMINAL_PROMPT": "0"} | _configured(settings)
    return run(repo, *args, timeout_s=timeout_s or MOVE_S, **env)


def _configured(settings: list[tuple[str, str]]) -> dict[str, str]:
    """The environment that adds settings to those which it has; no command line shows them."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    env = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings, first):
        env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return env


def is_before(repo: Path, commit: str, other: str | None) -> bool:
    """Whether `commit` is an ancestor of `other`; False where either is unknown here.

    Raises UsageError for a shallow clone, which lacks the history between them.
    """
    if not commit or not other or commit == other:
        return False
    if is_shallow(repo):
        raise UsageError(
            "This clone is shallow, so it cannot tell which of two commits is older. Next: "
            "git fetch --tags --unshallow (in a workflow: checkout with fetch-depth: 0)"
        )
    return not run(repo, "merge-base", "--is-ancestor", commit, other).returncode


def has_origin(repo: Path) -> bool:
    """Whether there is a remote of this name."""
    return not run(repo, "remote", "get-url", "origin").returncode


def tags(repo: Path, patterns: Iterable[str]) -> dict[str, str]:
    """The tags of this clone whose whole names match, and the objects that they name."""
    done = run(repo, "for-each-ref", "--format=%(objectname)%09%(refname)", *_refs(patterns))
    return _listed(done.stdout)


def tagged_commit(repo: Path, tag: str) -> str:
    """The commit that a tag of this clone leads to, empty where it lacks that."""
    return run(
        repo, "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}^{{commit}}"
    ).stdout.strip()


def origin_tags(repo: Path, patterns: Iterable[str]) -> dict[str, str]:
    """The same of origin. Raises StoreUnreachable where it does not answer."""
    done = _at_origin(repo, "ls-remote", "--refs", "origin", *_refs(patterns), timeout_s=ANSWER_S)
    if done.returncode:
        raise _unreachable(done)
    return _listed(done.stdout)


def _refs(patterns: Iterable[str]) -> list[str]:
    return [f"refs/tags/{pattern}" for pattern in patterns]


def _listed(lines: str) -> dict[str, str]:
    rows = (line.split("\t") for line in lines.splitlines())
    return {ref.removeprefix("refs/tags/"): name for name, ref in rows}


def unknown_refs(repo: Path) -> list[str]:
    """Branches and tags of origin whose commits this clone lacks; [] without an origin.

    Raises StoreUnreachable where origin does not answer.
    """
    if not has_origin(repo):
        return []
    call = ("ls-remote", "--refs", "--heads", "--tags", "origin")
    if (done := _at_origin(repo, *call, timeout_s=ANSWER_S)).returncode:
        raise _unreachable(done)
    tips = _listed(done.stdout)
    asked = "".join(f"{name}\n" for name in tips.values())
    answers = run(repo, "cat-file", "--batch-check", text=asked).stdout.splitlines()
    return [ref for ref, answer in zip(tips, answers, strict=True) if answer.endswith("missing")]


def fetch_tags(repo: Path, patterns: Iterable[str]) -> None:
    """Fetch the tags that this clone lacks. Raises StoreUnreachable."""
    wanted = [f"{ref}:{ref}" for ref in _refs(patterns)]
    if (done := _at_origin(repo, "fetch", "--quiet", "--no-tags", "origin", *wanted)).returncode:
        raise _unreachable(done)


def make_tag(repo: Path, tag: str, commit: str, text: str, date: str) -> str:
    """An annotated tag that no name in this clone leads to yet; its hash. Raises UsageError.

    It is made in a repository of its own with the objects and settings of this one, so that a run
    that is killed leaves nothing which a later command reads.
    """
    at = ("rev-parse", "--path-format=absolute", "--git-path")
    objects, config = (run(repo, *at, name).stdout.strip() for name in ("objects", "config"))
    target = run(repo, "rev-parse", f"{commit}^{{commit}}").stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        run(repo, "init", "--quiet", "--bare", "--template=", folder)
        env = {"GIT_DIR": folder, "GIT_OBJECT_DIRECTORY": objects, "GIT_COMMITTER_DATE": date}
        env |= _configured([("include.path", config)])
        call = ("tag", "--annotate", "--file=-", tag, target)
        done = run(repo, *call, text=text, timeout_s=None, **env)
        if done.returncode:
            raise UsageError(f"git tag: {' '.join(done.stderr.split())}")
        return run(repo, "rev-parse", *_refs([tag]), timeout_s=None, **env).stdout.strip()


def add_tag(repo: Path, tag: str, made: str) -> bool:
    """Let a name lead to a tag; False where it leads to another one."""
    run(repo, "update-ref", *_refs([tag]), made, "0" * len(made))
    return tags(repo, [tag]).get(tag) == made


def publish_tag(repo: Path, tag: str, made: str, *others: str) -> bool:
    """Push a tag with `others`, all or none; it gets its name here where origin took it.

    False where origin has another tag of this name. Without an origin it gets its name at once.
    Raises StoreUnreachable where origin is down or refuses. After a run that was killed, the next
    one fetches what was pushed.
    """
    if not has_origin(repo):
        return add_tag(repo, tag, made)
    refs = [*_refs(others), f"{made}:refs/tags/{tag}"]
    done = _at_origin(repo, "push", "--quiet", "--atomic", "origin", *refs)
    if done.returncode:
        known = origin_tags(repo, [tag])
        if not known:
            raise _unreachable(done)
        if known[tag] != made:
            return False
    return add_tag(repo, tag, made)  # also where the push succeeded and its answer was lost


def push_tag(repo: Path, tag: str) -> None:
    """Push a tag that this clone may have for long. Raises StoreUnreachable."""
    if has_origin(repo):
        done = _at_origin(repo, "push", "--quiet", "origin", *_refs([tag]))
        if done.returncode:
            raise _unreachable(done)


def fetch_main(repo: Path) -> str:
    """The commit of origin's main branch, empty where it has none. Raises StoreUnreachable."""
    listed = _at_origin(repo, "ls-remote", "origin", "HEAD", timeout_s=ANSWER_S)
    if listed.returncode:
        raise _unreachable(listed)
    commit = listed.stdout.partition("\t")[0]
    if commit and run(repo, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        done = _at_origin(repo, "fetch", "--quiet", "--no-tags", "origin", "HEAD")
        if done.returncode:
            raise _unreachable(done)
        return run(repo, "rev-parse", "FETCH_HEAD").stdout.strip()
    return commit


def push_branch(repo: Path, commit: str, name: str) -> None:
    """Push a commit as a new branch of origin.

    Raises StoreUnreachable where origin is down or refuses.
    """
    done = _at_origin(repo, "push", "--quiet", "origin", f"{commit}:refs/heads/{name}")
    if done.returncode:
        raise _unreachable(done)


def _unreachable(done: subprocess.CompletedProcess[str]) -> StoreUnreachable:
    reason = " ".join(done.stderr.split())[:500]
    return StoreUnreachable(
        f"git failed at origin: {reason}. Nothing is lost. Next: the same command again"
    )
