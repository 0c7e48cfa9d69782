"""`loop/docs/github.md`: its tables are those of the workflows, and of the plans that GitHub sells.

`python -m pytest tests/test_github_page.py --refresh` writes them anew.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import TEMPLATE
from workflows.double import plans
from workflows.double.calls import Refused

WORKFLOWS = TEMPLATE / ".github" / "workflows"
PAGE = TEMPLATE / "loop" / "docs" / "github.md"
JOB = re.compile(r"^  ([\w-]+):\n", re.M)
RIGHT = re.compile(r"([a-z-]+: (?:read|write))\}? +# (.+?)(?:<<.*>>)?$", re.M)
# What only projects of a bucket have: see `__id_token` in cookiecutter.json.
OF_A_BUCKET = "; for a bucket `id-token: write` to log in to it as this job"
ON_PUSH = "github.event_name == 'push'"
SECRET = re.compile(r"secrets\.(\w+)")
Rows = Iterable[tuple[object, ...]]


def table(head: tuple[str, ...], rows: Rows) -> str:
    """Return a table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def jobs(folder: Path) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield each job of the workflows of a folder: its name, what YAML reads, and its text."""
    for path in sorted(folder.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        _, *parts = JOB.split(text[text.index("\njobs:\n") :])
        read = yaml.safe_load(text)["jobs"]
        assert parts[::2] == list(read), path.name
        for name, written in zip(parts[::2], parts[1::2], strict=True):
            yield f"`{path.stem}` / `{name}`", read[name], written


def rights(folder: Path) -> str:
    """Return a row for each job: its rights with their reasons, and its secrets."""
    rows = []
    for name, job, written in jobs(folder):
        reasons = dict(RIGHT.findall(written))
        granted = [f"{right}: {level}" for right, level in job["permissions"].items()]
        asked = "; ".join(f"`{right}` {reasons[right]}" for right in granted)
        asked += OF_A_BUCKET if "<<cookiecutter.__id_token>>" in written else ""
        secrets = ", ".join(f"`{secret}`" for secret in sorted(set(SECRET.findall(written))))
        rows.append((name, asked, secrets, job.get("environment", {}).get("name", "")))
    return table(("workflow / job", "rights", "secrets", "environment"), rows)


def artifacts(folder: Path) -> str:
    """Return a row for each upload: what is kept, and for how many days."""
    rows = []
    for name, job, _ in jobs(folder):
        for step in job["steps"]:
            if re.search(r"upload-(pages-)?artifact@", step.get("uses", "")):
                given = step["with"]
                paths = ", ".join(f"`{path}`" for path in given["path"].split("\n"))
                rows.append((name, f"`{given['name']}`", paths, given["retention-days"]))
    return table(("workflow / job", "artifact", "holds", "days"), rows)


def extra(condition: str) -> str:
    """Return where a job runs that most private repositories do not have; empty for the others."""
    if "visibility == 'public'" in condition:
        return "in public repositories"
    variable = re.search(r"vars\.(\w+) != ''", condition)
    return f"where the variable `{variable[1]}` is set" if variable else ""


def minutes(folder: Path) -> str:
    """Return a row for each workflow: the jobs of a run, each of which GitHub bills by itself.

    Of two jobs that no event starts both, one for pushes and one for the rest, one is counted.
    """
    rows = []
    for path in sorted(folder.glob("*.yml")):
        read = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
        more = [why for job in read["jobs"].values() if (why := extra(job.get("if", "")))]
        either = [job for job in read["jobs"].values() if ON_PUSH in job.get("if", "")]
        count = len(read["jobs"]) - len(more) - len(either)
        starts = ", ".join(f"`{event}`" for event in read["on"])
        told = "; ".join(f"{more.count(why)} {why}" for why in dict.fromkeys(more))
        rows.append((f"`{path.stem}`", starts, count, told))
    return table(("workflow", "starts on", "jobs", "more jobs"), rows)


def page(text: str, folder: Path) -> str:
    """Return a page with the part between each pair of markers made anew."""
    for make in (rights, artifacts, minutes):
        begin, end = (f"<!-- {word} of {make.__name__} -->" for word in ("begin", "end"))
        before, _, rest = text.partition(begin)
        _, mark, after = rest.partition(end)
        assert mark, end
        text = f"{before}{begin}\n\n{make(folder)}\n\n{mark}{after}"
    return text


def test_the_tables_are_those_of_the_workflows(request):
    """With `--refresh` they are written."""
    found = PAGE.read_text(encoding="utf-8")
    new = page(found, WORKFLOWS)
    if request.config.getoption("--refresh"):
        PAGE.write_text(new, encoding="utf-8")
        found = new
    assert found == new, "renew with: python -m pytest tests/test_github_page.py --refresh"


CHANGES = {
    "a right": ("packages: write # to push", "packages: read # to push"),
    "one more right": ("id-token: write #", "models: read # to ask\n      id-token: write #"),
    "a secret": ("secrets.IMAGE_PASSWORD }}", "secrets.OTHER_PASSWORD }}"),
    "an environment": ("{name: production", "{name: elsewhere"),
    "how long an artifact is kept": ("retention-days: 14", "retention-days: 90"),
    "what starts it": ("  workflow_dispatch:\n", "  workflow_dispatch:\n  merge_group:\n"),
    "what an artifact holds": ("data/prepared/holdout.parquet", "data/prepared"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_workflow_changes_the_tables(tmp_path, old, new):
    """So the page cannot stay behind."""
    text = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    (tmp_path / "release.yml").write_text(text)
    before = rights(tmp_path) + artifacts(tmp_path) + minutes(tmp_path)
    assert old in text
    (tmp_path / "release.yml").write_text(text.replace(old, new))
    assert rights(tmp_path) + artifacts(tmp_path) + minutes(tmp_path) != before


def test_a_right_without_a_reason_is_noticed(tmp_path):
    """The page says what each is for."""
    text = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    (tmp_path / "release.yml").write_text(re.sub(r"(packages: write) #.*", r"\1", text))
    with pytest.raises(KeyError, match="packages: write"):
        rights(tmp_path)


def test_the_formula_of_minutes_counts_the_jobs():
    """Of `ci` without the loop's own tests; the example adds up."""
    text = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| [^|]+ \| (\d+) \|", minutes(WORKFLOWS), re.M))
    formula = text.partition("minutes a month = ")[2].partition("```")[0]
    said = set(re.findall(r"(ci|security|release|monitor|retrain) (\d+)", formula))
    assert said == (rows | {"ci": str(int(rows["ci"]) - 1)}).items() - {
        ("rollback", rows["rollback"])
    }
    pushes, merges, more, total = re.search(
        r"are 20 x (\d+) \+ 8 x (\d+) \+ ([\d + ]+) = (\d+) minutes", text
    ).groups()
    per = {name: int(count) for name, count in said}
    assert int(pushes) == per["ci"] + per["security"]
    assert int(merges) == per["ci"] + per["release"]
    rest = [30 * per["monitor"], 4 * (per["retrain"] + per["security"])]
    assert [int(number) for number in more.split(" + ")] == rest
    assert int(total) == 20 * int(pushes) + 8 * int(merges) + sum(rest)


def test_no_job_reads_secrets_or_variables_of_the_environment():
    """But for the address that GitHub shows: `doctor` says so of any other."""
    for name, job, written in jobs(WORKFLOWS):
        if "environment" in job:
            steps = written.replace(job.get("if", " "), "")  # `if` sees no environment
            read = set(re.findall(r"\b(?:secrets|vars)\.(\w+)", steps))
            assert read <= {"PRODUCTION_URL"}, name


# The columns of the table of plans, and an operation of GitHub's API for each of its rows.
PLANS = (("free", True), ("free", False), ("team", True), ("enterprise", True))
SOLD = {
    "rules for `main` and tags": "repos/create-repo-ruleset",
    "attestations": "repos/create-attestation",
    "code scanning": "code-scanning/upload-sarif",
    "dependency review": "dependency-graph/diff-range",
    "Pages, for the [dashboard](monitoring.md#the-page-for-others)": "repos/create-pages-site",
}


def sells(operation: str, plan: str, private: bool) -> bool:
    """Whether the double lets a repository do this on a plan."""
    try:
        plans.check(operation, plan, private)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("row", SOLD)
def test_the_plans_are_those_of_the_double(row):
    """Each cell begins with yes or no; what the workflows are tried with is what the page says."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {row} |")]
    said = [cell.split()[0].strip(":,;") for cell in line.split("|")[2:-1]]
    assert said == [{True: "yes", False: "no"}[sells(SOLD[row], *plan)] for plan in PLANS]
