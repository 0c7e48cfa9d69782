"""The double itself: one port, one repository, one record of everything that was asked."""

import base64
import binascii
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from . import api, description, identity, plans, rights
from .calls import API, UPLOADS, Answer, Call, Fault, Refused, Request
from .gitserver import GitServer
from .registry import TOKENS, Registry
from .rights import Token
from .routes.actions import add_run
from .routes.hardening import add_secret
from .routes.issues import add_issue, add_label
from .routes.packages import add_package
from .routes.pulls import add_pull, shown
from .routes.settings import add_variable
from .server import Server
from .store import Row, Store, public


class Double:
    """A GitHub with one repository; see the package's docstring for its use."""

    def __init__(
        self,
        repository: str = "octo-org/flight-delays",
        private: bool = False,
        plan: str = "free",
        origin: Path | None = None,
        created: str = "2026-11-01T00:00:00Z",
        owner: str = "Organization",
    ):
        """Prepare a repository, served from the bare git repository `origin` where there is one."""
        assert plan in ("free", *plans.PAID), plan
        self.repository, self.private, self.plan, self.origin = repository, private, plan, origin
        self.created = created
        self.former = ""  # the name that the repository had before, see `rename`
        self.calls: list[Call] = []
        self.others: dict[str, Store] = {}
        self.errors: list[str] = []
        # The check boxes under Settings > Actions > General of a new repository.
        self.settings: dict[str, Any] = {
            "private": private,
            "plan": plan,
            "created_at": created,
            "owner": owner,
            "enabled": True,
            "allowed_actions": "all",
            "sha_pinning_required": False,
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": False,
        }
        self._tokens: dict[str, Token] = {}
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._registry: Registry | None = None
        self._used: dict[str, set[tuple[str, str]]] = {}
        self.held = description.github()

    def __enter__(self) -> Self:
        """Listen."""
        self._server = Server(self._answer)
        self.url = self._server.url
        self.api_url = self.url + API
        self.store = Store(self.held, self.url, self.repository, self.origin)
        self._git = GitServer(self)
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        """Stop; raise AssertionError for what GitHub would not have understood."""
        self._closing.set()
        self._server.close()
        self._git.close()
        if self._registry:
            self._registry.close()
        if self.errors and kind is None:
            raise AssertionError("\n".join(self.errors))

    # What a scenario sets up.

    def token(
        self,
        job: str,
        permissions: dict[str, str] | str = "",
        fork: bool = False,
        value: str = "",
        **claims: str,
    ) -> str:
        """Return the token of a job, named `workflow/job`.

        `fork` is also for what Dependabot starts: at most read. `value` is the token itself, where
        it must be known before. `claims` are for its identity: ref, sha, event_name, environment.
        """
        token = rights.for_job(job, permissions, fork, claims)
        return self._keep(replace(token, value=value or token.value))

    def environment(self, token: str) -> dict[str, str]:
        """Return what a runner tells a job: addresses, token, and whom to ask for an identity."""
        told = {
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_API_URL": self.api_url,
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_TOKEN": token,
        }
        if self._tokens[token].has("id-token", "write"):
            told["ACTIONS_ID_TOKEN_REQUEST_URL"] = (
                f"{self.url}{identity.OIDC}/token?api-version=2.0"
            )
            told["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = token
        return told

    def registry(self, root: Path) -> Registry:
        """Start a container registry that keeps its files in a folder; once per double."""
        assert self._registry is None, "the registry is running"
        self._registry = Registry(self, root)
        return self._registry

    def other(self, repository: str, origin: Path | None = None) -> Store:
        """Begin a public repository of somebody else, which everybody may read."""
        store = Store(self.held, self.url, repository, origin)
        return self.others.setdefault(repository.lower(), store)

    def person(
        self, login: str = "octocat", role: str = "admin", without: tuple[str, ...] = ()
    ) -> str:
        """Return the token of a person with a role: read, write, admin, or owner of all.

        `without` are permissions that the login has no scope for.
        """
        return self._keep(rights.for_person(login, role, without))

    def rename(self, former: str) -> None:
        """Let the repository have had another name, from which GitHub leads to it by its id."""
        self.former = former

    def _keep(self, token: Token) -> str:
        self._tokens[token.value] = token
        return token.value

    def pull(self, head: str, login: str = "octocat", **more: Any) -> Row:
        """Open a pull request: number, title, base, fork, sha, labels ... in `more`."""
        return shown(self.store, add_pull(self.store, more.pop("title", head), login, head, **more))

    def issue(self, title: str, login: str = "octocat", **more: Any) -> Row:
        """Open an issue: number, labels, body ... in `more`."""
        return add_issue(self.store, title, login, **more)

    def label(self, name: str, **more: Any) -> Row:
        """Create a label: color, description in `more`."""
        return add_label(self.store, name, **more)

    def package(self, name: str, *tags: list[str], **more: Any) -> Row:
        """Publish a container package with one version per list of tags, the oldest first.

        visibility and repository, None for none, in `more`.
        """
        return add_package(self.store, name, *tags, **more)

    def secret(self, name: str, of: str = "actions") -> None:
        """Set a secret: of actions, dependabot, environment production, or the organization."""
        add_secret(self.store, name, of)

    def variable(self, name: str, value: str, environment: str = "") -> Row:
        """Set a variable of the repository, or of an environment."""
        return add_variable(self.store, name, value, environment)

    def run(self, workflow: str, event: str = "push", **more: Any) -> Row:
        """Keep a run of a workflow file: status, conclusion, ref, head_sha ... in `more`."""
        return add_run(self.store, workflow, event, **more)

    def protect(self, ref: str, allowed: tuple[str, ...] = ()) -> None:
        """Protect refs (refs/heads/main, refs/tags/*) from the tokens of jobs.

        `allowed` are the changes that stay free: of create, update, delete.
        """
        self.store.protected[ref] = allowed

    def fail(
        self,
        method: str = "*",
        path: str = ".*",
        status: int | str = 502,
        times: int = 1,
        seconds: float = 0,
    ) -> None:
        """Let the next requests fail, after `seconds` of silence.

        `status` is a number or a name of FAULTS: "rate limit", "secondary limit", "too many",
        "cut" (nothing was done), "lost" (it was done, but no answer comes), "late" (all is well).
        """
        self._faults.append(Fault(method, re.compile(path), status, times, seconds))

    def heal(self, path: str = ".*") -> None:
        """End the faults that were asked for with this path."""
        self._faults = [fault for fault in self._faults if fault.path.pattern != path]

    def fault(self, request: Request) -> Fault | None:
        """Return the fault that meets a request, after its seconds; not for scenarios."""
        with self._lock:
            found = next((each for each in self._faults if each.meets(request)), None)
        if found and found.seconds:
            self._closing.wait(found.seconds)
        return found

    # What a scenario looks at.

    def comments(self, number: int) -> list[Row]:
        """Return the comments of an issue or pull request, the oldest first."""
        rows = self.store.all("comments")[::-1]
        return [public(row) for row in rows if row["~number"] == number]

    def pulls(self, number: int) -> Row:
        """Return a pull request with the commits where its branches are now."""
        return shown(self.store, self.store.get("pulls", number))

    def rows(self, kind: str) -> list[Row]:
        """Return what is kept of a kind, the oldest first: issues, releases, deployments ..."""
        return [public(row) for row in self.store.all(kind)[::-1]]

    @property
    def pushes(self) -> list[dict[str, str]]:
        """Return what was pushed or made by the API: ref, before, after, job."""
        return self.store.pushes

    def unused_grants(self, job: str) -> list[str]:
        """Return what a job was granted beyond the free `metadata` and no call of it needed."""
        given = [token for token in self._tokens.values() if token.job == job]
        granted = {pair for token in given for pair in token.grants.items() if pair[1] != "none"}
        used = self._used.get(job, set())
        return sorted(f"{name}: {level}" for name, level in granted - used)

    def use(self, token: Token | None, grants: list[tuple[str, str]]) -> None:
        """Remember which grants a job needed."""
        if token:
            self._used.setdefault(token.job, set()).update(grants)

    # How a request is answered.

    def _answer(self, request: Request) -> Answer:
        token, call = None, Call(request.method, request.path, "", "", body=request.body)
        call.user_agent = request.headers.get("user-agent", "")
        self.calls.append(call)
        fault = self.fault(request)
        try:
            token = self._login(request)
            call.job = token.job if token else ""
            if fault and fault.status not in ("lost", "late"):
                answer = fault.answer()
            else:
                answer = self._dispatch(request, token, call)
                answer = fault.answer() if fault and fault.status == "lost" else answer
        except Refused as refused:
            answer = refused.answer
        except Exception as error:
            self.wrong(request, f"the double broke: {error!r}")
            answer = Answer(500, {"message": repr(error)})
        call.status = answer.status
        return answer

    def wrong(self, request: Request, what: str) -> None:
        """Remember what GitHub would not have understood; it is raised at the end."""
        self.errors.append(f"{request.method} {request.path}: {what}")

    def _login(self, request: Request) -> Token | None:
        """Return whose request it is; Refused (401) for a token that was never given."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                raise Refused(401, "Bad credentials") from None
        return self.login(value)

    def login(self, value: str) -> Token | None:
        """Return who holds a token, None for none; Refused (401) for one that was never given."""
        if value and value not in self._tokens:
            raise Refused(401, "Bad credentials")
        return self._tokens.get(value)

    def _dispatch(self, request: Request, token: Token | None, call: Call) -> Answer:
        for prefix in (API, UPLOADS):
            if request.path.startswith(prefix + "/"):
                with self._lock:
                    return api.answer(self, request, request.path.removeprefix(prefix), token, call)
        if self._git.meets(request):
            return self._git.answer(request, token, call)
        if request.path.startswith(identity.OIDC + "/"):
            return identity.answer(self, request, token)
        if request.path == TOKENS and self._registry:
            return self._registry.token(request, token)
        self.wrong(request, "GitHub serves nothing here")
        raise Refused(404, "Not Found")
