"""A repository on GitHub as one scenario has it: origin, registry, double, and a person's clone.

A `Scene` is what lies on disk before a scenario begins (made once, copied for each); a `World` is
a scene with its servers running.
"""

from __future__ import annotations

import itertools
import json
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from conftest import check

from . import rig
from .double import Double, events
from .double.artifacts import FULL, ArtifactStorage
from .double.identity import OIDC
from .double.routes.actions import add_artifact
from .double.store import now

REPOSITORY = "octo-org/flight-delays"
BOT = "dependabot[bot]"
MAIN = "refs/heads/main"
QUIET = {"capture_output": True, "text": True}
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

    def __init__(self, folder: Path, github: Double, record=lambda run: None):
        """Take a copied scene as it lies in `folder`; `record` is called with each run."""
        self.folder, self.github, self._record = folder, github, record
        self.origin, self.laptop = folder / "origin.git", folder / "laptop"
        self.registry = github.registry(folder / "registry")
        self.variables = {"STORE_URL": f"{self.registry.url}/store"}
        self.variables["IMAGE_URL"] = self.registry.url
        self.pulls: dict[str, int] = {}
        self.env: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.artifacts = ArtifactStorage()
        self.claims: dict[str, str] = {}  # of each job's identity, where it is not the usual one
        self._numbers = itertools.count(1)

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
        labels: tuple[str, ...] = (), message: str = "Change",
    ) -> Event:  # fmt: skip
        """Open a pull request, or push to the one of this branch; return what starts workflows."""
        self.commit(branch, edits, message)
        number = self.pulls.get(branch)
        action = "synchronize" if number else "opened"
        if not number:
            for name in labels:
                self.github.label(name)
            opened = self.github.pull(branch, login, fork=fork, title=message, labels=list(labels))
            number = self.pulls[branch] = opened["number"]
        ref = f"refs/pull/{number}/merge"
        sha = self._merged(branch, ref)
        payload = events.pull_request(self.github, number, action)
        return Event("pull_request", payload, ref, sha, login, bool(fork) or login == BOT)

    def _merged(self, branch: str, ref: str) -> str:
        """Merge a branch into main beside main, push that as `ref`, and return its commit."""
        self.git("checkout", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "-m", f"Merge {branch}", f"refs/heads/{branch}")
        self.git("push", "--quiet", "--force", "origin", f"HEAD:{ref}")
        return self.git("rev-parse", "HEAD")

    def merge_group(self, branch: str) -> Event:
        """Put the pull request of the branch into the merge queue."""
        base, number = self.git("rev-parse", "main"), self.pulls[branch]
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}"
        sha = self._merged(branch, ref)
        return Event("merge_group", events.merge_group(self.github, sha, base, number), ref, sha)

    def label(self, branch: str, name: str) -> None:
        """Let a person set a label on the pull request of the branch."""
        row = self.github.store.get("issues", self.pulls[branch])
        label = self.github.label(name, description="Of a person")
        row["labels"] = [*row["labels"], label]

    def merge(self, branch: str, login: str = "ada") -> Event:
        """Merge a pull request into main; return the push that this is."""
        before = self.git("rev-parse", "main")
        sha = self._merged(branch, MAIN)
        self.git("branch", "--force", "main", sha)
        row = self.github.store.get("pulls", self.pulls[branch])
        row |= {"merged": True, "merged_at": now(), "merge_commit_sha": sha, "state": "closed"}
        return Event("push", events.push(self.github, before, sha, actor=login), MAIN, sha, login)

    def push(self, edits: Edits | None = None, message: str = "Change") -> Event:
        """Push to main what a person edits there; without edits, push main for the first time."""
        before = self.git("rev-parse", "main") if edits else "0" * 40
        sha = self.commit("main", edits, message) if edits else self.git("rev-parse", "main")
        return Event("push", events.push(self.github, before, sha, actor="ada"), MAIN, sha)

    def dispatch(self, workflow: str, **inputs: str) -> Event:
        """Start a workflow by hand on main as it is."""
        payload = events.workflow_dispatch(self.github, f"{workflow}.yml", inputs, actor="ada")
        return Event("workflow_dispatch", payload, MAIN, self.git("rev-parse", "origin/main"))

    def repository_dispatch(self, name: str, **payload: Any) -> Event:
        """Let another system ask for a workflow, on main as it is."""
        found = events.repository_dispatch(self.github, name, payload)
        sha = self.git("rev-parse", "origin/main")
        return Event("repository_dispatch", found, MAIN, sha)

    def schedule(self, cron: str) -> Event:
        """Let a time come."""
        payload = events.schedule(self.github, cron)
        return Event("schedule", payload, MAIN, self.git("rev-parse", "origin/main"))

    def run(self, workflow: str, event: Event, *jobs: str, **env: str) -> rig.Run:
        """Run a workflow of the event's commit, all of it or `jobs` with what they need."""
        number = next(self._numbers)
        scratch = self.folder / f"run-{number}"
        checkout = scratch / "checkout"
        scratch.mkdir()
        check("git", "init", "--quiet", checkout, cwd=scratch)
        check("git", "fetch", "--quiet", "--depth=1", self.origin, event.sha, cwd=checkout)
        check("git", "checkout", "--quiet", "--detach", event.sha, cwd=checkout)
        path = checkout / ".github" / "workflows" / f"{workflow}.yml"
        token = f"ghs_run{number}"
        self._tokens(token, workflow, yaml.safe_load(path.read_text()), event)
        places = {"GITHUB_SERVER_URL": self.github.url, "GITHUB_API_URL": self.github.api_url}
        places |= {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_REF": event.ref}
        places |= {"GITHUB_RUN_ID": str(number), "HOME": str(self._home(scratch))}
        places["RIG_IMAGE_TAG"] = f"{os.getpid()}-{number}"
        if (left := self.artifacts.left()) is not None:
            places |= {"RIG_ARTIFACTS_LEFT": str(left), "RIG_ARTIFACTS_FULL": FULL}
        found = rig.execute(
            path, event.name, event.payload, checkout, scratch, env=places | self.env | env,
            variables=self.variables, token=token, actor=event.actor, jobs=jobs,
            # GitHub gives none to a fork's pull request, nor to one of Dependabot.
            secrets={} if event.read_only else self.secrets,
            identity="" if event.read_only else f"{self.github.url}{OIDC}/token?v=2",
        )  # fmt: skip
        image = f"flight-delays:{places['RIG_IMAGE_TAG']}"
        if shutil.which("docker"):
            subprocess.run(["docker", "image", "rm", "--force", image], **QUIET)
        (scratch / "act.log").write_text(found.log)
        self._keep(scratch / "uploads.jsonl")
        self._record(found)
        return found

    def remove_images(self) -> None:
        """Remove from the engine what it pulled from, or built for, this world's registry."""
        names = "{{.Repository}}:{{.Tag}}\n{{.Repository}}@{{.Digest}}"
        listed = ["image", "ls", "--digests", f"--filter=reference={self.registry.address}/*/*"]
        done = subprocess.run(["docker", *listed, f"--format={names}"], **QUIET)
        found = [name for name in done.stdout.split() if "<none>" not in name]
        found.append(f"flight-delays:laptop-{os.getpid()}")  # of a person, see scenes.places
        subprocess.run(["docker", "image", "rm", "--force", *found], **QUIET)

    def _keep(self, uploads: Path) -> None:
        """Let what a run uploaded be listed, and count against the account's storage."""
        for line in uploads.read_text().splitlines() if uploads.exists() else ():
            facts = json.loads(line)
            add_artifact(self.github.store, facts.pop("name"), facts["size"])
            self.artifacts.upload(**facts)

    def _tokens(self, stem: str, name: str, workflow: dict[str, Any], event: Event) -> None:
        """Let the double know a token for each job, named after a common stem."""
        for job, spec in workflow["jobs"].items():
            grants = rig.permissions(workflow, job)
            token = {"value": f"{stem}.{job}", "run_id": stem.removeprefix("ghs_run")}
            claims = {"ref": event.ref, "sha": event.sha, "event_name": event.name} | self.claims
            if environment := spec.get("environment"):  # a name, or a name and an address
                claims["environment"] = (
                    environment if isinstance(environment, str) else environment["name"]
                )
            self.github.token(f"{name}/{job}", grants, event.read_only, **token, **claims)

    def _home(self, scratch: Path) -> Path:
        """Return a home as a runner has it: empty but for Docker's plugins."""
        home = scratch / "home"
        (home / ".docker").mkdir(parents=True)
        (home / "source").symlink_to(self.folder / "source")  # of data, where the scene has one
        # Plugins lie in the real home, which the tests do not otherwise use.
        plugins = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".docker" / "cli-plugins"
        if plugins.exists():
            (home / ".docker" / "cli-plugins").symlink_to(plugins)
        return home


def quick(params: str) -> str:
    """Return parameters with which a model is trained in seconds: one candidate, linear."""
    found = yaml.safe_load(params)
    found["train"] |= {"estimator": "linear", "grid": None, "n_iter": 1, "folds": 2}
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
    """Copy a scene; the clone's origin is the copy's. Layers of images are the same files."""
    shutil.copytree(scene, target, symlinks=True, copy_function=_copy_or_link)
    check("git", "remote", "set-url", "origin", target / "origin.git", cwd=target / "laptop")
    return target


def _copy_or_link(source: str, target: str) -> None:
    """Link a blob of a registry, which replaces such files and never writes into one."""
    is_blob = "/blobs/sha256/" in source and source.endswith("/data")
    (os.link if is_blob else shutil.copy2)(source, target)
