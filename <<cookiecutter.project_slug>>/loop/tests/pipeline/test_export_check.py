"""What training and export would refuse of an estimator is refused before, all of it at once."""

from __future__ import annotations

import importlib
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import ensemble, gaussian_process
from sklearn.ensemble import HistGradientBoostingRegressor, StackingClassifier
from sklearn.linear_model import HuberRegressor, LogisticRegression, Ridge

from mlops_loop import errors, project
from mlops_loop.pipeline import export_check, libraries, preflight
from mlops_loop.pipeline.libraries import Library
from mlops_loop.pipeline.model_pipeline import Estimator

pytestmark = pytest.mark.usefixtures("rows_as_they_are")
# Models that skl2onnx does not know, and their converter, which is that of scikit-learn's.
MODELS = """
from sklearn.linear_model import LogisticRegression, Ridge
from skl2onnx import update_registered_converter
from skl2onnx.common import shape_calculator as shapes
from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier

class Mine(LogisticRegression):
    pass

class Odd(LogisticRegression):
    def fit(self, x, y):
        self.where_ = (value for value in ())
        return super().fit(x, y)

def register(newest=99, returned=None):
    def convert(scope, operator, container):
        if container.target_opset_any_domain("ai.onnx.ml") > newest:
            raise RuntimeError("this opset is too new")
        convert_sklearn_linear_classifier(scope, operator, container)

    update_registered_converter(
        Mine, "MadeUpMine", shapes.calculate_linear_classifier_output_shapes, convert,
        options={"nocl": [True, False], "zipmap": [True, False], "raw_scores": [True, False]},
    )
    return returned
"""
MINE = "made_up_project.models.Mine"
TRUST = rf'read their code, then add trusted=\["{MINE}"\] to the entry'


@pytest.fixture
def models(own_package):
    """The module above as one of the user's package."""
    return importlib.import_module(f"{own_package(models=MODELS).name}.models")


@pytest.fixture
def refusal(make_params, monkeypatch):
    """`refusal(entry)`: what the first command says to an entry of estimators.py; "" for nothing.

    kind: of target. Other arguments are parameters, as `train.calibrate`.
    """

    def ask(entry: Estimator, kind: str = "binary", **changes: object) -> str:
        monkeypatch.setattr(project, "estimators", lambda: {"own": entry})
        usual: dict[str, object] = {"train.estimator": "own", "train.grid": None}
        try:
            preflight.check(make_params(kind, usual | changes))
        except errors.UsageError as error:
            return str(error)
        return ""

    return ask


@pytest.fixture
def library(monkeypatch):
    """`library(register)`: the user's package is a library that the loop knows."""

    def know(register: object) -> None:
        known = Library("made-up", (MINE,), partial(register, returned={"ai.onnx.ml": 3}))
        monkeypatch.setitem(libraries.LIBRARIES, "made_up_project", known)
        monkeypatch.setattr(export_check, "find_spec", lambda name: name)

    return know


def lines(message: str) -> SimpleNamespace:
    """What is wrong, and what to do, each a list."""
    what, _, steps = message.partition(" Next: ")
    return SimpleNamespace(what=what.split("; "), steps=steps.split("; "))


@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_all_that_an_own_class_lacks_is_said_at_once(models, refusal, kind):
    """Its type and its converter, with what to add."""
    said = lines(refusal(Estimator(models.Mine, numbers="scaled"), kind))
    assert len(said.what) == len(said.steps) == 2
    assert said.what[0].startswith("estimators.py: 'own' would be refused after training: ")
    assert f"not trusted ({MINE})" in said.what[0]
    assert "ONNX cannot express a pipeline with Mine" in said.what[1]
    assert said.steps[0] == f'read their code, then add trusted=["{MINE}"] to the entry'
    assert "onnx= in estimators.py" in said.steps[1]


def test_a_complete_entry_is_taken(models, refusal):
    """With its type, its converter, and the opset that it writes."""
    register = partial(models.register, 3, {"ai.onnx.ml": 3})
    entry = Estimator(models.Mine, numbers="scaled", trusted=[MINE], onnx=register)
    assert refusal(entry) == ""
    assert refusal(entry, **{"train.calibrate": "sigmoid", "train.class_weight": "balanced"}) == ""


def test_types_of_extensions_count_too(models, own_package, refusal):
    """A project that names them there goes on."""
    own_package(models=MODELS, extensions=f"TRUSTED_TYPES = [{MINE!r}]")
    again = importlib.import_module("made_up_project.models")
    assert refusal(Estimator(again.Mine, numbers="scaled", onnx=again.register)) == ""


def test_skops_needs_no_converter(models, refusal):
    """Only the type is asked for."""
    own = {"export.format": "skops"}
    assert len(lines(refusal(Estimator(models.Mine, numbers="scaled"), **own)).what) == 1
    assert refusal(Estimator(models.Mine, numbers="scaled", trusted=[MINE]), **own) == ""


@pytest.mark.parametrize("returned", [None, {"ai.onnx.ml": 4}, {"": 18}])
def test_an_opset_that_is_too_new_is_refused_with_one_that_works(models, refusal, returned):
    """The newest that the converter can write."""
    register = partial(models.register, 2, returned)
    said = refusal(Estimator(models.Mine, numbers="scaled", trusted=[MINE], onnx=register))
    assert "this opset is too new" in said
    assert said.endswith('Next: let its onnx= return {"ai.onnx.ml": 2}')


@pytest.mark.parametrize(
    ("onnx", "reason"),
    [
        (lambda: 1 / 0, "its converter cannot be registered: ZeroDivisionError"),
        (lambda: 3, "onnx= returned 3. Next: let it return the opset"),
        (lambda: __import__("no_such_library"), "needs 'no_such_library', which is not installed"),
    ],
)
def test_a_registration_that_fails_is_refused(models, refusal, onnx, reason):
    """With what it raised."""
    assert reason in refusal(Estimator(models.Mine, trusted=[MINE], numbers="scaled", onnx=onnx))


def test_a_known_library_needs_its_name_only(models, library, refusal):
    """Without the name, the name is what to add, and not types and a converter."""
    library(models.register)
    said = lines(refusal(Estimator(models.Mine, numbers="scaled")))
    assert said.steps == ['add library="made_up_project" to the entry']
    entry = Estimator(models.Mine, numbers="scaled", library="made_up_project")
    assert refusal(entry) == ""
    assert entry.trusted_types == (MINE,)


def test_a_missing_package_of_converters_is_said_with_the_rest(
    models, library, refusal, monkeypatch
):
    """And is not needed for skops."""
    library(models.register)
    monkeypatch.setattr(export_check, "find_spec", lambda name: None)
    said = lines(refusal(Estimator(models.Mine, numbers="scaled")))
    assert said.steps == [
        'add library="made_up_project" to the entry',
        "uv add --group pipeline onnxmltools",
    ]
    entry = Estimator(models.Mine, numbers="scaled", library="made_up_project")
    assert lines(refusal(entry)).steps == ["uv add --group pipeline onnxmltools"]
    assert refusal(entry, **{"export.format": "skops"}) == ""


def test_what_skops_cannot_write_is_refused(models, refusal):
    """As a generator in an attribute."""
    said = refusal(Estimator(models.Odd, numbers="scaled"), **{"export.format": "skops"})
    assert "skops cannot write Odd: " in said


def make_gaussian(random_state: int) -> gaussian_process.GaussianProcessClassifier:
    return gaussian_process.GaussianProcessClassifier(random_state=random_state)


def test_a_model_of_scikit_learn_that_onnx_lacks_is_refused(refusal):
    """Before training, unless it is exported as it is."""
    entry = Estimator(make_gaussian, numbers="scaled")
    assert "ONNX cannot express a pipeline with GaussianProcessClassifier" in refusal(entry)
    assert refusal(Estimator(ensemble.ExtraTreesClassifier, numbers="filled")) == ""


@pytest.mark.parametrize(
    ("entry", "changes"),
    [
        (Estimator(partial(HistGradientBoostingRegressor, loss="poisson")), {}),
        (Estimator(HistGradientBoostingRegressor), {"train.grid": {"loss": ["poisson"]}}),
    ],
    ids=["option", "grid"],
)
def test_a_known_fault_of_a_converter_is_refused(refusal, entry, changes):
    """Where the made rows show it."""
    said = refusal(entry, "regression", **changes)
    assert "leaves out the exponential function of this loss. Next: choose another loss" in said
    assert refusal(entry, "regression", **changes | {"export.format": "skops"}) == ""


def test_a_fault_that_the_rows_do_not_show_is_left_to_the_export(refusal, monkeypatch):
    """A rule alone refuses nothing."""
    entry = Estimator(ensemble.ExtraTreesClassifier, numbers="filled")
    monkeypatch.setattr(export_check.causes, "known_fault", lambda _: export_check.causes.OTHER)
    assert refusal(entry) == ""


def two(random_state: int) -> StackingClassifier:
    members = [("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))]
    return StackingClassifier(members, cv=2)


@pytest.mark.parametrize(
    ("make", "kind"), [(two, "binary"), (two, "multi-class"), (HuberRegressor, "regression")]
)
def test_models_of_many_kinds_are_taken(refusal, make, kind):
    """One that is made of others, and one that wants to converge."""
    made = make if make is two else (lambda random_state: make())
    assert refusal(Estimator(made, numbers="scaled"), kind) == ""


class Picky(Ridge):
    """Cannot be fitted to as few rows as these."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> Picky:
        if len(y) < 1000:
            raise ValueError("too few rows")
        return super().fit(x, y)


def test_a_model_that_cannot_be_fitted_to_made_rows_is_left_to_training(refusal):
    """It knows the rows."""
    assert refusal(Estimator(lambda random_state: Picky()), "regression") == ""


def test_the_estimators_of_a_new_project_are_not_fitted(monkeypatch, make_params, estimators):
    """They are known, and the first command is as quick as before."""
    monkeypatch.setattr(export_check, "_fitted", lambda *given: pytest.fail("fitted"))
    for kind in ("binary", "regression"):
        make_params(kind)
        for name in estimators():
            preflight.check(make_params(kind, {"train.estimator": name, "train.grid": None}))
