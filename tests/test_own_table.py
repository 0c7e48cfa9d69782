"""A stranger's table, from a fresh project to a gated prediction, by the README's commands."""

import csv
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DEFAULTS, TASKS, TEMPLATE, check

BEGIN, END = "## Your own table\n", "\n## "
UV = r"If you have no `uv`,\s`(make .venv)` installs one for this project, and `(export .*)` finds"
N, NEW = 900, 40


def commands(readme: Path) -> list[str]:
    """Return the lines of the block under "Your own table"."""
    section = readme.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.S)
    return block.splitlines()


def customers(n: int, first: int = 1) -> list[dict]:
    """Return rows as a spreadsheet saves them: an id, decimal commas, a target of 0 and 1."""
    draw = random.Random(first)  # noqa: S311  # no secret
    rows = []
    for number in range(first, first + n):
        age, balance = draw.randint(18, 90), draw.gammavariate(2, 1000)
        region = draw.choice(["Nord", "Süd", "Ost", "West"])
        chance = 1 / (1 + math.exp(-0.08 * (age - 50) + balance / 1500 - (region == "Nord")))
        rows.append(
            {
                "customer_id": f"{number:05d}",
                "age": age,
                "balance": f"{balance:.2f}".replace(".", ","),
                "region": region if number % 20 else "",
                "churned": int(draw.random() < chance),
            }
        )
    return rows


def write(rows: list[dict], path: Path) -> None:
    """Write them with semicolons, in the encoding of old spreadsheets."""
    with path.open("w", newline="", encoding="cp1252") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)


def without_uv(folder: Path) -> dict[str, str]:
    """Return the variables of a machine that has Python, git and make alone."""
    (folder / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    path = f"{folder}:/usr/bin:/bin"
    assert shutil.which("uv", path=path) is None
    return os.environ | {"PATH": path}


@pytest.fixture(scope="module")
def followed(baked, module_path) -> tuple[Path, dict[str, str]]:
    """Type the commands of the README in a new project; give its folder and what each printed."""
    folder = module_path / "flight-delays"
    shutil.copytree(baked(DEFAULTS), folder)
    write(customers(N), folder / "customers.csv")
    new = [{k: v for k, v in row.items() if k != "churned"} for row in customers(NEW, N + 1)]
    write(new, folder / "new-customers.csv")
    (module_path / "bin").mkdir()
    bare = without_uv(module_path / "bin")
    prepare, path = re.search(UV, (folder / "README.md").read_text(encoding="utf-8")).groups()
    check("bash", "-c", prepare, cwd=folder, env=bare)
    typed = commands(folder / "README.md")
    lines = {line: f"{path}; {line}" for line in typed}
    return folder, {k: check("bash", "-c", line, cwd=folder, env=bare) for k, line in lines.items()}


def printed(followed: tuple[Path, dict[str, str]], part: str) -> str:
    """Return what the one command with these words printed."""
    [text] = [text for command, text in followed[1].items() if part in command]
    return text


def test_four_commands_are_all_that_is_typed(followed):
    """None of them is an editor, and the last one is a prediction."""
    assert len(followed[1]) == 4
    assert "loop schema customers.csv" in next(iter(followed[1]))
    assert "loop predict" in list(followed[1])[-1]


def test_the_draft_says_what_it_guessed(followed):
    """Target, key and inputs, and that the key is a guess."""
    said = printed(followed, "loop schema")
    assert "target 'churned': classification, positive '1'" in said
    assert "900 of 900 values differ: likely the key" in said
    assert "input of the model: 'age', 'balance', 'region'" in said


def test_the_model_passes_its_gate(followed):
    """The first one, with the limits of the draft."""
    assert "PROMOTE" in printed(followed, "make gate")


def test_the_model_is_of_the_new_table(followed):
    """Numbers with a comma are numbers, the id is no input, and nothing of the sample is left."""
    folder = followed[0]
    contract = json.loads((folder / "models/bundle/contract.json").read_text(encoding="utf-8"))
    kinds = {column["name"]: column["kind"] for column in contract["columns"]}
    assert kinds == {"age": "integer", "balance": "number", "region": "category"}
    assert contract["classes"] == ["0", "1"]
    assert [path.name for path in (folder / "data" / "raw").iterdir()] == ["customers.csv"]
    assert not list((folder / "data" / "later").glob("*"))


def test_every_new_row_has_a_prediction(followed):
    """In the order of the file, with the id as it was, and zeros before it."""
    path = followed[0] / "predictions" / "new-customers.csv"
    with path.open(encoding="cp1252", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["customer_id"] for row in rows] == [f"{N + i + 1:05d}" for i in range(NEW)]
    assert {row["prediction"] for row in rows} == {"0", "1"}


def test_the_own_tests_and_the_linter_of_the_project_are_content(followed):
    """With the drafted files in place."""
    folder = followed[0]
    assert " passed" in check("make", "test", cwd=folder)
    check("uv", "run", "--frozen", "ruff", "check", "src", cwd=folder)
    check("uv", "run", "--frozen", "ruff", "format", "--check", "src", cwd=folder)


def test_what_the_draft_replaced_is_in_git(followed):
    """No command loses a line that a person wrote."""
    folder = followed[0]
    restored = check("git", "stash", "--include-untracked", cwd=folder)
    assert "Saved" in restored
    assert subprocess.run(["git", "diff", "--quiet"], cwd=folder, check=False).returncode == 0
    assert (folder / "data" / "raw" / "flights-2013-01.csv").exists()
    check("git", "stash", "pop", cwd=folder)


def test_an_amount_takes_the_place_of_the_classes(followed):
    """The same project, another target: its estimators, plots and limits come along."""
    folder = followed[0]
    check("git", "add", "--all", cwd=folder)
    check("git", "commit", "--quiet", "--message", "Customers", cwd=folder)
    command = "uv run loop schema data/raw/customers.csv --target balance --replace"
    assert "target 'balance': regression" in check("bash", "-c", command, cwd=folder)
    check("make", "pipeline", cwd=folder)
    metrics = json.loads((folder / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert {"rmse", "mae"} <= set(metrics)
    assert " passed" in check("make", "test", cwd=folder)
    done = subprocess.run(["make", "gate"], cwd=folder, capture_output=True, text=True)
    assert re.match("(PROMOTE|REJECT|HOLD)", done.stdout.partition("loop gate\n")[2]), done.stderr


def test_clusters_take_the_place_of_the_amount(followed):
    """The same project again, and nothing to predict."""
    folder = followed[0]
    command = "uv run loop schema data/raw/customers.csv --task clustering --replace"
    assert "no target: clustering" in check("bash", "-c", command, cwd=folder)
    check("make", "pipeline", cwd=folder)
    metrics = json.loads((folder / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert {"silhouette", "smallest_share"} <= set(metrics)
    assert " passed" in check("make", "test", cwd=folder)


def shoppers(n: int, first: int = 1) -> list[dict]:
    """Return rows of three kinds of customers, which no column names."""
    draw = random.Random(first)  # noqa: S311  # no secret
    kinds = [(25, 40), (45, 300), (70, 90)]
    rows = []
    for number in range(first, first + n):
        age, spent = draw.choice(kinds)
        rows.append(
            {
                "customer_id": f"{number:05d}",
                "age": round(draw.gauss(age, 3)),
                "spent": f"{draw.gauss(spent, 12):.2f}".replace(".", ","),
            }
        )
    return rows


def test_clusters_of_an_own_table(baked, module_path):
    """The README of a project of clusters, typed as it stands: kinds of customers are found."""
    folder = module_path / "clusters" / "flight-delays"
    shutil.copytree(baked(DEFAULTS | {"task": "clustering"}), folder)
    write(shoppers(N), folder / "customers.csv")
    write(shoppers(NEW, N + 1), folder / "new-customers.csv")
    said = [check("bash", "-c", line, cwd=folder) for line in commands(folder / "README.md")]
    assert len(said) == 4
    assert "no target: clustering" in said[0]
    assert "PROMOTE" in said[2]
    text = (folder / "predictions" / "new-customers.csv").read_text(encoding="cp1252")
    found = {row["prediction"] for row in csv.DictReader(text.splitlines(), delimiter=";")}
    assert found == {"cluster 1", "cluster 2", "cluster 3"}
    assert " passed" in check("make", "test", cwd=folder)


@pytest.mark.parametrize("task", TASKS)
def test_the_loop_drafts_the_estimators_that_a_project_begins_with(task):
    """`loop schema` writes them where the task changes; both copies are the same."""
    [own] = (TEMPLATE / "src").rglob(f"estimators.{task}.py")
    drafted = TEMPLATE / "loop" / "src" / "mlops_loop" / "draft" / "estimators" / f"{task}.py"
    assert drafted.read_text(encoding="utf-8") == own.read_text(encoding="utf-8")
