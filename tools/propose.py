"""Push what `make upgrade` changed to the branch `upgrade`, and open an issue that compares it.

    python tools/propose.py

GitHub lets no job change the workflows under .github/: with the secret UPGRADE_TOKEN (a token of a
person with the rights contents and workflows) all is pushed; without, these files are left out, and
the issue names the command that rewrites them.
"""

import base64
import datetime
import os
import subprocess
import sys
from pathlib import Path

from github import ask

ROOT = Path(__file__).resolve().parent.parent
BRANCH, TITLE = "upgrade", "Move the pins of actions and the days of the locks"
OWN = ".github/workflows"
BODY = """\
What is a week old on {day} is on the branch `{branch}`:

```
{files}
```

1. {compare} shows it, and opens the pull request.
{more}
A job's push starts no workflow; opening the pull request does.
"""
LEFT_OUT = """\
2. A job may not change `.github/workflows`. Before the merge: `git fetch && git switch {branch}`,
   `python tools/pins.py --known`, `git commit --all --message "Pin the template's own actions"`,
   `git push`.
"""


def git(*arguments):
    """Run git and return what it printed; exit with what it said where it fails."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def push(token):
    """Push the commit as the branch, in the place of what an earlier week left there."""
    server = os.environ["GITHUB_SERVER_URL"]
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    os.environ |= {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
    }
    git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{BRANCH}")


def tell(body):
    """Open the issue, or write the new body into the one that is still open; return its address."""
    issues = f"/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    for issue in ask("GET", f"{issues}?state=open&per_page=100") or []:
        if issue["title"] == TITLE and "pull_request" not in issue:
            return ask("PATCH", f"{issues}/{issue['number']}", {"body": body})["html_url"]
    return ask("POST", issues, {"title": TITLE, "body": body})["html_url"]


def main():
    """Commit, push and tell; nothing where nothing changed."""
    own = bool(git("status", "--porcelain", "--", OWN))
    token = os.environ.get("UPGRADE_TOKEN")
    if own and not token:
        git("checkout", "--quiet", "--", OWN)
    if not git("status", "--porcelain"):
        print("Nothing is newer, and a week old.")
        return
    git("add", "--all")
    bot = ["-c", "user.name=github-actions[bot]"]
    bot += ["-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com"]
    git(*bot, "commit", "--quiet", "--message", TITLE)
    push(token or os.environ["GITHUB_TOKEN"])
    server, name = os.environ["GITHUB_SERVER_URL"], os.environ["GITHUB_REPOSITORY"]
    body = BODY.format(
        day=datetime.datetime.now(tz=datetime.UTC).date(),
        branch=BRANCH,
        files=git("show", "--stat", "--format=", "HEAD"),
        compare=f"{server}/{name}/compare/main...{BRANCH}?expand=1",
        more=LEFT_OUT.format(branch=BRANCH) if own and not token else "",
    )
    print(f"Told: {tell(body)}")


if __name__ == "__main__":
    main()
