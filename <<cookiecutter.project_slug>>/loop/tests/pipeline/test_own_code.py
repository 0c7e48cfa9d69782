"""Metrics and models of the user's in the stages: measured and exported, or refused by name."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from mlops_loop import files, paths, project
from mlops_loop.pipeline import export, search
from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.tasks import metrics

COLUMNS = {"size": "float?", "count": "int", "colour": "str"}
EXTENSIONS = """
from mlops_loop.statistics.metrics import Metric

def top(y, scores):
    return y[scores[:, 1] >= 0.5].mean()

METRICS = {"top": Metric.from_function("top", top, greater_is_better=True)}
TRUSTED_TYPES = ["made_up_project.models.Threshold"]
"""
# A model that skl2onnx does not know: of two classes, the second above the median of a column.
MODELS = """
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

class Threshold(ClassifierMixin, BaseEstimator):
    def __init__(self, sure=0.75, random_state=None):
        self.sure = sure
        self.random_state = random_state

    def fit(self, x, y):
        self.median_, self.classes_ = float(np.nanmedian(x[:, 0])), np.unique(y)
        return self

    def predict_proba(self, x):
        above = np.where(x[:, 0] > self.median_, self.sure, 1 - self.sure)
        return np.column_stack([1 - above, above])

    def predict(self, x):
        return self.classes_[self.predict_proba(x).argmax(axis=1)]
"""
CONVERTERS = """
import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.algebra.onnx_ops import OnnxConcat, OnnxGreater, OnnxGather, OnnxIdentity, OnnxWhere
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from skl2onnx.algebra.onnx_ops import OnnxArgMax
from made_up_project.models import Threshold

CALLS = []

def register(error=0.0):
    def convert(scope, operator, container):
        model, opset = operator.raw_operator, container.target_opset
        number = lambda value: np.array([value], dtype=np.float32)
        first = OnnxGather(operator.inputs[0], np.array([0]), axis=1, op_version=opset)
        above = OnnxGreater(first, number(model.median_), op_version=opset)
        sure = number(model.sure + error)
        late = OnnxWhere(above, sure, 1 - sure, op_version=opset)
        early = OnnxWhere(above, 1 - sure, sure, op_version=opset)
        names = {"output_names": operator.outputs[1:]}
        shares = OnnxConcat(early, late, axis=1, op_version=opset, **names)
        names = {"output_names": operator.outputs[:1]}
        label = OnnxArgMax(shares, axis=1, keepdims=0, op_version=opset, **names)
        label.add_to(scope, container)

    CALLS.append(error)
    update_registered_converter(
        Threshold, "MadeUpThreshold", calculate_linear_classifier_output_shapes, convert,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )
    return {"": 18, "ai.onnx.ml": 3}
"""


@pytest.fixture
def own(own_package, monkeypatch):
    """`own(onnx=...)`: a package with a metric and a model; the model may have a converter."""

    def write(onnx: str = "") -> object:
        folder = own_package(extensions=EXTENSIONS, models=MODELS, converters=CONVERTERS)
        models = importlib.import_module(f"{folder.name}.models")
        converters = importlib.import_module(f"{folder.name}.converters")
        function = eval(f"lambda: {onnx}", {"converters": converters}) if onnx else None
        table = {"threshold": Estimator(models.Threshold, numbers="filled", onnx=function)}
        monkeypatch.setattr(project, "estimators", lambda: table)
        return converters

    return write


@pytest.fixture
def result(run_stages, make_rows):
    """`result("onnx")`: the bundle of a model and a metric of the user's, or why there is none."""

    def run(form: str, **changes: object):
        own = {"train.estimator": "threshold", "train.scoring": "top", "export.format": form}
        rows = make_rows(300).drop(columns=[n for n in make_rows(1) if n.startswith("_")])
        return run_stages(rows, COLUMNS, "binary", own | changes)

    return run


def test_an_own_metric_chooses_and_is_measured(own, result):
    """With an interval, in metrics, report and card."""
    own()
    bundle = result("skops", **{"evaluate.slices": ["colour"]})
    assert 0.5 < bundle.read_json("metrics.json")["top"] <= 1
    assert "| top | 0." in (bundle.folder / "model_card.md").read_text(encoding="utf-8")
    evaluation = files.read_json(bundle.folder.parents[1] / paths.EVALUATION_REPORT)
    assert len(evaluation["intervals"]["top"]) == 2
    assert "top" in evaluation["slices"][0]
    training = files.read_json(bundle.folder.parents[1] / paths.TRAINING_REPORT)
    assert training["scoring"] == "top"


def test_an_unknown_metric_is_refused_with_the_own_ones(own, result, refused):
    """Among those that there are."""
    own()
    refused(result("skops", **{"train.scoring": "tops"}), r"no metric 'tops' .*top\.")


def test_an_own_converter_is_registered_before_the_conversion(own, result):
    """Its opset is written, and its model answers as the pipeline does."""
    converters = own(onnx="converters.register()")
    bundle = result("onnx")
    assert converters.CALLS == [0.0, 0.0]  # before training, and by the export
    assert (bundle.folder / "model.onnx").exists()


def test_a_converter_that_is_wrong_is_refused(own, result, refused):
    """On every row by 0.01."""
    own(onnx="converters.register(0.01)")
    refused(result("onnx"), r"differs from the pipeline on \d+ of \d+ holdout rows")


def test_without_a_converter_the_ways_out_are_named(own, result, refused):
    """skops, or a converter."""
    own()
    refused(result("onnx"), r"ONNX cannot express .*export.format: skops.*onnx= in estimators.py")


@pytest.mark.parametrize(
    ("onnx", "reason"),
    [
        ("1 / 0", "converter cannot be registered: ZeroDivisionError"),
        ("{'ai.onnx.ml': 99}", "ONNX cannot express a pipeline with Threshold"),
        ("3", r"onnx= returned 3\. Next: "),
    ],
)
def test_a_registration_that_fails_is_reported(own, result, refused, onnx, reason):
    """As the user's mistake."""
    own(onnx=onnx)
    refused(result("onnx"), reason)


def test_a_converter_that_is_not_installed_stays_its_own_error(own, make_params):
    """The command line says what to install."""
    own(onnx="__import__('no_such_library')")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        export.register_converters(make_params("binary", {"train.estimator": "threshold"}))


def test_skops_needs_no_converter(own, result):
    """It is not even registered."""
    converters = own(onnx="converters.register()")
    assert (result("skops").folder / "model.skops").exists()
    assert converters.CALLS == []


def test_scores_of_a_search_are_kept_for_the_same_code_only(own, own_package, make_contract):
    """Another body of the metric is another search."""

    def key() -> str:
        metric = metrics.find("classification", "top")
        x, y = np.zeros((3, 1)), np.array([0, 1, 1])
        blank = Pipeline([("model", DummyClassifier())])
        return search.Problem(blank, x, y, metric, make_contract()).key([])

    own()
    before = key()
    assert key() == before
    own_package(extensions=EXTENSIONS.replace("0.5", "0.6"))
    assert key() != before
