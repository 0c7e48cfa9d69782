"""Measure the ledger at 100 to 10,000 versions, now and at an earlier commit; write docs/ledger.md.

    PYTHONPATH="<<cookiecutter.project_slug>>/loop/src" python benchmarks/ledger.py

Each version has a commit, an assignment to production and a verdict of eight checks; origin is a
bare repository on the same disk. Each operation runs in a process of its own, RUNS times, and the
fastest counts: seconds of the processor, git's included, since the machine may be shared. An
exponent of 1 is linear: ten times the versions take ten times as long.
"""

import argparse
import json
import math
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "<<cookiecutter.project_slug>>/loop/src"
PAGE = ROOT / "docs/ledger.md"
BEFORE = "4a40077"
SIZES, RUNS = (100, 1_000, 10_000), 3
SHOW = "from mlops_loop.cli import main; main()"
STOP_S = 120


def write_versions(folder: Path, n: int) -> None:
    """Import n versions by one call of git, packed, with an origin beside them."""
    lines, start = [], 1_600_000_000
    check = {"name": "absolute", "status": "pass", "metric": "roc_auc", "estimate": 0.75}
    check |= {"low": 0.71, "high": 0.79, "threshold": 0.7, "n_rows": 8000, "unit": "", "slice": ""}
    check |= {"message": "roc_auc is 0.7500 [0.7100, 0.7900], at least 0.7000 is asked for"}
    for i in range(n):
        old = f"v1.{i - 1}.0" if i else None
        verdict = {"decision": "PROMOTE", "challenger": f"{i:012x}", "champion": old}
        verdict |= {"checks": [check] * 8, "summary": f"{i:012x} may replace {old}."}
        run = {"version": f"v1.{i}.0", "previous": old, "image_digest": f"sha256:{i:064x}"}
        run |= {"attested": True, "commit": f"{i:040x}", "why": "passed the gate", "hold": False}
        lines += [f"commit refs/heads/main\nmark :{i + 1}", _who("committer", start + 10 * i)]
        lines += [_data("Train"), f"M 100644 inline dvc.lock\n{_data(str(i))}"]
        tags = {f"model@v1.{i}.0": {"bundle_id": f"{i:012x}", "verdict": verdict}}
        tags |= {f"model#production#{i + 1}": run}
        for name, note in tags.items():
            text = json.dumps(note | {"who": "Ada Tester"}, indent=2)
            lines += [f"tag {name}\nfrom :{i + 1}", _who("tagger", start + 10 * i), _data(text)]
    git(None, "init", "--quiet", "--initial-branch=main", str(folder))
    git(folder, "fast-import", "--quiet", text="\n".join([*lines, ""]))
    git(folder, "reset", "--quiet", "--hard", "main")
    for name, value in (("user.name", "Ada Tester"), ("user.email", "ada@example.org")):
        git(folder, "config", name, value)
    (folder / "dvc.yaml").write_text("stages: {}\n")
    git(folder, "pack-refs", "--all")
    git(None, "clone", "--quiet", "--mirror", str(folder), f"{folder}.git")
    git(folder, "remote", "add", "origin", f"{folder}.git")


def _who(kind: str, seconds: int) -> str:
    return f"{kind} Ada Tester <ada@example.org> {seconds} +0000"


def _data(text: str) -> str:
    return f"data {len(text)}\n{text}"


def git(folder: Path | None, *args: str, text: str | None = None) -> None:
    """Run git, or stop."""
    at = ["-C", str(folder)] if folder else []
    subprocess.run(["git", *at, *args], check=True, input=text, text=True, stdout=subprocess.PIPE)


def ready_to_register(repo: Path) -> tuple[SimpleNamespace, dict]:
    """Commit the lock of a new model; return it with the verdict that lets it pass."""
    from mlops_loop.registry import ledger

    folder = repo / "models"
    folder.mkdir(exist_ok=True)
    (folder / "model").write_text("new")
    (repo / "dvc.lock").write_text(ledger.folder_hash(folder))
    git(repo, "add", "dvc.lock")
    git(repo, "commit", "--quiet", "--allow-empty", "--message", "Train")
    now = subprocess.run(
        ["git", "-C", str(repo), "tag", "--list", "model@*"], capture_output=True, text=True
    )
    champion = f"v1.{len(now.stdout.split()) - 1}.0"
    return SimpleNamespace(id="new", folder=folder), {
        "decision": "PROMOTE", "challenger": "new", "champion": champion,
    }  # fmt: skip


def operate(name: str, repo: Path) -> tuple[float, int]:
    """CPU seconds of one operation, and how often it called git."""
    from mlops_loop import git as plain
    from mlops_loop.deployment import deploy
    from mlops_loop.registry import ledger

    calls, run = [], plain.run
    plain.run = lambda *args, **options: calls.append(args) or run(*args, **options)
    made = ready_to_register(repo) if name == "register" else ()
    first = cpu()
    if name == "gate":
        entries = ledger.read(repo)
        entries.find(entries.current().version)
    elif name == "register":
        ledger.register(repo, *made)
    elif name == "rollback":
        entries = ledger.fetch(repo)
        image = SimpleNamespace(digest=lambda: entries.current().image_digest)
        deploy.rollback_target(image, entries, "previous")
    elif name == "deploy":
        entries = ledger.fetch(repo)
        chosen = entries.find("latest")
        entries.last_image(chosen.version)
        entries.images(chosen.version)
        entries.attested(f"sha256:{0:064x}")
    elif name == "assign":
        ledger.assign(repo, "v1.1.0", why="measured")
    return cpu() - first, len(calls)


def cpu() -> float:
    """Seconds of the processor so far, those of children included."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


NAMES = {
    "show": "`loop registry show`, the whole command",
    "gate": "gate: the champion",
    "register": "register a version",
    "assign": "assign a version",
    "rollback": "rollback: its target",
    "deploy": "deploy: version, image, signature",
}


def measure(name: str, repo: Path, source: Path) -> tuple[float, int]:
    """Return the fastest of some runs with the loop of `source`; take back what was written."""
    found = []
    env = os.environ | {"PYTHONPATH": str(source)}
    own = [sys.executable, __file__, "--operate", name, str(repo)]
    call = [sys.executable, "-c", SHOW, "registry", "show"] if name == "show" else own
    for _ in range(RUNS):
        before = cpu()
        done = subprocess.run(call, cwd=repo, env=env, capture_output=True, text=True)
        assert not done.returncode, done.stderr
        seconds, calls = cpu() - before, 0
        if name != "show":
            seconds, calls = json.loads(done.stdout.splitlines()[-1])
        found.append((seconds, calls))
        reset(repo)
        if seconds > STOP_S / RUNS:
            break
    return min(found)


def reset(repo: Path) -> None:
    """Drop the tags that origin does not have."""
    listed = []
    for folder in (str(repo), f"{repo}.git"):
        done = subprocess.run(["git", "-C", folder, "tag"], capture_output=True, text=True)
        listed.append(set(done.stdout.split()))
    for tag in listed[0] - listed[1]:
        git(repo, "tag", "--delete", tag)


def table(figures: dict[str, dict[str, list[tuple[float, int]]]]) -> str:
    """One line an operation: before and after at each size, exponents, calls of git."""
    sizes = " | ".join(f"{n:,}" for n in SIZES)
    head = (
        f"| CPU seconds | before: {sizes} | exponent | now: {sizes} | exponent | calls of git |\n"
    )
    rule = "|---|" + "--:|" * (2 * len(SIZES) + 3) + "\n"
    rows = ""
    for name, both in figures.items():
        cells = []
        for side in ("before", "now"):
            seconds = [value for value, _ in both[side]]
            cells += [f"{value:.2f}" for value in seconds]
            steps = math.log10(SIZES[-1] / SIZES[-2])
            cells += [
                f"{math.log10(max(seconds[-1], 0.001) / max(seconds[-2], 0.001)) / steps:.1f}"
            ]
        calls = {n for _, n in both["now"]}
        cells += [
            "-" if name == "show" else " to ".join(map(str, sorted({min(calls), max(calls)})))
        ]
        rows += f"| {NAMES[name]} | {' | '.join(cells)} |\n"
    return head + rule + rows


def main() -> None:
    """Measure all, in turns, and write the page."""
    figures = {name: {"before": [], "now": []} for name in NAMES}
    with tempfile.TemporaryDirectory() as folder:
        old = Path(folder) / "before"
        old.mkdir()
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", BEFORE, "--", SOURCE],
            check=True, capture_output=True,
        ).stdout  # fmt: skip
        subprocess.run(["tar", "-x", "-C", str(old)], input=packed, check=True)
        sources = {"before": old / SOURCE, "now": ROOT / SOURCE}
        for n in SIZES:
            repo = Path(folder) / f"versions-{n}"
            write_versions(repo, n)
            for name in NAMES:
                for side, source in sources.items():
                    figures[name][side].append(measure(name, repo, source))
                    print(n, name, side, figures[name][side][-1], flush=True)
    assert all(both["now"][-1][0] < 2 for both in figures.values()), "slower than 2 s"
    text = PAGE.read_text(encoding="utf-8")
    marks = re.compile(r"(<!-- begin of figures -->\n).*(<!-- end of figures -->)", re.S)
    PAGE.write_text(marks.sub(lambda m: m[1] + table(figures) + m[2], text), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operate", nargs=2, metavar=("NAME", "REPO"))
    if chosen := parser.parse_args().operate:
        print(json.dumps(operate(chosen[0], Path(chosen[1]))))
    else:
        main()
