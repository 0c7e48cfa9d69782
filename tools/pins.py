"""Move the pins of actions to their newest release that is a week old.

    python tools/pins.py            ask GitHub, rewrite the table and every `uses:`
    python tools/pins.py --known    rewrite every `uses:` as the table says, asking nobody

The table is tests/data/action-pins.tsv: action, version, commit. The week is a cool-down: most
poisoned releases are found and withdrawn within days.
"""

import argparse
import datetime
import re
import sys
from pathlib import Path

from github import ask

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests/data/action-pins.tsv"
WORKFLOWS = (".github", "<<cookiecutter.project_slug>>/.github")
COOL_DOWN_DAYS = 7
VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
USES = re.compile(r"(uses: (?P<action>[\w-]+/[\w.-]+)[\w/-]*@)[0-9a-f]{40} # v[\d.]+")


def number(version):
    """Return a version as numbers; None for what is none, as codeql-bundle-v2.1.0."""
    found = VERSION.fullmatch(version)
    return found and tuple(map(int, found.groups()))


def newest(action, known, day):
    """Return version and commit of the newest release up to a day, never an older one than known.

    By number, not by date: the last release may mend an old version.
    """
    releases = ask("GET", f"/repos/{action}/releases?per_page=100")
    if releases is None:
        sys.exit(f"pins: {action} is on GitHub no more. Next: choose another action")
    ripe = [
        release["tag_name"]
        for release in releases
        if not release["draft"] and not release["prerelease"] and number(release["tag_name"])
        and release["published_at"][:10] <= day.isoformat()
    ]  # fmt: skip
    version = max([*ripe, known[0]], key=number)
    if version == known[0]:
        return known
    return version, ask("GET", f"/repos/{action}/commits/{version}")["sha"]


def rewrite(root, pins):
    """Pin every `uses:` below root as pins say; return the files that changed."""
    changed = []
    for path in sorted(path for folder in WORKFLOWS for path in (root / folder).rglob("*.yml")):
        text = path.read_text(encoding="utf-8")

        def pinned(match):
            if match["action"] not in pins:
                sys.exit(f"pins: {path} uses {match['action']}, which {TABLE} does not name.")  # noqa: B023
            version, commit = pins[match["action"]]
            return f"{match[1]}{commit} # {version}"

        moved = USES.sub(pinned, text)
        if moved != text:
            path.write_text(moved, encoding="utf-8")
            changed.append(path.relative_to(root).as_posix())
    return changed


def main():
    """Read the command line, move what is to be moved, and say it, one line an action."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--known", action="store_true", help="as the table says, asking nobody")
    known = parser.parse_args().known
    table = ROOT / TABLE
    rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    pins = {action: (version, commit) for action, version, commit in rows}
    day = datetime.datetime.now(tz=datetime.UTC).date() - datetime.timedelta(days=COOL_DOWN_DAYS)
    for action, pin in [] if known else list(pins.items()):
        pins[action] = newest(action, pin, day)
        if pins[action] != pin:
            print(f"- {action}: {pin[0]} -> {pins[action][0]}")
    lines = ["\t".join([action, *pin]) for action, pin in pins.items()]
    table.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    rewrite(ROOT, pins)


if __name__ == "__main__":
    main()
