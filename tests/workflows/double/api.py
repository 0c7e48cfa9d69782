"""The REST API: what an operation needs, whether both sides hold to GitHub's description, pages."""

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from . import identity, plans, rights
from .calls import Answer, Call, Refused, Request
from .description import Answered, Operation
from .rights import Token
from .routes import ROUTES, Asked, Route
from .store import Store

if TYPE_CHECKING:
    from .service import Double


def answer(
    github: "Double", request: Request, path: str, token: Token | None, call: Call
) -> Answer:
    """Perform one of GitHub's operations, or raise Refused as GitHub would.

    What GitHub would not understand, or would not answer so, is remembered as an error.
    """
    if not call.user_agent:
        raise Refused(403, "Please make sure your request has a User-Agent header")
    path = _current(github, request, path)
    found = github.held.match(request.method, path)
    if not found:
        github.wrong(request, "GitHub has no such operation")
        raise Refused(404, "Not Found")
    operation, at = found
    call.operation = operation.id
    if operation.id not in ROUTES:
        github.wrong(request, f"GitHub's {operation.id} is not in the double yet")
        raise Refused(501, f"The double does not know {operation.id} yet")
    route = ROUTES[operation.id]
    store = _own(github, at, token)
    asked = Asked(request, at, token, store, github.settings)
    sent = github.held.sent(operation, at, request)
    call.grants = _allowed(github, asked, route)
    plans.check(operation.id, github.plan, github.private)
    if wrong := github.held.wrong_request(operation, sent):
        github.wrong(request, wrong)
        raise Refused(422, f"Validation Failed: {wrong}")
    body = route.answer(asked)
    given = body if isinstance(body, Answer) else Answer(_success(operation), body)
    _pages(github, operation, request, given)
    kind = given.headers.setdefault("Content-Type", "application/json; charset=utf-8")
    answered = Answered(given.status, given.data, kind.split(";")[0], given.headers)
    if wrong := github.held.wrong_answer(sent, answered):
        github.wrong(request, f"the double's own answer: {wrong}")
    return given


def _current(github: "Double", request: Request, path: str) -> str:
    """Return the path under today's name; Refused (301, 307) leads there from a former name."""
    by_id, former = f"/repositories/{identity.REPOSITORY_ID}", f"/repos/{github.former}"
    if f"{path}/".startswith(f"{by_id}/"):
        return f"/repos/{github.repository}{path.removeprefix(by_id)}"
    if github.former and f"{path}/".startswith(f"{former}/"):
        query = f"?{request.query_string}" if request.query_string else ""
        to = f"{github.api_url}{by_id}{path.removeprefix(former)}{query}"
        raise Refused(301 if request.method == "GET" else 307, "Moved Permanently", Location=to)
    return path


def _own(github: "Double", at: dict[str, str], token: Token | None) -> Store:
    """Refuse unknown repositories, and a private one to those who show no token."""
    asked = f"{at['owner']}/{at['repo']}".lower() if "repo" in at else None
    if asked in github.others:
        return github.others[asked]
    if asked and (asked != github.repository.lower() or (github.private and not token)):
        raise Refused(404, "Not Found")
    return github.store


def _allowed(github: "Double", asked: Asked, route: Route) -> list[tuple[str, str]]:
    needs = route.needs if isinstance(route.needs, str) else route.needs(asked)
    grants = rights.used(asked.token, needs, github.private)
    if grants is None and asked.token is None:
        raise Refused(401, "Requires authentication")
    if grants is None and asked.token.person and needs == "packages: read":
        headers = {"X-OAuth-Scopes": "gist, read:org, repo"}
        headers["X-Accepted-OAuth-Scopes"] = "read:packages"
        raise Refused(403, "You need at least read:packages scope to get a package.", **headers)
    if grants is None:
        accepted = needs.replace(": ", "=").replace(" | ", "; ").replace(" & ", ",")
        headers = {"X-Accepted-GitHub-Permissions": accepted.replace("-", "_")}
        raise Refused(403, "Resource not accessible by integration", **headers)
    github.use(asked.token, grants)
    return grants


def _pages(github: "Double", operation: Operation, request: Request, answer: Answer) -> None:
    """Cut a list into pages, as GitHub does: 30 rows, at most 100, with a Link header."""
    names = {github.held.resolve(p)["name"] for p in operation.body.get("parameters", [])}
    if not {"per_page", "page"} <= names:
        return
    size, page = (int(request.query.get(k, d)) for k, d in (("per_page", 30), ("page", 1)))
    size, body = min(size, 100), answer.body
    name = None if isinstance(body, list) else next(k for k in body if isinstance(body[k], list))
    rows = body if name is None else body[name]
    part = rows[(page - 1) * size : page * size]
    answer.body = part if name is None else body | {name: part}
    last, base = -(-len(rows) // size), f"{github.url}{request.path}"
    links = {"next": page + 1, "last": last} if page < last else {}
    links |= {"prev": page - 1, "first": 1} if page > 1 else {}
    if links:
        urls = {rel: urlencode(request.query | {"page": number}) for rel, number in links.items()}
        told = ", ".join(f'<{base}?{query}>; rel="{rel}"' for rel, query in urls.items())
        answer.headers["Link"] = told


def _success(operation: Operation) -> int:
    return min(int(status) for status in operation.body["responses"] if status.startswith("2"))
