"""What the double remembers: rows in GitHub's own form, begun from GitHub's own examples."""

import itertools
import json
import re
import subprocess
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .calls import API, UPLOADS, Refused
from .description import HOST, Description

Row = dict[str, Any]


def now() -> str:
    """Return the time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public(row: Row) -> Row:
    """Return a row without what only the double knows: names that begin with ~."""
    return {name: value for name, value in row.items() if not name.startswith("~")}


class Store:
    """Rows by kind and key, and the origin's git repository."""

    def __init__(self, description: Description, url: str, repository: str, origin: Path | None):
        """Begin empty; `url` is the double's own, which all addresses in answers lead to."""
        self.description, self.url, self.repository, self.origin = (
            description,
            url,
            repository,
            origin,
        )
        self.rows: dict[str, dict[Any, Row]] = defaultdict(dict)
        self.pushes: list[dict[str, str]] = []
        # What no job may change: patterns of refs, each with the changes that stay free.
        self.protected: dict[str, tuple[str, ...]] = {}
        self._ids = itertools.count(1000)

    def new(self, operation: str, **changes: Any) -> Row:
        """Return GitHub's example of an operation's answer as a row of this repository.

        A list's example gives its first element; id, times and addresses are the double's own.
        """
        example = self.description.example(operation)
        if isinstance(example, dict) and "total_count" in example:
            example = next(value for value in example.values() if isinstance(value, list))
        if isinstance(example, list):
            example = example[0]
        text = json.dumps(self.local(example))
        if isinstance(example.get("id"), int):
            changes = {"id": next(self._ids)} | changes
        for name in example.keys() & changes.keys() & {"id", "number", "name", "sha", "tag_name"}:
            # Addresses end in what names the row, or go on below it.
            old, new = re.escape(str(example[name])), quote(str(changes[name]), "")
            text = re.sub(rf'/{old}(?=["/{{.#?])', f"/{new}", text)
        row = json.loads(text)
        row |= {name: now() for name in ("created_at", "updated_at") if name in row}
        return row | changes

    def local(self, value: Any) -> Any:
        """Return the value with GitHub's addresses and repository made the double's."""
        text = json.dumps(value).replace("https://uploads.github.com", self.url + UPLOADS)
        text = text.replace(HOST, self.url + API).replace("https://github.com", self.url)
        text = re.sub(r"octocat/(hello-world|example)\b", self.repository, text, flags=re.I)
        return json.loads(text)

    def user(self, login: str) -> Row:
        """Return a user in the short form that most answers hold."""
        example = self.description.example("issues/create-comment")["user"]
        text = json.dumps(self.local(example)).replace("octocat", login)
        return json.loads(text) | {"type": "Bot" if login.endswith("[bot]") else "User"}

    def number(self, wanted: int | None = None) -> int:
        """Return the number of a new issue or pull request: one more than the highest so far."""
        return wanted or max(self.rows["issues"], default=0) + 1

    def add(self, kind: str, key: Any, row: Row) -> Row:
        """Keep a row under its key."""
        self.rows[kind][key] = row
        return row

    def get(self, kind: str, key: Any) -> Row:
        """Return a row; raise Refused (404) where there is none."""
        key = int(key) if isinstance(key, str) and key.isdigit() else key
        if key not in self.rows[kind]:
            raise Refused(404, "Not Found")
        return self.rows[kind][key]

    def pop(self, kind: str, key: Any) -> None:
        """Forget a row; raise Refused (404) where there is none."""
        self.get(kind, key)
        del self.rows[kind][int(key) if isinstance(key, str) and key.isdigit() else key]

    def all(self, kind: str, **where: Any) -> list[Row]:
        """Return the rows whose values are these, the newest first; None matches everything."""
        wanted = {name: value for name, value in where.items() if value is not None}
        found = list(self.rows[kind].values())[::-1]
        return [row for row in found if wanted.items() <= row.items()] if wanted else found

    def git(self, *arguments: str, status: int = 404) -> str:
        """Return what a git command on the origin prints; Refused with `status` where it fails."""
        if self.origin is None:
            raise Refused(409, "Git Repository is empty.")
        command = ("git", "--git-dir", str(self.origin), *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Refused(status, "Not Found" if status == 404 else done.stderr.strip())
        return done.stdout.strip()

    def sha(self, ref: str, status: int = 404) -> str:
        """Return the commit that a branch, a tag or a commit's name means."""
        return self.git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", status=status)
