"""What can be converted to ONNX: the table in loop/docs/onnx.md.

`.venv/bin/python -m pytest tests/test_onnx.py --refresh` converts every case, which takes minutes,
and writes it. Without, the models that most people use are converted and held to it.
"""

import json
import os
import re
import shutil
from typing import Any

import pytest
from conftest import DEFAULTS, ROOT, TEMPLATE, check, environment_of, require_tool

# Beside what a project has; their own needs are there. Newer ones: see "Updating tools".
LIBRARIES = ("lightgbm==4.7.0", "xgboost-cpu==3.2.0", "onnxmltools==1.16.0")
SHARED = ("onnxconverter-common==1.16.0",)
PAGE = TEMPLATE / "loop" / "docs" / "onnx.md"
BEGIN, END = "<!-- begin of conversions -->\n", "<!-- end of conversions -->\n"
CASES = ROOT / "tests" / "conversions" / "convert.py"
TARGETS = ("two classes", "three classes", "number")
COMMON = {
    "HistGradientBoostingClassifier": "raw",
    "HistGradientBoostingRegressor": "raw",
    "RandomForestClassifier": "filled",
    "RandomForestRegressor": "filled",
    "LogisticRegression": "scaled",
    "Ridge": "scaled",
    "LGBMClassifier": "raw",
    "XGBClassifier": "raw",
}
CAUGHT = re.compile(r"(.*?)(?: The exported model differs|: |$)")


@pytest.fixture(scope="module")
def outcomes(baked, module_path, request) -> list[dict[str, Any]]:
    """Convert cases in a project's environment; the versions of libraries come first."""
    require_tool("uv")
    folder = module_path / "flight-delays"
    shutil.copytree(baked(DEFAULTS), folder, ignore=shutil.ignore_patterns(".venv"))
    check("uv", "sync", "--frozen", "--quiet", cwd=folder)
    more = folder / "libraries"
    install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", more]
    check(*install, *LIBRARIES, *SHARED, cwd=folder)
    own = environment_of(folder)
    own |= {"PYTHONPATH": os.pathsep.join([own["PYTHONPATH"], str(more)]), "OMP_NUM_THREADS": "1"}
    only = () if request.config.getoption("--refresh") else [f"{n} {k}" for n, k in COMMON.items()]
    printed = check("python", CASES, *only, cwd=folder, env=own, timeout=1800)
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def tables(outcomes: list[dict[str, Any]]) -> str:
    """Return the versions, and a table for each library."""
    versions, *cases = outcomes
    parts = ["With " + ", ".join(f"{name} {text}" for name, text in versions.items()) + "."]
    for library in dict.fromkeys(case["library"] for case in cases):
        rows = [row(case) for case in cases if case["library"] == library]
        head = ["| estimator | numbers | outcome | likely cause |", "|---|---|---|---|"]
        parts += [f"### {library}", "\n".join([*head, *rows])]
    return "\n\n".join(parts) + "\n"


def row(case: dict[str, Any]) -> str:
    """Return the row of a case: one outcome where all kinds of target have the same."""
    found = {t: case[t]["outcome"] for t in TARGETS if case[t].get("outcome")}
    words = list(dict.fromkeys(found.values()))
    if len(words) > 1:
        words = [f"{outcome} ({target})" for target, outcome in found.items()]
    causes = [why(case[t]) for t in found if case[t]["outcome"] == "caught"]
    cells = [
        f"`{case['name']}`",
        case["numbers"],
        ", ".join(words),
        " ".join(dict.fromkeys(causes)),
    ]
    return "| " + " | ".join(cells) + " |"


def why(found: dict[str, str]) -> str:
    """Return the first sentence of a message: the likely cause."""
    reason = CAUGHT.match(found["why"])[1]
    return reason if reason.endswith(".") else f"{reason}."


def test_the_proof_sees_every_wrong_conversion(outcomes, request):
    """No model passes the loop's proof and answers otherwise on rows that are made otherwise."""
    cases = outcomes[1:]
    assert len(cases) > (150 if request.config.getoption("--refresh") else 7)
    wrong = [
        f"{case['library']}: {case['name']}, {case['numbers']}, {target}: {case[target]['why']}"
        for case in cases
        for target in TARGETS
        if case[target].get("outcome") == "wrong"
    ]
    assert wrong == []


def test_each_case_was_converted_for_some_target(outcomes):
    """A case that cannot be fitted proves nothing."""
    cases = outcomes[1:]
    nothing = [c["name"] for c in cases if not any(c[t].get("outcome") for t in TARGETS)]
    assert nothing == []


@pytest.mark.parametrize(("name", "numbers"), COMMON.items())
def test_the_models_that_most_people_use_are_exported(outcomes, name, numbers):
    """With the numbers that suit them."""
    [case] = [c for c in outcomes[1:] if (c["name"], c["numbers"]) == (name, numbers)]
    assert {case[t]["outcome"] for t in TARGETS if case[t]} == {"exact"}


def test_the_page_has_the_tables(outcomes, request):
    """With the versions of a new project, and in words of now; `--refresh` writes them."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    if request.config.getoption("--refresh"):
        new = f"{before}{BEGIN}\n{tables(outcomes)}\n{END}{rest.split(END)[1]}"
        PAGE.write_text(new, encoding="utf-8")
    shown = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in tables(outcomes).splitlines() if line not in shown] == []
