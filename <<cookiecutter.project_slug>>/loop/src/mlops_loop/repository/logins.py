"""Checks of the secrets and variables that jobs log in with; GitHub tells their names alone."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from mlops_loop.repository.addresses import image_url, store_url
from mlops_loop.repository.check import Missing
from mlops_loop.repository.github_state import RepositoryState
from mlops_loop.storage.login import Use, source

SECRET = re.compile(r"\bsecrets\.(\w+)")
# Dependabot's runs have GitHub's token anyway, and publish nothing to a tracker.
NOT_FOR_DEPENDABOT = {"GITHUB_TOKEN", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"}
BY_DVC = ("s3", "azure", "ssh")  # remotes of DVC, which take user and password


def store_login(state: RepositoryState) -> Missing | None:
    """Where jobs have no login for the store."""
    url = store_url(state)
    if urlsplit(url).scheme in BY_DVC:
        return _lacking(state, url, ["STORE_USERNAME"], ["STORE_PASSWORD"])
    is_registry = url.startswith("http")
    lacks = is_registry and not _source(state, url, "STORE")
    return _lacking(state, url, [], ["STORE_PASSWORD"]) if lacks else None


def image_login(state: RepositoryState) -> Missing | None:
    """Where jobs have no login for the image's registry, or half of one."""
    url = image_url(state)
    use = _source(state, url, "IMAGE") or "IMAGE"
    names = ([], []) if use == "GITHUB" else ([f"{use}_USERNAME"], [f"{use}_PASSWORD"])
    return _lacking(state, url, *names)


def dependabot_secrets(state: RepositoryState) -> Missing | None:
    """Where runs of Dependabot lack a secret that others have: they get none of Actions."""
    needed = _used_by_pull_requests() & state.secrets
    if not Path(".github/dependabot.yml").exists() or not needed - state.dependabot_secrets:
        return None
    names = sorted(needed - state.dependabot_secrets - state.organization_dependabot_secrets)
    commands = [f"gh secret set {name} --app dependabot" for name in names]
    reason = f"no secret of Dependabot: {', '.join(names)}"
    return Missing(reason, command="; ".join(commands)) if names else None


def _source(state: RepositoryState, url: str, use: Use) -> str:
    """Whose login a job has for the host of an address, by the rule of the jobs themselves."""
    job = {"GITHUB_ACTOR": "job", "GITHUB_TOKEN": "job"}
    given = {
        name: "given" for name in ("STORE_PASSWORD", "IMAGE_PASSWORD") if name in state.secrets
    }
    address = {"STORE_URL": state.variables.get("STORE_URL", "")}
    return source(urlsplit(url).netloc, use, job | given | address)


def _lacking(
    state: RepositoryState, url: str, variables: list[str], secrets: list[str]
) -> Missing | None:
    """Missing with the commands that set what is not there."""
    commands = [f"gh variable set {n} --body USER" for n in variables if n not in state.variables]
    commands += [f"gh secret set {name}" for name in secrets if name not in state.secrets]
    if not commands:
        return None
    names = [command.split()[3] for command in commands]
    reason = f"{urlsplit(url).netloc} needs {' and '.join(names)}"
    if elsewhere := sorted(state.only_in_production.intersection(names)):
        unread = "set for the environment production, which no job reads it in"
        reason += f"; {', '.join(elsewhere)} is {unread}"
    return Missing(reason, command="; ".join(commands))


def _used_by_pull_requests() -> set[str]:
    """Names of the secrets in workflows that a pull request starts."""
    texts = (path.read_text("utf-8") for path in Path(".github/workflows").glob("*.y*ml"))
    starts = [text for text in texts if "pull_request" in text.partition("\njobs:")[0]]
    return {name for text in starts for name in SECRET.findall(text)} - NOT_FOR_DEPENDABOT
