"""Libraries that the loop knows, and the entries of estimators.py that name them."""

from __future__ import annotations

import pytest
from sklearn.linear_model import Ridge

from mlops_loop import errors
from mlops_loop.pipeline import libraries
from mlops_loop.pipeline.model_pipeline import Estimator


@pytest.mark.parametrize("name", libraries.LIBRARIES)
def test_an_entry_trusts_the_types_of_its_libraries(name):
    """And its own; no type is of another library."""
    entry = Estimator(Ridge, library=name, trusted=["own.Type"])
    own, *known = entry.trusted_types
    assert own == "own.Type"
    assert {t.split(".")[0] for t in known} <= {name, "collections"}
    assert f"{name}." in " ".join(known)


def test_several_libraries_are_a_tuple():
    """As for a model that is made of both."""
    names = tuple(libraries.LIBRARIES)
    both = Estimator(Ridge, library=names)
    assert set(both.trusted_types) == {t for n in names for t in libraries.LIBRARIES[n].trusted}
    assert Estimator(Ridge).trusted_types == ()
    assert Estimator(Ridge).register_converters() is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"library": "catboost"},
            r"library='catboost' is not known.*'lightgbm'.*trusted= and onnx",
        ),
        ({"library": ("xgboost", "x")}, "library='x' is not known"),
        ({"trusted": "a.B"}, "trusted='a.B' must be a list of names"),
        ({"trusted": [Ridge]}, "must be a list of names"),
    ],
)
def test_what_no_entry_can_have_is_refused(fields, reason):
    """When estimators.py is read."""
    with pytest.raises(errors.UsageError, match=reason):
        Estimator(Ridge, **fields)


@pytest.mark.parametrize(
    ("opsets", "oldest"),
    [
        ([], {}),
        ([{"ai.onnx.ml": 3}], {"ai.onnx.ml": 3}),
        ([{"ai.onnx.ml": 3}, {"ai.onnx.ml": 2, "": 15}], {"ai.onnx.ml": 2, "": 15}),
    ],
)
def test_all_converters_can_write_the_opset(opsets, oldest):
    """The oldest of each domain."""
    assert libraries.oldest(opsets) == oldest
