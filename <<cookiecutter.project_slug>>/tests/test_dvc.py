"""`dvc.yaml` fits the code: each stage depends on the files that it uses, and on no others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from mlops_loop import cli, paths, project

STAGES = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
LOOP, OWN = Path("loop/src/mlops_loop"), Path("src", project.package())
PACKAGES = {LOOP.name: LOOP, OWN.name: OWN}
WITHOUT_EFFECT = {
    "errors.py": "messages only",
    "files.py": "how files are read and written, not what is in them",
    "params.py": "the values themselves are declared as params",
    "paths.py": "the paths themselves are declared as outs",
    "project.py": "the modules that it imports are followed",
    "sections.py": "as params.py",
    "source_params.py": "as params.py",
    "stage_params.py": "as params.py",
    "text.py": "messages only",
}
# Modules of the loop for your features: declared, and used only where yours need them.
HELPERS = {LOOP / "pipeline" / "dates.py"}


def outs(stage: str) -> list[str]:
    """The files that a stage writes."""
    listed = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return [path for out in listed for path in ([out] if isinstance(out, str) else out)]


def deps(stage: str) -> list[str]:
    """The files and folders that a stage declares."""
    source = PARAMS["source"]["fingerprint"]
    return [dep.replace("${source.fingerprint}", source) for dep in STAGES[stage]["deps"]]


def file_of(module: str) -> Path | None:
    """The file of a module of either package; None for one of a library, or none."""
    package, *rest = module.split(".")
    if not rest or package not in PACKAGES:
        return None
    path = PACKAGES[package].joinpath(*rest)
    return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()), None)


def imported(node: ast.AST, path: Path) -> set[Path | None]:
    """Files that an import statement names."""
    if isinstance(node, ast.Import):
        return {file_of(alias.name) for alias in node.names}
    if not isinstance(node, ast.ImportFrom):
        return set()
    package = ".".join([path.parent.name] * bool(node.level) + [node.module or ""]).strip(".")
    return {file_of(f"{package}.{alias.name}") or file_of(package) for alias in node.names}


def own_modules() -> dict[str, set[Path | None]]:
    """By function of project.py the modules of the user's that it imports, or lets skops import."""
    body = ast.parse((LOOP / "project.py").read_text(encoding="utf-8")).body
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    texts = {f.name: [getattr(node, "value", "") for node in ast.walk(f)] for f in functions}
    modules = ("schema", "features", "estimators", "extensions")
    found = {f: {OWN / f"{m}.py" for m in modules if m in values} for f, values in texts.items()}
    names = (*project.trusted_types(), *project.types_of_estimators())
    types = {file_of(name.rpartition(".")[0]) for name in names}
    return found | {"trusted_types": found["trusted_types"] | types}


def uses(path: Path) -> set[Path]:
    """Files that a module uses: modules, templates, and the user's modules by way of project.py."""
    if path.suffix != ".py":
        return set()
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        found |= imported(node, path)
        if isinstance(node, ast.Constant) and str(node.value).endswith(".jinja"):
            found.add(path.parent / node.value)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "project":
            found |= own_modules().get(node.attr, set())
    if path.parent == OWN and path.stem in ("estimators", "extensions"):  # the stage has the loop's
        found = {file for file in found if file and file.is_relative_to(OWN)}
    return {file for file in found if file} - {LOOP / name for name in WITHOUT_EFFECT}


def all_used(stage: str) -> set[Path]:
    """The module of a stage and all that it uses, in turn."""
    found: set[Path] = set()
    new = {LOOP / "pipeline" / f"{stage}.py"}
    while new:
        found |= new
        new = set().union(*map(uses, new)) - found
    return found


def test_the_stages_are_commands_of_the_loop():
    """In the same order, each called by its name."""
    assert [name for name in cli.MODULES["pipeline"] if name in STAGES] == list(STAGES)
    assert {name: f"loop {name}" for name in STAGES} == {n: s["cmd"] for n, s in STAGES.items()}
    assert all(stage["desc"] for stage in STAGES.values())


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
def test_outputs_are_paths_of_the_loop(stage):
    """A path is written once in paths.py and once in dvc.yaml, and both say the same."""
    known = {path for name, path in vars(paths).items() if name.isupper()}
    assert [out for out in outs(stage) if not any(p.is_relative_to(out) for p in known)] == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_that_a_stage_uses_is_among_its_dependencies(stage):
    """A change of code runs again what it changes; a folder stands for all that is in it."""
    declared = [Path(dep) for dep in deps(stage) if dep.startswith(("src/", "loop/"))]
    used = all_used(stage)
    assert {file for file in used if not any(map(file.is_relative_to, declared))} == set()
    unused = {dep for dep in declared if not any(file.is_relative_to(dep) for file in used)}
    assert unused <= HELPERS


def test_no_output_is_written_twice():
    """Every file belongs to one stage."""
    written = [out for stage in STAGES for out in outs(stage)]
    assert len(set(written)) == len(written)
