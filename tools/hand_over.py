"""Push the project in build/ to the empty repository that REPOSITORY names, as TOKEN allows.

Example: REPOSITORY=OWNER/NAME TOKEN=... python tools/hand_over.py
"""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"


def git(folder, *arguments):
    """Run git in the project; exit with what it said where it fails, which names no token."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main():
    """Push main, unless there is anything in the repository."""
    (folder,) = BUILD.iterdir()
    name, token = os.environ["REPOSITORY"], os.environ.get("TOKEN")
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*/[\w.-]+", name):
        sys.exit(f"{name!r} is no repository. Write OWNER/NAME.")
    if not token:
        sys.exit(
            "There is no secret GENERATE_TOKEN. Next: make a token with the rights contents and "
            f"workflows for {name}, and store it under Settings > Secrets > Actions; or leave the "
            "repository empty here, and take the project from the artifact"
        )
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    login = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    os.environ |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {login}",
    }
    url = f"{server}/{name}"
    if git(folder, "ls-remote", url).strip():
        sys.exit(f"{name} is not empty, so nothing was pushed. Next: make a new, empty repository")
    git(folder, "push", "--quiet", url, "HEAD:refs/heads/main")
    print(f"Pushed to {url}")


if __name__ == "__main__":
    main()
