"""Eight questions, each explained; any answer gives a working project or one clear sentence."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, OPTION_SETS, ROOT, TEMPLATE, check, files, generate
from hypothesis import given, settings
from hypothesis import strategies as st

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
QUESTIONS = [name for name in CONTEXT if not name.startswith("_")]
PROMPTS = CONTEXT["__prompts__"]


def load_hook(name: str):
    """Import a hook as it is, unrendered."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "hooks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


validation = load_hook("pre_gen_project")
GOOD = {
    "project_name": "Flight Delays",
    "project_slug": "flight-delays",
    "author_name": "Flight Delays authors",
    "github_owner": "flight-delays-authors",
}


def test_eight_questions_in_order():
    """At most eight questions are asked; the recommended choice is the first."""
    assert QUESTIONS[:4] == ["project_name", "project_slug", "author_name", "github_owner"]
    assert QUESTIONS[4:] == ["task", "dvc_remote", "deploy_target", "license"]
    first = ["classification", "ghcr", "host", "MIT"]
    assert [CONTEXT[q][0] for q in QUESTIONS[4:]] == first


def test_every_question_and_choice_is_explained_in_one_line():
    """The prompts name exactly the questions, and each choice of each."""
    assert list(CONTEXT)[-1] == "__prompts__"
    assert list(PROMPTS) == QUESTIONS
    for question in QUESTIONS[4:]:
        assert list(PROMPTS[question]) == ["__prompt__", *CONTEXT[question]]
        assert all(PROMPTS[question][c].startswith(f"{c}: ") for c in CONTEXT[question])
    texts = [p.values() if isinstance(p, dict) else [p] for p in PROMPTS.values()]
    assert max(len(line) for lines in texts for line in lines) <= 65


def test_answers_are_strings():
    """A choice is compared as a string, so none is a boolean or a number."""
    values = [
        v for q in QUESTIONS for v in (CONTEXT[q] if isinstance(CONTEXT[q], list) else [CONTEXT[q]])
    ]
    assert all(isinstance(value, str) for value in values)


def test_the_option_sets_cover_every_choice():
    """The projects that the tests generate show each choice at least once."""
    for question in QUESTIONS[4:]:
        assert {options[question] for options in OPTION_SETS} == set(CONTEXT[question])


WORKING_NAMES = [
    "Flight Delays",
    "Prévision des retards à Noël",
    "O'Hare & Newark: #1 (50 % late), [beta] *now*",
    "🚀",
    "数据 模型",
    "2013 Flights",
    "A name as long as it may be, that is to say sixty characters",
    "- yes: no",
    "@home %d",
]


@pytest.mark.parametrize("name", WORKING_NAMES)
def test_a_working_name_gives_a_working_project(name, template, tmp_path, monkeypatch):
    """Accents, apostrophes, emoji, digits and signs reach every file without breaking one."""
    monkeypatch.setenv("PATH", "/nonexistent")
    done = generate(template, tmp_path / "out", project_name=name)
    assert done.returncode == 0, done.stderr
    (project,) = (tmp_path / "out").iterdir()
    assert name in (project / "README.md").read_text()
    assert_readable(project)


def assert_readable(project: Path):
    """Every TOML, YAML and JSON file parses, and the package imports under its own name."""
    metadata = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert metadata["name"] == project.name
    for path in project.rglob("*"):
        if path.suffix in {".yaml", ".yml"}:
            list(yaml.safe_load_all(path.read_text()))
        if path.suffix == ".json":
            json.loads(path.read_text())
    (package,) = (project / "src").iterdir()
    assert package.name == project.name.replace("-", "_")
    code = f"import {package.name}"
    subprocess.run([sys.executable, "-c", code], cwd=project / "src", check=True, timeout=60)


REFUSED = {
    "no name": {"project_name": " "},
    "space before": {"project_name": " Flights"},
    "double quote": {"project_name": 'Flight "Delays"'},
    "triple quotes": {"project_name": '"""; import os #'},
    "backslash": {"project_name": "Flight\\Delays"},
    "new line": {"project_name": "Flight\nDelays"},
    "null-like control": {"project_name": "Flight\x07"},
    "line separator": {"project_name": "Flight\u2028Delays"},
    "reordering": {"project_name": "Flight\u202eDelays"},
    "template sign": {"author_name": "a > b"},
    "shell": {"author_name": "$(id)"},
    "backtick": {"author_name": "`id`"},
    "expression": {"author_name": "${{ github.token }}"},
    "long name": {"project_name": "x" * 61},
    "author quote": {"author_name": 'Ann "A" Author'},
    "slug with capitals": {"project_slug": "Flights"},
    "slug with a space": {"project_slug": "flight delays"},
    "slug with an accent": {"project_slug": "früh"},
    "slug with underscore": {"project_slug": "flight_delays"},
    "slug with a leading digit": {"project_slug": "2013-flights"},
    "slug with a leading hyphen": {"project_slug": "-flights"},
    "slug with two hyphens": {"project_slug": "flight--delays"},
    "slug above": {"project_slug": "../flights"},
    "keyword": {"project_slug": "lambda"},
    "soft keyword": {"project_slug": "match"},
    "yaml word": {"project_slug": "null"},
    "stdlib": {"project_slug": "json"},
    "tests": {"project_slug": "test"},
    "loop": {"project_slug": "loop"},
    "tool": {"project_slug": "dvc"},
    "dependency": {"project_slug": "scikit-learn"},
    "import name": {"project_slug": "sklearn"},
    "long slug": {"project_slug": "a" * 41},
    "owner with a space": {"github_owner": "an owner"},
    "owner with two hyphens": {"github_owner": "an--owner"},
    "owner too long": {"github_owner": "o" * 40},
    "no owner": {"github_owner": ""},
}


@pytest.mark.parametrize("answers", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_answer_is_one_sentence(answers):
    """The sentence names the question and the value, and says what is allowed or what to try."""
    sentence = validation.complaint(GOOD | answers)
    ((question, value),) = answers.items()
    assert sentence.startswith(question)
    assert repr(value) in sentence or not value.strip()
    assert "\n" not in sentence
    assert re.search(r"allowed|allows|try|remove|give", sentence)


def test_good_answers_are_accepted():
    """What cookiecutter.json proposes passes."""
    assert validation.complaint(GOOD) is None


HOSTILE = [
    {"project_name": '"""; import os #'},
    {"project_name": "a'''b\\"},
    {"project_name": "Flight\nDelays"},
    {"author_name": "${{ github.token }}"},
    {"project_slug": "json"},
    {"project_slug": "../flights"},
    {"github_owner": "'; print(1) #"},
]


@pytest.mark.parametrize("answers", HOSTILE, ids=str)
def test_a_refusal_leaves_nothing_behind(answers, template, tmp_path):
    """The real command prints one sentence, no traceback of the hook, and writes nothing."""
    output = tmp_path / "work" / "out"
    output.mkdir(parents=True)
    done = generate(template, output, **answers)
    assert done.returncode == 1
    assert done.stderr.startswith("Nothing was generated. ")
    assert files(tmp_path) == [] and list(output.parent.iterdir()) == [output]
    assert "Error:" not in done.stderr.split("\n")[0]


@settings(deadline=None)
@given(st.text(max_size=100))
def test_no_name_breaks_the_rendered_hook(name):
    """Whatever is typed, the answers reach the validation unchanged."""
    assert rendered_answers(project_name=name)["project_name"] == name


def rendered_answers(**answers: str) -> dict[str, str]:
    """Render the hook as cookiecutter does and return the answers that it reads."""
    from cookiecutter.utils import create_env_with_context

    context = {"cookiecutter": CONTEXT | GOOD | answers}
    source = (ROOT / "hooks" / "pre_gen_project.py").read_text()
    space = {"__name__": "rendered"}
    exec(create_env_with_context(context).from_string(source).render(**context), space)  # noqa: S102
    return json.loads(space["ANSWERS"])


def test_a_name_without_letters_gets_a_slug(template, tmp_path, monkeypatch):
    """The proposed slug is one that the validation accepts."""
    monkeypatch.setenv("PATH", "/nonexistent")
    generate(template, tmp_path, project_name="🚀")
    assert [p.name for p in tmp_path.iterdir()] == ["ml-project"]


def test_every_installed_package_is_refused_as_slug(baked):
    """A project named as one of its dependencies could not be locked."""
    lock = tomllib.loads((baked(DEFAULTS) / "uv.lock").read_text())
    names = {package["name"] for package in lock["package"]} - {"flight-delays"}
    accepted = {name for name in names if validation.slug_complaint(name) is None}
    assert accepted == set(), "add them to INSTALLED in hooks/pre_gen_project.py"


def test_every_module_beside_the_package_is_refused_as_slug():
    """A package of that name would be hidden by the loop, or by a fixture of its tests."""
    fixtures = (TEMPLATE / "loop" / "tests" / "fixtures").glob("*.py")
    assert {"loop", "mlops_loop", *(path.stem for path in fixtures)} <= validation.TAKEN


@pytest.mark.parametrize(
    ("cookiecutter_version", "python_version", "expected"),
    [
        ("2.5.0", (3, 11), "2.6"),
        ("1.7.3", (3, 12), "2.6"),
        ("2.6.0", (3, 10), "3.11"),
        ("2.6.0", (3, 11), None),
        ("2.10.1", (3, 14), None),
    ],
)
def test_old_tools_are_refused_before_the_first_question(
    cookiecutter_version, python_version, expected
):
    """One sentence says which version is needed."""
    sentence = load_hook("pre_prompt").complaint(cookiecutter_version, python_version)
    assert sentence is None if expected is None else expected in sentence


def test_the_version_gate_passes_this_cookiecutter():
    """The hook runs as a script, unrendered."""
    check(sys.executable, ROOT / "hooks" / "pre_prompt.py", cwd=ROOT)
