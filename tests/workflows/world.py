"""A repository on GitHub as one scenario has it: origin, registry, double, and a person's clone.

A `Scene` is what lies on disk before a scenario begins (made once, copied for each); a `World` is
a scene with its servers running.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from conftest import check

from . import rig
from .double import Double

REPOSITORY = "octo-org/flight-delays"
BOT = "dependabot[bot]"
Edits = dict[str, "str | bytes | Callable[[str], str] | None"]


@dataclass(frozen=True)
class Event:
    """What starts a workflow: its name, GitHub's description of it, the commit, and by whom."""

    name: str
    payload: dict[str, Any]
    ref: str
    sha: str
    actor: str = "ada"
    read_only: bool = False


class World:
    """One repository with everything around it; `laptop` is a clone of main."""

    def __init__(self, folder: Path, github: Double, store_url: str, record=lambda run: None):
        """Take a copied scene as it lies in `folder`; `record` is told of each run."""
        self._record = record
        self.folder, self.github, self.store_url = folder, github, store_url
        self.origin, self.laptop = folder / "origin.git", folder / "laptop"
        self.env: dict[str, str] = {}
        self.variables = {"STORE_URL": store_url}
        self._runs = 0

    def git(self, *arguments: str) -> str:
        """Run git in the laptop's clone and return what it printed."""
        return check("git", *arguments, cwd=self.laptop).strip()

    def commit(self, branch: str, edits: Edits, message: str = "Change", base: str = "main") -> str:
        """Commit edits on a branch, begun from `base` where it is new, push it, return the commit.

        An edit is the new text, a function of the old text, or None for a file to be removed.
        """
        known = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()
        self.git("checkout", "--quiet", *([branch] if branch in known else ["-b", branch, base]))
        for name, edit in edits.items():
            path = self.laptop / name
            if edit is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            content = edit(path.read_text()) if callable(edit) else edit
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.git("add", "--all", "--force", *edits)
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", f"refs/heads/{branch}")
        return self.git("rev-parse", "HEAD")

    def pull_request(
        self, branch: str, edits: Edits, *, login: str = "ada", fork: str | None = None,
        action: str = "opened", labels: tuple[str, ...] = (), message: str = "Change",
    ) -> Event:  # fmt: skip
        """Open a pull request, or push to the one of this branch; return what starts workflows."""
        self.commit(branch, edits, message) if edits else None
        open_pulls = [row for row in self.github.rows("pulls") if row["head"]["ref"] == branch]
        if open_pulls:
            number, action = open_pulls[0]["number"], "synchronize" if edits else action
        else:
            number = self.github.pull(branch, login, fork=fork, title=message)["number"]
        row = next(r for r in self.github.rows("pulls") if r["number"] == number)
        row |= {"labels": [{"name": name} for name in labels]} if labels else {}
        self.git("checkout", "--quiet", "--detach", "main")
        self.git(
            "merge", "--quiet", "--no-ff", "--message", f"Merge {number}", f"refs/heads/{branch}"
        )
        merge = f"refs/pull/{number}/merge"
        self.git("push", "--quiet", "--force", "origin", f"HEAD:{merge}")
        sha = self.git("rev-parse", "HEAD")
        row["head"]["sha"] = self.git("rev-parse", f"refs/heads/{branch}")
        row["base"]["sha"] = self.git("rev-parse", "main")
        payload = {"action": action, "number": number, "pull_request": row}
        return self._event("pull_request", payload, merge, sha, login, bool(fork) or login == BOT)

    def merge_group(self, branch: str) -> Event:
        """Put the branch into the merge queue."""
        base = self.git("rev-parse", "main")
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "Queue", f"refs/heads/{branch}")
        sha, ref = self.git("rev-parse", "HEAD"), f"refs/heads/gh-readonly-queue/main/pr-1-{base}"
        self.git("push", "--quiet", "origin", f"HEAD:{ref}")
        group = {"head_sha": sha, "head_ref": ref, "base_sha": base, "base_ref": "refs/heads/main"}
        payload = {"action": "checks_requested", "merge_group": group}
        return self._event("merge_group", payload, ref, sha, "ada")

    def push(self, edits: Edits | None = None, message: str = "Change") -> Event:
        """Push to main what a person edits there; without edits, push main for the first time."""
        before = self.git("rev-parse", "main") if edits else "0" * 40
        sha = self.commit("main", edits, message) if edits else self.git("rev-parse", "main")
        ref = "refs/heads/main"
        return self._event("push", {"ref": ref, "before": before, "after": sha}, ref, sha, "ada")

    def now(self, name: str, **payload: Any) -> Event:
        """Return a schedule, a dispatch (with `inputs`) or what else happens to main as it is."""
        sha = self.git("rev-parse", "main")
        return self._event(name, payload, "refs/heads/main", sha, "ada")

    def _event(self, name, payload, ref, sha, actor, read_only=False) -> Event:
        visibility = "private" if self.github.private else "public"
        facts = {"full_name": REPOSITORY, "default_branch": "main", "fork": False}
        facts |= {"private": self.github.private, "visibility": visibility}
        payload |= {"repository": facts, "sender": {"login": actor}}
        return Event(name, payload, ref, sha, actor, read_only)

    def run(self, workflow: str, event: Event, *jobs: str, **env: str) -> rig.Run:
        """Run a workflow of the event's commit, all of it or `jobs` with what they need."""
        self._runs += 1
        scratch = self.folder / f"run-{self._runs}"
        checkout = scratch / "checkout"
        scratch.mkdir()
        check("git", "init", "--quiet", checkout, cwd=scratch)
        check("git", "fetch", "--quiet", "--depth=1", self.origin, event.sha, cwd=checkout)
        check("git", "checkout", "--quiet", "--detach", event.sha, cwd=checkout)
        path = checkout / ".github" / "workflows" / f"{workflow}.yml"
        token = self._tokens(workflow, yaml.safe_load(path.read_text()), event)
        places = {"GITHUB_SERVER_URL": self.github.url, "GITHUB_API_URL": self.github.api_url}
        places |= {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_REF": event.ref}
        places |= {"GITHUB_RUN_ID": str(self._runs), "HOME": str(self._home(scratch))}
        found = rig.execute(
            path, event.name, event.payload, checkout, scratch, env=places | self.env | env,
            variables=self.variables, token=token, actor=event.actor, jobs=jobs,
        )  # fmt: skip
        (scratch / "act.log").write_text(found.log)
        self._record(found)
        return found

    def _tokens(self, name: str, workflow: dict[str, Any], event: Event) -> str:
        """Let the double know a token for each job, named after a common stem; return the stem."""
        stem = f"ghs_run{self._runs}"
        for job in workflow["jobs"]:
            grants = rig.permissions(workflow, job)
            self.github.token(f"{name}/{job}", grants, event.read_only, value=f"{stem}.{job}")
        return stem

    def _home(self, scratch: Path) -> Path:
        """Return a home as a runner has it: empty but for Docker's plugins."""
        home = scratch / "home"
        (home / ".docker").mkdir(parents=True)
        plugins = Path("~/.docker/cli-plugins").expanduser()
        if plugins.exists():
            (home / ".docker" / "cli-plugins").symlink_to(plugins)
        return home


def quick(params: str) -> str:
    """Return parameters with which a model is trained in seconds: one candidate, linear."""
    found = yaml.safe_load(params)
    found["train"] |= {"estimator": "linear", "grid": None, "candidates": 1, "folds": 2}
    return yaml.safe_dump(found, sort_keys=False)


def boosted(**grid: float) -> Callable[[str], str]:
    """Return an edit of params.yaml: boosted trees, one candidate, these settings."""

    def edit(params: str) -> str:
        found = yaml.safe_load(params)
        settings = {"learning_rate": 0.06, "max_leaf_nodes": 16, "max_iter": 100} | grid
        grid_of_one = {name: [value] for name, value in settings.items()}
        found["train"] |= {"estimator": "hist_gradient_boosting", "grid": grid_of_one}
        return yaml.safe_dump(found, sort_keys=False)

    return edit


def copy(scene: Path, target: Path) -> Path:
    """Copy a scene; the clone's origin is the copy's."""
    shutil.copytree(scene, target, symlinks=True)
    check("git", "remote", "set-url", "origin", target / "origin.git", cwd=target / "laptop")
    return target
