"""GitHub's OpenAPI description: which operation a request is, whether both sides hold to it."""

import copy
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict

from . import npm

HOST = "https://api.github.com"
# Where GitHub's own example does not hold to its description.
REPAIRS = {
    "repos/get": {"language": "Python"},
    "users/get-by-username": {"user_view_type": "public"},
    "users/get-authenticated": {"user_view_type": "private"},
}


@dataclass(frozen=True)
class Operation:
    """One method of one path, under the name that GitHub gives it, as `issues/create-comment`."""

    id: str
    method: str
    path: str
    pattern: re.Pattern
    body: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Sent:
    """A request as openapi-core wants to see it."""

    method: str
    path: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str
    host_url: str = HOST


@dataclass(frozen=True)
class Answered:
    """An answer as openapi-core wants to see it."""

    status_code: int
    data: bytes
    content_type: str
    headers: dict[str, str]


class Description:
    """All 1,200 operations; nothing is parsed before it is asked for."""

    def __init__(self, description: dict[str, Any]):
        """Index a description, whose own validity is GitHub's affair (and takes 25 s)."""
        self.text = description
        _allow_null(description)
        self._held = OpenAPI.from_dict(description, config=Config(spec_validator_cls=None))
        self.operations: dict[str, Operation] = {}
        for path, item in description["paths"].items():
            for method in item.keys() & {"get", "post", "put", "patch", "delete"}:
                body = item[method]
                self.operations[body["operationId"]] = Operation(
                    body["operationId"], method, path, self._pattern(path, body), body
                )
        # What is written out in a path is meant before a variable in the same place.
        self._by_path = sorted(
            self.operations.values(), key=lambda one: (one.path.count("{"), -one.path.count("/"))
        )

    def _pattern(self, path: str, operation: dict[str, Any]) -> re.Pattern:
        """Return what matches the path; some variables hold slashes, such as a branch's name."""
        found = [self.resolve(each) for each in operation.get("parameters", [])]
        wide = {each["name"] for each in found if each.get("x-multi-segment")} | {"path"}

        def variable(name: str) -> str:
            return f"(?P<{name.replace('-', '_')}>{'.+' if name in wide else '[^/]+'})"

        parts = re.split(r"\{([^}]+)\}", path)
        return re.compile(
            "".join(variable(x) if i % 2 else re.escape(x) for i, x in enumerate(parts))
        )

    def resolve(self, node: Any) -> Any:
        """Follow references until there is a value."""
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.text
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def match(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation that a request means and the variables of its path."""
        for operation in self._by_path:
            if operation.method == method.lower() and (found := operation.pattern.fullmatch(path)):
                return operation, {name: unquote(text) for name, text in found.groupdict().items()}
        return None

    def sent(self, operation: Operation, variables: dict[str, str], call: Any) -> Sent:
        """Return a call as a request of this description, slashes within a variable hidden."""
        path = re.sub(
            r"\{([^}]+)\}", lambda m: quote(variables[m[1].replace("-", "_")], ""), operation.path
        )
        parameters = RequestParameters(
            query=ImmutableMultiDict(call.query), header=Headers(list(call.headers.items()))
        )
        method, body = call.method.lower(), call.body or None
        if "servers" in operation.body:  # an upload may be of any type, whatever is written there
            host, kind = operation.body["servers"][0]["url"], "application/octet-stream"
            return Sent(method, path, parameters, body, kind, host)
        kind = call.headers.get("content-type", "application/json").split(";")[0]
        return Sent(method, path, parameters, body, kind)

    def wrong_request(self, operation: Operation, sent: Sent) -> str | None:
        """Return what is wrong with a request, None where nothing is."""
        return self._wrong(self._held.validate_request, sent) or self._unknown(operation, sent)

    def wrong_answer(self, sent: Sent, answer: Answered) -> str | None:
        """Return what is wrong with an answer, None where nothing is."""
        return self._wrong(self._held.validate_response, sent, answer)

    def _wrong(self, check: Any, *arguments: Any) -> str | None:
        try:
            check(*arguments)
        except OpenAPIError as error:
            inner = error.__cause__ or error
            found = getattr(inner, "schema_errors", ())
            told = [
                f"{'.'.join(map(str, e.absolute_path)) or 'it'}: ...{e.message[-200:]}"
                for e in found
            ]
            return "; ".join(told)[:1000] or f"{error} {error.__cause__ or ''}".strip()
        return None

    def _unknown(self, operation: Operation, sent: Sent) -> str | None:
        """Return the names that GitHub would silently ignore: they are always a mistake."""
        known = {self.resolve(each)["name"] for each in operation.body.get("parameters", [])}
        told = [f"unknown query parameter {name}" for name in sent.parameters.query.keys() - known]
        content = operation.body.get("requestBody", {}).get("content", {})
        json_only = sent.content_type == "application/json"
        schema = self.resolve(content.get("application/json", {}).get("schema", {}))
        given = json.loads(sent.body) if sent.body and json_only else None
        if isinstance(given, dict) and "properties" in schema:
            told += [f"unknown property {name}" for name in given.keys() - schema["properties"]]
        return "; ".join(told) or None

    def example(self, operation_id: str) -> Any:
        """Return a fresh copy of GitHub's own example of an operation's answer."""
        responses = self.operations[operation_id].body["responses"]
        status = min(status for status in responses if status.startswith("2"))
        content = self.resolve(responses[status])["content"]["application/json"]
        examples = content.get("examples") or {"only": {"value": content.get("example")}}
        value = copy.deepcopy(self.resolve(next(iter(examples.values())))["value"])
        return value | REPAIRS[operation_id] if operation_id in REPAIRS else value


def _allow_null(node: Any) -> None:
    """Let what is `nullable` be null, also where GitHub forgot it in the list of values.

    https://github.com/OAI/OpenAPI-Specification/blob/main/proposals/2019-10-31-Clarify-Nullable.md
    """
    if isinstance(node, dict):
        if node.get("nullable") is True and isinstance(node.get("enum"), list):
            node["enum"] = [*node["enum"], None]
        for value in node.values():
            _allow_null(value)
    elif isinstance(node, list):
        for value in node:
            _allow_null(value)


@cache
def github() -> Description:
    """Return the description of api.github.com, read once per process."""
    path = npm.modules() / "@octokit/openapi/generated/api.github.com.json"
    return Description(json.loads(path.read_text("utf-8")))
