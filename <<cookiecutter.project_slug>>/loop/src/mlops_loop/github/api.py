"""The one client of GitHub's API: `repository.call(repository.rest.issues.create, title=...)`.

GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN (or GH_TOKEN) say where and as whom; on a laptop
these are github.com, the remote origin and the login of GitHub's own command line.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlsplit

import httpx
from githubkit import GitHub, Response
from githubkit.exception import GitHubException
from githubkit.versions import LATEST_VERSION

from mlops_loop import git
from mlops_loop.errors import GitHubRefused, UsageError
from mlops_loop.github.refusal import refusal
from mlops_loop.github.retry import TRIES, Retry

TIMEOUT_S = 30
BOT = "github-actions[bot]"  # whose token a workflow has
T = TypeVar("T")
Method = Callable[..., Response[Any, T]]  # of githubkit; T is what the JSON of its answer holds


def event(env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The event that started this workflow, as GitHub describes it; {} outside of a workflow."""
    path = env.get("GITHUB_EVENT_PATH")
    return json.loads(Path(path).read_text("utf-8")) if path and Path(path).exists() else {}


def is_stranger(env: Mapping[str, str] = os.environ) -> bool:
    """Whether this run is of a fork's pull request or of Dependabot.

    GitHub gives them no secret and no identity; a fork has no variables of the repository either.
    """
    if env.get("GITHUB_ACTOR") == "dependabot[bot]":
        return True
    about = event(env)
    head = (about.get("pull_request") or {}).get("head") or {}
    name = (head.get("repo") or {}).get("full_name")  # a fork may be deleted meanwhile
    return bool(head) and name != about["repository"]["full_name"]


def token(env: Mapping[str, str], host: str) -> str:
    """GITHUB_TOKEN or GH_TOKEN, else that of `gh auth token`. Raises GitHubRefused without one."""
    if given := env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or _gh_token(host):
        return given
    raise GitHubRefused(
        "No login for GitHub. Next: in a workflow, give the step the environment variable "
        "GITHUB_TOKEN: ${{ github.token }}; on a laptop, gh auth login or set GITHUB_TOKEN"
    )


def _gh_token(host: str) -> str:
    call = ["gh", "auth", "token", "--hostname", host]
    try:
        return subprocess.run(call, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""  # as without a login


def repository_name(env: Mapping[str, str] = os.environ) -> str:
    """OWNER/NAME of the repository on GitHub; raises UsageError where there is none."""
    name = env.get("GITHUB_REPOSITORY") or git.github_name(Path())
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        problem = "This project has no repository on GitHub yet"
        if name:
            problem = f"{name!r} is no repository on GitHub (OWNER/NAME)"
        raise UsageError(f"{problem}. Next: set GITHUB_REPOSITORY, or git remote add origin URL")
    return name


def operation(method: Method[Any]) -> str:
    """GitHub's name for what a method does, as "issues.create_comment"."""
    return f"{method.__module__.rpartition('.')[2]}.{method.__name__}"


class Repository:
    """The repository on GitHub; `name` is OWNER/NAME.

    `call` and `list_all` take a method of `rest`, githubkit's client
    (https://docs.github.com/rest), and fill in owner and repository. They raise GitHubRefused.
    """

    def __init__(self, env: Mapping[str, str] = os.environ):
        self.name = repository_name(env)
        self.url = env.get("GITHUB_API_URL") or "https://api.github.com"
        host = (urlsplit(self.url).hostname or "").removeprefix("api.")
        place = "/".join(quote(env[k]) for k in ("GITHUB_WORKFLOW", "GITHUB_JOB") if env.get(k))
        self._login = BOT if env.get("GITHUB_ACTIONS") == "true" else ""
        self._retry = Retry()
        self._client = GitHub(
            token(env, host), base_url=self.url, user_agent=f"mlops_loop ({place or 'laptop'})",
            timeout=TIMEOUT_S, auto_retry=self._retry, http_cache=False,
            ssl_verify=httpx.create_ssl_context(),
        )  # fmt: skip
        self.rest = self._client.rest

    def own_login(self) -> str:
        """The account that this token belongs to. A workflow's token may not ask."""
        self._login = self._login or self.call(self.rest.users.get_authenticated)["login"]
        return self._login

    def call(self, method: Method[T], /, *, idempotent: bool = False, **arguments: Any) -> T:
        """The JSON of the answer, None where the answer is empty.

        A refusal that may pass is tried again for a while (see Retry); a request that creates
        something only where it is certain that nothing was created, or where it is `idempotent`.
        """
        self._retry.idempotent = idempotent
        try:
            answer = method(**self._with_owner(method, arguments))
        except GitHubException as error:
            raise self._refusal(method, error) from None
        finally:
            self._retry.idempotent = False
        return answer.json() if answer.content else cast(T, None)

    def list_all(self, method: Method[Any], /, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The items of all pages of a list."""
        # githubkit sends the headers with each page: all of them in the version that it describes.
        headers = {"X-GitHub-Api-Version": LATEST_VERSION}
        arguments = self._with_owner(method, {"per_page": 100, **arguments, "headers": headers})
        pages = iter(self.rest.paginate(method, _items, **arguments))
        while True:
            try:
                item = next(pages)
            except StopIteration:
                return
            except GitHubException as error:
                raise self._refusal(method, error) from None
            yield item

    def _with_owner(self, method: Method[Any], arguments: dict[str, Any]) -> dict[str, Any]:
        if "owner" not in inspect.signature(method).parameters:
            return arguments
        owner, repo = self.name.split("/")
        return {"owner": owner, "repo": repo, **arguments}

    def _refusal(self, method: Method[Any], error: GitHubException) -> GitHubRefused:
        asked = f"GitHub ({self.url}), asked for {operation(method)} of {self.name}"
        return refusal(asked, error, self._retry.wait_s(error, TRIES - 1))


def _items(answer: Response[Any, Any]) -> list[dict[str, Any]]:
    """The rows of a page: GitHub gives a list, or an object with one."""
    content = answer.json()
    if isinstance(content, list):
        return content
    (rows,) = (value for value in content.values() if isinstance(value, list))
    return rows
