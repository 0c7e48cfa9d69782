"""A project stays linked to the template: cruft creates it, checks it and brings it up to date."""

import ast
import json
import re
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, OPTION_SETS, ROOT, check, files
from documents import shell

YAML = ["dvc.yaml", "gate.yaml", "monitor.yaml", "params.yaml"]
OWNED = sorted(["README.md", "data", *YAML, "notebooks", "pyproject.toml", "src", "tests"])
PACKAGE = "src/flight_delays"
RAW_PACKAGE = "src/<<cookiecutter.__package_name>>"

OWN_SOURCE_AND_METRIC = '''

def read_months(options: Options) -> pd.DataFrame:
    """Return the files of `data/raw` from the month `first` on."""
    from pathlib import Path

    import pandas as pd

    from mlops_loop.sources.files import read_csv

    paths = sorted(Path("data/raw").glob("*.csv"))
    tables = [read_csv(path) for path in paths if path.stem >= options["first"]]
    return pd.concat(tables, ignore_index=True)


def late_in_top_tenth(y: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of late flights among the tenth with the highest probability."""
    return y[scores[:, 1].argsort()[-max(len(y) // 10, 1) :]].mean()


SOURCES["months"] = read_months
METRICS["top_tenth"] = Metric.from_function("top_tenth", late_in_top_tenth, greater_is_better=True)
'''


@pytest.fixture
def repository(template, tmp_path) -> Path:
    """Return the template as a git repository with one commit, as cruft clones it."""
    folder = Path(shutil.copytree(template, tmp_path / "template"))
    check("git", "init", "--quiet", "-b", "main", cwd=folder)
    commit_all(folder, "first")
    return folder


def commit_all(folder: Path, message: str) -> None:
    """Commit everything that is in the folder."""
    check("git", "add", "--all", cwd=folder)
    check("git", "commit", "--quiet", "-m", message, cwd=folder)


@pytest.fixture
def linked(repository, tmp_path) -> Path:
    """Return a project that cruft created and its owner committed."""
    output = tmp_path / "out"
    output.mkdir()
    check("cruft", "create", "--no-input", "--default-config", str(repository), cwd=output)
    project = output / "flight-delays"
    check("git", "init", "--quiet", "-b", "main", cwd=project)
    commit_all(project, "Start")
    return project


def change(path: Path, *pairs: tuple[str, str]) -> None:
    """Replace parts of a file that must be there."""
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, (path, old)
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")


def work_as_an_owner(project: Path) -> None:
    """Edit every owned file, and add a dependency, a source, a metric and a test."""
    for name in ("README.md", "dvc.yaml", "monitor.yaml", "tests/test_dvc.py"):
        path = project / name
        more = "\nOurs.\n" if path.suffix == ".md" else "\n\n# Ours.\n"
        path.write_text(path.read_text() + more)
    for name in ("schema.py", "features.py", "estimators.py", "extensions.py"):
        change(project / PACKAGE / name, (". Yours to edit.", ". Ours."))
    (project / "data/raw/flights-2013-01.csv").unlink()
    (project / "tests/test_ours.py").write_text("def test_ours():\n    pass\n")
    change(project / "pyproject.toml", ('["mlops-loop"]', '["mlops-loop", "tqdm>=4.67"]'))
    extensions = project / PACKAGE / "extensions.py"
    change(extensions, ("from mlops_loop", "import numpy as np\n\nfrom mlops_loop"))
    extensions.write_text(extensions.read_text() + OWN_SOURCE_AND_METRIC)
    edit_yaml(project / "gate.yaml", lambda gate: gate["absolute"].update(top_tenth=0.2))
    source = {"kind": "months", "first": "flights-2013-03", "fingerprint": "data/raw"}
    edit_yaml(project / "params.yaml", lambda params: params.update(source=source))
    check("uv", "lock", "--quiet", cwd=project)
    commit_all(project, "Our own work")


def edit_yaml(path: Path, edit) -> None:
    """Change the values of a YAML file; its comments are lost."""
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(values)
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def move_on(raw: Path) -> set[str]:
    """Change the template: owned files, a line here and there, and each room; name the latter."""
    owned = [raw / "README.md", raw / "pyproject.toml", *raw.glob("gate.*.yaml")]
    owned += [raw / name for name in YAML if (raw / name).exists()]
    for path in [*owned, *raw.glob("tests/*.py"), *raw.glob(f"{RAW_PACKAGE}/*.py")]:
        path.write_text("# Changed in the template.\n" + path.read_text())
    (raw / "loop" / "docs" / "new.md").write_text("# New\n")
    rooms = [path.parent for path in raw.glob("loop/src/mlops_loop/*/__init__.py")]
    moved = {move_a_function(raw, room) for room in rooms}
    others = {".gitattributes", ".github/workflows/ci.yml", "Dockerfile", "Makefile"}
    for name in others:
        (raw / name).write_text((raw / name).read_text() + "# Changed in the template.\n")
    return {*moved, *others, "loop/docs/new.md"}


def move_a_function(raw: Path, room: Path) -> str:
    """Let the last two functions of a module change places, or add a line; return its name."""
    for path in sorted(room.glob("[a-z]*.py")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        first, second = ast.parse("".join(lines)).body[-2:]
        if all(isinstance(n, ast.FunctionDef) and not n.decorator_list for n in (first, second)):
            between = lines[first.end_lineno : second.lineno - 1]
            moved = lines[first.lineno - 1 : first.end_lineno]
            lines[first.lineno - 1 :] = [*lines[second.lineno - 1 :], *between, *moved]
            break
    else:
        lines += ["\n\n# Changed in the template.\n"]
    path.write_text("".join(lines), encoding="utf-8")
    return path.relative_to(raw).as_posix()


PRODUCTION = {
    "kubernetes": ["deploy/kubernetes/production"],
    "cloud-run": ["deploy/cloud-run/service.json"],
}


@pytest.mark.parametrize("target", ["host", "kubernetes", "kserve", "cloud-run"])
def test_the_owned_files_are_skipped(baked, target):
    """The list is that of what the README calls yours."""
    project = baked(next(o for o in OPTION_SETS if o["deploy_target"] == target))
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    owned = sorted(OWNED + PRODUCTION.get(target, []))
    assert settings["tool"]["cruft"]["skip"] == owned
    assert [name for name in owned if not (project / name).exists()] == []
    readme = (project / "README.md").read_text(encoding="utf-8")
    part = readme.split("## What is yours")[1].split("\n## ")[0]
    named = {name.rstrip("/") for name in re.findall(r"\| `([^`]+)`", part)}
    assert {n if n in owned else n.split("/")[0] for n in named} == {*owned}


def test_cruft_creates_a_project_through_the_decoy(linked, repository):
    """The decoy satisfies cruft's look for double braces, and is not generated."""
    state = json.loads((linked / ".cruft.json").read_text())
    assert state["commit"] == check("git", "rev-parse", "HEAD", cwd=repository).strip()
    assert (linked / "gate.yaml").exists() and (linked / "LICENSE").exists()
    assert list(linked.glob("*{{*")) == []


def test_cruft_finds_the_project_up_to_date(linked):
    """A new project has no difference to its template."""
    check("cruft", "check", cwd=linked)
    assert "diff --git" not in check("cruft", "diff", cwd=linked)


def test_an_update_leaves_what_is_owned_and_brings_the_rest(linked, repository):
    """No conflict, no owned file touched, every other change there, and the project is green."""
    work_as_an_owner(linked)
    owned = [name for name in files(linked) if name.split("/")[0] in OWNED]
    before = {name: (linked / name).read_bytes() for name in owned}
    raw = repository / "<<cookiecutter.project_slug>>"
    changed = move_on(raw)
    rooms = {name.split("/")[3] for name in changed if name.startswith("loop/src/")}
    assert rooms == {path.parent.name for path in raw.glob("loop/src/mlops_loop/*/__init__.py")}
    commit_all(repository, "second")
    check("cruft", "update", "--skip-apply-ask", cwd=linked)

    status = check("git", "status", "--porcelain", "-uall", cwd=linked).splitlines()
    assert {line[3:] for line in status} == changed | {".cruft.json"}
    assert [name for name in files(linked) if name.endswith((".rej", ".orig"))] == []
    assert {name: (linked / name).read_bytes() for name in owned} == before
    assert "data/raw/flights-2013-01.csv" not in files(linked)
    verbatim = [name for name in changed if name.startswith("loop/")]
    for name in verbatim:
        assert (linked / name).read_bytes() == (raw / name).read_bytes(), name
    check("cruft", "check", cwd=linked)
    check("make", "lint", "test", cwd=linked)


def test_an_answer_may_change_later(linked, baked):
    """By the command of the page: what the template owns is then what those answers make."""
    [block] = shell(ROOT / "<<cookiecutter.project_slug>>/loop/docs/outgrow.md")
    command = shlex.split(block)
    answers = json.loads(command[-1])
    check(*command, "--skip-apply-ask", cwd=linked)
    other = baked(DEFAULTS | answers)
    notes = {".cruft.json", "uv.lock"}
    ours = {name for name in [*files(linked), *files(other)] if name.split("/")[0] not in OWNED}
    wrong = [name for name in ours - notes if read(linked / name) != read(other / name)]
    assert wrong == []
    skip = '    "deploy/kubernetes/production",\n    "dvc.yaml"'
    change(linked / "pyproject.toml", ('"dvc>=', '"dvc[s3]>='), ('    "dvc.yaml"', skip))
    assert read(linked / "pyproject.toml") == read(other / "pyproject.toml")


def read(path: Path) -> bytes | None:
    """Return what is in a file, if it is there."""
    return path.read_bytes() if path.exists() else None
