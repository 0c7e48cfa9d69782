"""git over HTTP: git's own http-backend on the bare origin, with GitHub's rights and hooks."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from . import rights
from .calls import Answer, Call, Refused, Request
from .rights import Token

if TYPE_CHECKING:
    from .service import Double

# Called once per ref with its name, the old and the new commit. It says what GitHub says for
# https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository and
# https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/choosing-permissions-for-a-github-app#choosing-permissions-for-git-access
# and, of a workflow's files, actions/checkout#1421 and mkb79/Audible#882.
UPDATE = """\
#!/bin/sh
zero=0000000000000000000000000000000000000000
change=update
[ "$2" = $zero ] && change=create
[ "$3" = $zero ] && change=delete
while read -r pattern allowed; do
    case $1 in $pattern) ;; *) continue ;; esac
    case " $allowed " in *" $change "*) continue ;; esac
    echo "error: GH013: Repository rule violations found for $1." >&2
    exit 1
done <<EOF
$DOUBLE_PROTECTED
EOF
[ "$DOUBLE_WORKFLOWS" = write ] || [ $change = delete ] && exit 0
# Tags too: a ref may bring in no workflow files but those of a branch.
files() { git rev-parse --quiet --verify "$1^{commit}:.github/workflows" || echo none; }
for tip in $(git for-each-ref --format='%(objectname)' refs/heads); do
    [ "$(files "$tip")" = "$(files "$3")" ] && exit 0
done
echo "refusing to allow a GitHub App to create or update workflow without workflows permission" >&2
exit 1
"""
RECEIVED = '#!/bin/sh\nexec cat > "$DOUBLE_RECEIVED"\n'


class GitServer:
    """The part of the double that git itself talks to."""

    def __init__(self, github: "Double"):
        """Write the hooks that stand in for GitHub's checks of a push."""
        self._github = github
        path = rf"/{re.escape(github.repository)}(\.git)?(/(info/refs|git-(upload|receive)-pack))"
        self._path = re.compile(path, re.I)
        self._folder = tempfile.TemporaryDirectory(prefix="double-")
        self.hooks = Path(self._folder.name) / "hooks"
        self.hooks.mkdir()
        for name, text in (("update", UPDATE), ("post-receive", RECEIVED)):
            (self.hooks / name).write_text(text)
            (self.hooks / name).chmod(0o755)

    def close(self) -> None:
        """Remove the hooks."""
        self._folder.cleanup()

    def meets(self, request: Request) -> bool:
        """Say whether a request is git's."""
        return bool(self._github.origin and self._path.fullmatch(request.path))

    def answer(self, request: Request, token: Token | None, call: Call) -> Answer:
        """Hand a request to git: fetching needs contents: read, pushing contents: write."""
        push = "git-receive-pack" in f"{request.path} {request.query_string}"
        level = "write" if push else "read"
        call.operation = "git/push" if push else "git/fetch"
        call.grants = self._allowed(token, level)
        received = Path(self._folder.name) / os.urandom(8).hex()
        answer = self._backend(request, token, received)
        if received.exists():
            for line in received.read_text().splitlines():
                before, after, ref = line.split(" ", 2)
                row = {"ref": ref, "before": before, "after": after, "job": call.job}
                self._github.store.pushes.append(row)
        return answer

    def _allowed(self, token: Token | None, level: str) -> list[tuple[str, str]]:
        grants = rights.used(token, f"contents: {level}", self._github.private)
        if grants is None and token is None:
            told = {"WWW-Authenticate": 'Basic realm="GitHub"'}
            raise Refused(401, "No anonymous write access.", **told)
        if grants is None and level == "read":
            raise Refused(404, "Repository not found.")
        if grants is None:
            raise Refused(403, "Write access to repository not granted.")
        self._github.use(token, grants)
        return grants

    def _backend(self, request: Request, token: Token | None, received: Path) -> Answer:
        origin = self._github.origin.resolve()
        admin = token and token.has("administration", "write")
        rules = {} if admin else self._github.store.protected
        env = os.environ | {
            "GIT_PROJECT_ROOT": str(origin.parent),
            "PATH_INFO": f"/{origin.name}{self._path.fullmatch(request.path)[2]}",
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "QUERY_STRING": request.query_string,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "REMOTE_USER": token.actor if token else "",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "core.hooksPath",
            "GIT_CONFIG_VALUE_0": str(self.hooks),
            "DOUBLE_PROTECTED": "\n".join(f"{ref} {' '.join(ok)}" for ref, ok in rules.items()),
            "DOUBLE_WORKFLOWS": token.grants.get("workflows", "") if token else "",
            "DOUBLE_RECEIVED": str(received),
        }
        command = ("git", "http-backend")
        done = subprocess.run(
            command, input=request.body, env=env, capture_output=True, timeout=300
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        return Answer(int(headers.pop("Status", "200").split()[0]), body, headers)
