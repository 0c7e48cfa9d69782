"""The page about extensions, followed block by block: own code in every table, none in the loop."""

import ast
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, check, give_environment, run
from documents import Block, blocks
from engine import bundle_id, certificates

PACKAGE = "flight_delays"
LIBRARIES = ("xgboost", "lightgbm")  # as the page trains them


@dataclass(frozen=True)
class Turn:
    """What stages, gate and report left behind, and what each command printed."""

    printed: dict[str, str]
    verdict: dict
    export: dict
    texts: dict[str, str]
    bundle: list[str]

    def check(self, name: str, metric: str = "") -> dict:
        """Return the one check of the gate with this name and metric."""
        checks = self.verdict["checks"]
        [found] = [item for item in checks if (item["name"], item["metric"]) == (name, metric)]
        return found


@dataclass(frozen=True)
class Followed:
    """The project after the whole page, a hash of its loop before, and the turns on the way."""

    folder: Path
    loop_before: str
    turns: list[Turn]


@pytest.fixture(scope="module")
def followed(baked, module_path) -> Followed:
    """Do what every block says, in order, in a project with an environment of its own."""
    folder = module_path / "flight-delays"
    shutil.copytree(baked(DEFAULTS), folder)
    before, turns = hash_of(folder / "loop"), []
    for block in blocks(folder / "loop" / "docs" / "extensions.md"):
        text = block.text.replace("<package>", PACKAGE)
        if block.kind == "python":
            add_code(path_of(folder, block), text)
        elif block.kind == "yaml":
            change_yaml(path_of(folder, block), yaml.safe_load(text))
        else:
            printed = {line: check("bash", "-c", line, cwd=folder) for line in text.splitlines()}
            turns += [turn(folder, printed)] if "uv run loop gate" in printed else []
    return Followed(folder, before, turns)


def path_of(folder: Path, block: Block) -> Path:
    """Return the file that the line before a block names."""
    return folder / block.path.replace("<package>", PACKAGE)


def add_code(path: Path, text: str) -> None:
    """Write a new file; in one that is there imports go to the top and the rest to the end."""
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        return
    old, new = path.read_text(encoding="utf-8"), text.splitlines(keepends=True)
    last = max([node.end_lineno for node in imports(text)], default=0)
    lines = old.splitlines(keepends=True)
    lines[imports(old)[-1].end_lineno : imports(old)[-1].end_lineno] = new[:last]
    path.write_text("".join([*lines, "\n", *new[last:]]), encoding="utf-8")
    check("uv", "run", "--frozen", "ruff", "check", "-q", "--fix", path, cwd=path.parents[2])


def imports(text: str) -> list[ast.stmt]:
    """Return the import statements at the top level."""
    kinds = ast.Import | ast.ImportFrom
    return [node for node in ast.parse(text).body if isinstance(node, kinds)]


def change_yaml(path: Path, new: dict) -> None:
    """Change the keys of a block and keep all others."""
    old = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(merged(old, new), sort_keys=False), encoding="utf-8")


def merged(old: object, new: object) -> object:
    """Return old with the keys of new; another kind of source has other keys, lists get longer."""
    if isinstance(old, dict) and isinstance(new, dict) and "kind" not in new:
        return old | {key: merged(old.get(key), value) for key, value in new.items()}
    return old + new if isinstance(old, list) and isinstance(new, list) else new


def turn(folder: Path, printed: dict[str, str]) -> Turn:
    """Return what the last turn of the loop left in the reports and the bundle."""
    reports, bundle = folder / "reports", folder / "models" / "bundle"
    pages = [reports / "report.md", reports / "index.html", bundle / "model_card.md"]
    return Turn(
        printed,
        json.loads((reports / "gate.json").read_text(encoding="utf-8")),
        json.loads((reports / "export.json").read_text(encoding="utf-8")),
        {path.name: path.read_text(encoding="utf-8") for path in pages},
        sorted(path.name for path in bundle.iterdir()),
    )


def hash_of(folder: Path) -> str:
    """Return a hash of names and contents, without what Python leaves."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and ".ruff_cache" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def test_nothing_in_the_loop_changed(followed):
    """Own code is in the user's package, named in the user's YAML files."""
    assert hash_of(followed.folder / "loop") == followed.loop_before
    changed = check("git", "status", "--porcelain", cwd=followed.folder)
    own = {"dvc.lock", "dvc.yaml", "gate.yaml", "params.yaml", "pyproject.toml", "uv.lock"}
    files = {line[3:] for line in changed.splitlines()}
    assert {name for name in files if not name.startswith(f"src/{PACKAGE}/")} == own


def test_the_own_source_was_read(followed):
    """With its options: from February on; the model card names it."""
    raw = sorted((followed.folder / "data" / "raw").glob("*.csv"))[1:]
    n_rows = sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in raw)
    assert f"ingest: {n_rows:,} rows" in followed.turns[0].printed["uv run loop repro"]
    assert "Source `months`" in followed.turns[0].texts["model_card.md"]


def test_gate_report_and_card_show_the_own_metric(followed):
    """As metric of the search and floor of the gate."""
    for each in followed.turns:
        floor = each.check("absolute", "top_tenth")
        assert floor["status"] == "pass"
        assert floor["low"] < floor["estimate"] < floor["high"]
        assert floor["threshold"] == 0.35
        assert "top_tenth" in each.printed["uv run loop gate"]
        assert all("top_tenth" in text for text in each.texts.values())
    metrics = json.loads((followed.folder / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["top_tenth"] == pytest.approx(floor["estimate"], abs=1e-6)


def test_gate_and_report_show_the_own_check(followed):
    """Beside those of the loop."""
    for each in followed.turns:
        found = each.check("alarms")
        assert found["status"] == "pass"
        assert found["threshold"] == 0.6
        assert found["message"] in each.printed["uv run loop gate"]
        assert found["message"] in each.texts["report.md"]


@pytest.mark.parametrize(("n", "library"), [*enumerate(LIBRARIES)])
def test_a_model_of_another_library_becomes_onnx(followed, n, library):
    """Equal on every held-out row."""
    each = followed.turns[n]
    assert f"Estimator: `{library}`" in each.texts["model_card.md"]
    assert "model.onnx" in each.bundle
    assert each.export["format"] == "onnx"
    assert each.export["largest_difference"] <= 1e-5
    assert each.verdict["decision"] == "PROMOTE"


@pytest.fixture
def refusal(followed, tmp_path) -> Callable[[dict, str], str]:
    """Return what training says to other parameters, without a text in estimators.py."""
    folder = tmp_path / "project"
    shutil.copytree(followed.folder, folder, ignore=shutil.ignore_patterns(".venv", "bundle"))
    give_environment(folder, followed.folder)

    def ask(params: dict, without: str = "") -> str:
        entries = folder / "src" / PACKAGE / "estimators.py"
        text = entries.read_text(encoding="utf-8")
        assert without in text
        entries.write_text(text.replace(without, ""), encoding="utf-8")
        change_yaml(folder / "params.yaml", params)
        done = run("loop", "repro", "export", cwd=folder, env=activated(folder))
        assert done.returncode != 0
        assert "UsageError: estimators.py: " in done.stderr, done.stderr
        assert "+-" not in done.stdout  # no score
        return done.stderr

    return ask


def test_what_a_converter_cannot_do_is_refused_before_training(refusal):
    """Several trees a round are one of these."""
    grid = {"num_parallel_tree": [3], "subsample": [0.7], "n_estimators": [10]}
    train = {"estimator": "xgboost", "grid": grid}
    said = refusal({"train": train, "export": {"format": "onnx"}})
    assert "leave num_parallel_tree out" in said


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("form", ["onnx", "skops"])
def test_what_an_entry_lacks_is_said_before_training(refusal, library, form):
    """The one word that stands for types, converter and opset."""
    train = {"estimator": library, "grid": None}
    word = f'library="{library}"'
    said = refusal({"train": train, "export": {"format": form}}, f"    {word},\n")
    assert f"Next: add {word} to the entry" in said


def activated(folder: Path) -> dict[str, str]:
    """Return the environment of the project, with the code of this folder."""
    path = f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"
    source = f"{folder / 'src'}:{folder / 'loop' / 'src'}"
    return os.environ | {"PATH": path, "PYTHONPATH": source}


def test_an_own_type_is_served_by_the_container(followed, docker):
    """What the bundle needs is in the image, without a setting; what only training needs is not."""
    last, name = followed.turns[-1], f"own-type:test-{os.getpid()}"
    assert "model.skops" in last.bundle
    assert "top_tenth" in last.texts["model_card.md"]
    assert last.verdict["decision"] == "PROMOTE"
    named = f"--build-arg=BUNDLE_ID={bundle_id(followed.folder)}"
    docker("build", named, *certificates(), "--tag", name, followed.folder)
    # A busy machine answers late; what the budget refuses has tests of its own.
    change_yaml(followed.folder / "gate.yaml", {"budgets": {"latency_p95_ms": {"at_most": 5000}}})
    try:
        env = docker.environment | activated(followed.folder)
        assert "golden rows" in check("loop", "verify-image", name, cwd=followed.folder, env=env)
        assert docker(
            "run", "--rm", name, "python", "-c", "import pandas", succeed=False
        ).returncode
    finally:
        docker("image", "rm", "--force", name)


def test_the_own_tests_of_the_project_pass(followed):
    """They know which own files a stage uses; the code of the page is in good style."""
    for command in (["pytest", "-q", "-n", "0", "tests"], ["ruff", "check", "src"]):
        check(*command, cwd=followed.folder, env=activated(followed.folder))
