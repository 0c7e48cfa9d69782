"""The table of executed jobs, docs/workflows.md: what the rig ran, and how each job ended.

Made from what the worlds of a whole run recorded. It is compared with the file at the end of the
test run; `--refresh` writes it anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import yaml
from conftest import ROOT, TEMPLATE

RECORD = "executed.jsonl"
TABLE = ROOT / "docs" / "workflows.md"
HEAD = """\
# Executed jobs

Every job of every workflow of a generated project, and of the template itself, with the scenarios
of `tests/workflows/` in which it ran: a real Actions engine, git, registry and Docker engine;
GitHub is played by a double that is held to GitHub's own description of its API. This page is made
by the test run, with `--refresh`.
"""
ENDS = {"success": "succeeded", "failure": "failed, as it should"}


def known() -> dict[str, list[str]]:
    """Return the jobs of each workflow of the generated project, and of the template."""
    return {
        f"{whose}: {path.stem}": list(yaml.safe_load(path.read_text())["jobs"])
        for whose, folder in (("project", TEMPLATE), ("template", ROOT))
        for path in sorted((folder / ".github" / "workflows").glob("*.yml"))
    }


def render(record: Path) -> str:
    """Return the page; a job that never ran, or never failed, says so."""
    seen: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for line in record.read_text().splitlines():
        facts = json.loads(line)
        for job, result in facts["jobs"].items():
            if result in ENDS:
                seen[facts["workflow"], job][result].add(facts["scenario"].rstrip("."))
    lines = [HEAD]
    for workflow, jobs in known().items():
        lines += [f"## {workflow}", "", "| job | succeeded when | failed, as it should, when |"]
        lines += ["|---|---|---|"]
        for job in jobs:
            cells = ["<br>".join(sorted(seen[workflow, job][end])) or "never" for end in ENDS]
            lines.append(f"| `{job}` | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def missing(record: Path) -> list[str]:
    """Return the jobs that no scenario ran to a good end."""
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    good = {(r["workflow"], j) for r in lines for j, end in r["jobs"].items() if end == "success"}
    return [f"{w}/{job}" for w, jobs in known().items() for job in jobs if (w, job) not in good]


def finish(record: Path, refresh: bool) -> str:
    """Return which jobs a whole run left out; write the page, or say that it is not what ran."""
    if not record.exists():
        return ""
    if left := missing(record):
        return f"no scenario ran these jobs to a good end: {', '.join(left)}"
    page = render(record)
    if refresh:
        TABLE.write_text(page)
    elif not TABLE.exists() or page != TABLE.read_text():
        renew = "pytest tests/workflows --refresh --weekly"
        print(f"\n{TABLE.name} is not what ran; renew it with: {renew}")
    return ""
