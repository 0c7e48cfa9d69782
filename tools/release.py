"""Make the page of a release from its section of CHANGELOG.md.

    python tools/release.py v1.2.0

Running it twice changes nothing; where the section changed, so does the page.
"""

import os
import re
import sys
from pathlib import Path

from github import ask

ROOT = Path(__file__).resolve().parent.parent
TAG = re.compile(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?")


def section(changelog, version):
    """Return the text below the heading of a version, `## 1.2.0` or `## [1.2.0] - a day`."""
    heading = rf"^## \[?{re.escape(version)}\]?(?: [^\n]*)?\n(.*?)(?=^## |\Z)"
    found = re.search(heading, changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def main():
    """Make the page, or bring it up to date, and print its address."""
    tag = (sys.argv[1:] or [""])[0]
    if not TAG.fullmatch(tag):
        sys.exit(f"release: {tag!r} is no version. Write v1.2.0.")
    text = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), tag[1:])
    if not text:
        sys.exit(f"release: CHANGELOG.md has no section {tag[1:]}. Next: write it, and tag again")
    releases = f"/repos/{os.environ['GITHUB_REPOSITORY']}/releases"
    page = {"tag_name": tag, "name": tag, "body": text, "prerelease": "-" in tag}
    made = ask("GET", f"{releases}/tags/{tag}")
    if made is None:
        made = ask("POST", releases, page)
    elif made["body"] != text:
        made = ask("PATCH", f"{releases}/{made['id']}", {"body": text})
    print(made["html_url"])


if __name__ == "__main__":
    main()
