"""Scores come in one shape from ONNX and from skops, and a foreign type is not loaded."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import skops.io
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlops_loop import errors, files
from mlops_loop.model import contract, predictor
from mlops_loop.pipeline import export

X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
CLASSES = {"binary": ("no", "yes"), "multi-class": ("a", "b", "c"), "regression": ()}


def fitted(kind: str):
    if kind == "regression":
        return make_pipeline(LinearRegression()).fit(X, X[:, 0] * 2)
    return make_pipeline(LogisticRegression()).fit(X, np.arange(len(X)) % len(CLASSES[kind]))


def write(kind: str, form: str, folder) -> None:
    if form == "skops":
        return files.write_skops(fitted(kind), folder / "model.skops")
    columns = tuple(contract.Column(name, "number") for name in "ab")
    task = "classification" if CLASSES[kind] else "regression"
    whole = contract.Contract(task, "y", columns, CLASSES[kind])
    return export.write_onnx(fitted(kind), whole, folder)


@pytest.mark.parametrize(
    ("form", "n_rows"),
    [("onnx", 0), ("onnx", 1), ("onnx", 60), ("skops", 0), ("skops", 1), ("skops", 60)],
)
@pytest.mark.parametrize("kind", CLASSES)
def test_scores_have_one_shape(tmp_path, kind, form, n_rows):
    """Probabilities by class, or one number a row; ONNX also takes no rows."""
    write(kind, form, tmp_path)
    scores = predictor.load_predictor(tmp_path).scores(X[:n_rows])
    wanted = predictor.raw_scores(fitted(kind), X)[:n_rows]
    assert scores.shape == ((n_rows, len(CLASSES[kind])) if CLASSES[kind] else (n_rows,))
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def double(x):
    return 2 * x


def test_a_type_that_is_not_trusted_is_refused(tmp_path):
    """Loading would run code that nobody has read; the message names it."""
    pipeline = make_pipeline(FunctionTransformer(double), DummyRegressor()).fit(X, X[:, 0])
    skops.io.dump(pipeline, tmp_path / "model.skops")
    with pytest.raises(errors.NoValidBundle, match=r"not trusted: .*double.*TRUSTED_TYPES"):
        predictor.load_predictor(tmp_path)


OWN_MODEL = """
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

class Median(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.median_ = float(np.median(y))
        return self

    def predict(self, x):
        return np.full(len(x), self.median_)
"""


@pytest.fixture
def own_model(tmp_path, own_package):
    """A bundle's folder with a model of a type of the user's; gives the folder of the package."""
    package = own_package(models=OWN_MODEL)
    median = importlib.import_module(f"{package.name}.models").Median()
    files.write_skops(make_pipeline(median).fit(X, X[:, 0]), tmp_path / "model.skops")
    return package


def test_a_type_that_the_project_trusts_is_loaded(tmp_path, own_model, own_package):
    """Named in `extensions.TRUSTED_TYPES`."""
    name = f"{own_model.name}.models.Median"
    own_package(models=OWN_MODEL, extensions=f"TRUSTED_TYPES = [{name!r}]")
    scores = predictor.load_predictor(tmp_path).scores(X)
    np.testing.assert_allclose(scores, np.median(X[:, 0]), rtol=1e-6)


ENTRY = """
from mlops_loop.pipeline.model_pipeline import Estimator
from made_up_project.models import Median

ESTIMATORS = {{"median": Estimator(Median, trusted=[{name!r}])}}
"""


def test_a_type_that_an_estimator_names_is_loaded(tmp_path, own_model, own_package):
    """In its entry, and nowhere else; a library of another entry may be imported there as well."""
    entry = ENTRY.format(name="made_up_project.models.Median")
    own_package(models=OWN_MODEL, extensions="", estimators=entry)
    assert predictor.load_predictor(tmp_path).scores(X).shape == (60,)
    own_package(models=OWN_MODEL, extensions="", estimators=ENTRY.format(name="other.Median"))
    with pytest.raises(errors.NoValidBundle, match=r"not trusted: .*trusted= of the estimator"):
        predictor.load_predictor(tmp_path)


def test_estimators_are_not_imported_where_extensions_name_the_type(
    tmp_path, own_model, own_package
):
    """They may import what a container has not; without the name that is the message."""
    names = "TRUSTED_TYPES = ['made_up_project.models.Median']"
    lacking = "import no_such_library"
    own_package(models=OWN_MODEL, extensions=names, estimators=lacking)
    assert predictor.load_predictor(tmp_path).scores(X).shape == (60,)
    own_package(models=OWN_MODEL, extensions="", estimators=lacking)
    with pytest.raises(errors.NoValidBundle, match=r"estimators\.py .*'no_such.*TRUSTED_TYPES"):
        predictor.load_predictor(tmp_path)


@pytest.mark.parametrize(
    ("extensions", "reason"),
    [
        ("", r"not trusted: made_up_project\.models\.Median\. Next: "),
        ("TRUSTED_TYPES = ['made_up_project.models.Mean']", r"not trusted: .*Median"),
        ("import no_such_library", "imports 'no_such_library', which is not installed here"),
        ("1 / 0", "ZeroDivisionError"),
        ("TRUSTED_TYPES = 'made_up_project.models.Median'", "must be a list of names"),
    ],
)
@pytest.mark.usefixtures("own_model")
def test_a_type_that_the_project_does_not_trust_is_refused(
    tmp_path, own_package, extensions, reason
):
    """The bundle is not valid here, whatever the reason."""
    own_package(models=OWN_MODEL, extensions=extensions)
    with pytest.raises(errors.NoValidBundle, match=reason):
        predictor.load_predictor(tmp_path)


def test_the_project_is_not_asked_about_known_types(tmp_path, own_package):
    """A container needs the user's package only for types of the user's."""
    own_package(extensions="1 / 0")
    write("binary", "skops", tmp_path)
    assert predictor.load_predictor(tmp_path).scores(X).shape == (60, 2)


def test_a_folder_without_a_model_is_refused(tmp_path):
    """The message names the files that were looked for."""
    with pytest.raises(errors.NoValidBundle, match=r"No model.onnx or model.skops"):
        predictor.load_predictor(tmp_path)


def test_skops_files_have_the_same_bytes_every_time(tmp_path):
    """No time of day is left in them."""
    model = make_pipeline(DummyClassifier()).fit(X, X[:, 0] > 0)
    for name in "ab":
        files.write_skops(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("content", [b"", b"damaged", b"PK\x03\x04 half a file"], ids=repr)
@pytest.mark.parametrize("name", predictor.PREDICTORS)
def test_a_damaged_model_is_reported_in_one_sentence(tmp_path, name, content):
    """With the file and the next command, whatever the library raises."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.NoValidBundle, match=rf"^\S+{name} cannot be read: .+Next") as error:
        predictor.load_predictor(tmp_path)
    assert len(str(error.value).splitlines()) == 1
