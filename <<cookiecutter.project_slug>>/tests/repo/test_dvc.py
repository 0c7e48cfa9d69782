"""`dvc.yaml` is the architecture: stages, what they use and what they write are the truth."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
import yaml

from mlops_loop import cli

PACKAGE = Path(cli.__file__).parent
STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
PARAMS = yaml.safe_load(Path("params.yaml").read_text())
WITHOUT_EFFECT = {
    "errors.py": "messages only",
    "params.py": "the values themselves are declared as params",
    "files.py": "how files are read and written, not what is in them",
}


def outs(stage: str) -> list[str]:
    found = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return [path for out in found for path in ([out] if isinstance(out, str) else out)]


def deps(stage: str) -> list[str]:
    watch = PARAMS["source"]["watch"]
    return [dep.replace("${source.watch}", watch) for dep in STAGES[stage]["deps"]]


def used_modules(path: Path) -> set[str]:
    """Modules and templates that `path` uses; constants of other stages are wiring."""
    if path.suffix != ".py":
        return set()
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and str(node.value).endswith(".jinja"):
            found.add((path.parent / node.value).relative_to(PACKAGE).as_posix())
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = path.parents[node.level - 1]
            for name in (alias.name for alias in node.names):
                module = folder / (node.module or name).replace(".", "/")
                inner = module / name
                file = next(f for f in (inner, module) if f.with_suffix(".py").exists())
                if not name.isupper():
                    found.add(file.with_suffix(".py").relative_to(PACKAGE).as_posix())
    return found


def all_used(name: str) -> set[str]:
    """A module of the package and all that it uses, in turn."""
    found, new = set(), {name}
    while new:
        found |= new
        new = set().union(*(used_modules(PACKAGE / name) for name in new)) - found
    return found


def test_the_stages_are_verbs_of_the_command_line():
    """In the same order, each called by its name."""
    assert list(STAGES) == list(cli.STAGES)
    for name, stage in STAGES.items():
        assert stage["cmd"] == f"python -m {cli.__package__} {name}"
        assert stage["desc"]


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_are_in_the_tree_or_written_by_an_earlier_stage(stage):
    """A typing error in a path would be an error of every run."""
    before = list(STAGES)[: list(STAGES).index(stage)]
    written = {out for name in before for out in outs(name)}
    assert [dep for dep in deps(stage) if dep not in written and not Path(dep).exists()] == []


@pytest.mark.parametrize("stage", STAGES)
def test_parameters_are_in_params_yaml(stage):
    """Each key that a stage declares."""
    for key in STAGES[stage].get("params", []):
        section = PARAMS
        for part in key.split("."):
            assert part in section, key
            section = section[part]


@pytest.mark.parametrize("stage", STAGES)
def test_outputs_are_the_constants_of_the_module(stage):
    """A path is written once in code and once in dvc.yaml, and both say the same."""
    module = importlib.import_module(f"{cli.__package__}.pipeline.{stage}")
    constants = {
        v.as_posix() for k, v in vars(module).items() if k.isupper() and isinstance(v, Path)
    }
    covered = {c for c in constants for out in outs(stage) if c == out or c.startswith(f"{out}/")}
    for out in outs(stage):
        assert any(c == out or c.startswith(f"{out}/") for c in covered), out


@pytest.mark.parametrize("stage", STAGES)
def test_every_module_that_a_stage_uses_is_among_its_dependencies(stage):
    """A change of code runs again what it changes; the exceptions have a reason."""
    declared = {
        Path(dep).relative_to(Path("src") / PACKAGE.name).as_posix()
        for dep in deps(stage)
        if dep.startswith("src/")
    }
    used = all_used(f"pipeline/{stage}.py") - set(WITHOUT_EFFECT)
    assert used - declared == set()
    assert declared - used == set()


def test_no_output_is_written_twice():
    """Every file belongs to one stage."""
    written = [out for stage in STAGES for out in outs(stage)]
    assert len(set(written)) == len(written)
