"""The user's package is found by its name, and its mistakes are reported as such."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_loop import errors, project


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A folder that names no package."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(project.VARIABLE, raising=False)
    return tmp_path


def test_the_package_is_named_by_the_project(nowhere):
    """In pyproject.toml; a display name is made of it."""
    (nowhere / "pyproject.toml").write_text('[tool.mlops-loop]\npackage = "late_trains"\n')
    assert project.package() == "late_trains"
    assert project.display_name() == "Late Trains"


def test_the_file_is_parsed_once_until_it_changes(nowhere, monkeypatch):
    """A gate asks hundreds of times; a notebook may stay open while the file is edited."""
    parsed, parse = [], project.tomllib.loads
    monkeypatch.setattr(project.tomllib, "loads", lambda text: parsed.append(text) or parse(text))
    names = ("late_trains", "late_buses")
    for name in names:
        (nowhere / "pyproject.toml").write_text(f'[tool.mlops-loop]\npackage = "{name}" # once\n')
        assert [project.package() for _ in range(3)] == [name] * 3
    assert len(parsed) == len(names)


def test_the_environment_names_it_where_there_is_no_project(nowhere, monkeypatch):
    """As in an image."""
    monkeypatch.setenv(project.VARIABLE, "late_trains")
    assert project.package() == "late_trains"


@pytest.mark.parametrize("text", [None, "", "[tool", "[tool.other]\na = 1"])
def test_without_a_name_the_next_step_is_named(nowhere, text):
    """No file, no section, no TOML."""
    if text is not None:
        (nowhere / "pyproject.toml").write_text(text)
    with pytest.raises(errors.UsageError, match=r"names no package.*Next: "):
        project.raw_rows()
    assert project.display_name() == "Model"
    assert project.extension("SOURCES") == {}
    assert project.trusted_types() == ()
    assert project.imported_code() == []


def test_extensions_are_tables_of_the_package(own_package):
    """Each may be left out, as may the module."""
    own_package(extensions="METRICS = {'a': 1}\nTRUSTED_TYPES = ['x.Y']")
    assert project.extension("METRICS") == {"a": 1}
    assert project.extension("SOURCES") == {}
    assert project.trusted_types() == ("x.Y",)


def test_a_package_may_have_no_extensions(own_package):
    """They are optional."""
    own_package()
    assert project.extension("CHECKS") == {}
    assert project.trusted_types() == ()


@pytest.mark.parametrize("value", ["[]", "None", "1", "()"])
def test_a_table_of_another_type_is_refused(own_package, value):
    """By its name."""
    own_package(extensions=f"SOURCES = {value}")
    with pytest.raises(errors.UsageError, match=r"extensions.SOURCES must be a dict, and is"):
        project.extension("SOURCES")


@pytest.mark.parametrize("value", ["'x.Y'", "[int]"])
def test_trusted_types_are_names(own_package, value):
    """A single text would be read letter by letter."""
    own_package(extensions=f"TRUSTED_TYPES = {value}")
    with pytest.raises(errors.UsageError, match="TRUSTED_TYPES must be a list of names"):
        project.trusted_types()


def test_a_missing_module_is_named(own_package):
    """The loop cannot go on without it."""
    own_package()
    with pytest.raises(errors.UsageError, match=r"no module made_up_project\.schema"):
        project.raw_rows()


def test_a_missing_name_is_named(own_package):
    """With the file that should have it."""
    own_package(schema="")
    with pytest.raises(errors.UsageError, match=r"schema\.py has no RawRows"):
        project.raw_rows()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def f(:", r"SyntaxError: .*\(schema\.py, line 1\)"),
        ("a = 1\nb = {}['x']", r"KeyError: 'x' \(schema\.py, line 2\)"),
        ("raise RuntimeError('a\\nb')", r"RuntimeError: a b \(schema\.py, line 1\)"),
        ("raise RuntimeError", r"cannot be imported: RuntimeError \(schema\.py, line 1\)"),
    ],
)
def test_a_module_that_fails_is_reported_with_the_line(own_package, text, reason):
    """Not as a bug of the loop."""
    own_package(schema=text)
    with pytest.raises(errors.UsageError, match=f"made_up_project.schema .*{reason}"):
        project.raw_rows()


def test_a_missing_library_stays_its_own_error(own_package):
    """The command line says what to install."""
    own_package(estimators="import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        project.estimators()


def test_the_line_in_the_package_is_reported_not_that_of_a_library(own_package):
    """The last of the package's own."""
    own_package(features="import json\ndef model_rows(raw):\n    return json.loads(raw)")
    with pytest.raises(ValueError, match="Expecting") as error:
        project.model_rows("{")
    assert project.failure(error.value).endswith("(features.py, line 3)")


def test_a_long_error_is_cut(own_package):
    """A message is read by people."""
    own_package()
    assert len(project.failure(ValueError("x" * 10_000))) <= project.LONGEST


def test_the_imported_code_is_that_of_the_package(own_package):
    """What was imported, and nothing else."""
    own_package(estimators="ESTIMATORS = {}", schema="RawRows = 1")
    project.estimators()
    assert project.imported_code() == [b"", b"ESTIMATORS = {}"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raw.assign(b=1)", "returned NoneType, and not a DataFrame. .* lack `return`.*Next: "),
        ("return raw['a']", "returned Series, and not a DataFrame. Next: "),
    ],
)
def test_features_that_return_no_table_are_refused(own_package, line, reason):
    """Else the first attribute that is asked of it would be the message."""
    own_package(features=f"def model_rows(raw):\n    {line}\n")
    with pytest.raises(errors.UsageError, match=f"features.model_rows {reason}"):
        project.model_rows(pd.DataFrame({"a": [1]}))
