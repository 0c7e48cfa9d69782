"""The form and the names of what the model sees."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier

from mlops_loop import errors
from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import model_pipeline
from mlops_loop.pipeline.networks import NetworkClassifier
from mlops_loop.stage_params import Select, Train

COLUMNS = (
    Column("colour", "category", nullable=True, levels=("red", "blue")),
    Column("size", "number", nullable=True),
    Column("town", "category", levels=("here",)),
)
CONTRACT = Contract("regression", "y", COLUMNS)
NAN = np.nan


@pytest.mark.parametrize(
    ("categories", "expected"),
    [
        ("one_hot", ["size", "colour = red", "colour = blue", "colour = missing", "town = here"]),
        ("codes", ["size", "colour", "town"]),
    ],
)
def test_every_feature_has_a_name(categories, expected):
    """Numbers first, then each category, then the missing one; a code is one feature."""
    assert model_pipeline.feature_names(CONTRACT, categories) == expected


@pytest.mark.parametrize(
    ("numbers", "categories", "expected"),
    [
        ("raw", "one_hot", [[3, 0, 1, 0, 1], [NAN, 0, 0, 1, 0], [5, 0, 0, 0, 1]]),
        ("raw", "codes", [[3, 1, 0], [NAN, 2, NAN], [5, NAN, 0]]),
        ("filled", "codes", [[3, 1, 0], [4, 2, -1], [5, -1, 0]]),
    ],
)
def test_categories_take_the_form_that_the_model_wants(numbers, categories, expected):
    """The missing category is a level, an unseen one is none."""
    estimator = model_pipeline.Estimator(Ridge, numbers=numbers, categories=categories)
    columns = model_pipeline.build_pipeline(estimator, CONTRACT, 0)[0]
    rows = [
        {"colour": "blue", "size": 3, "town": "here"},
        {"colour": None, "size": None, "town": "elsewhere"},
        {"colour": "pink", "size": 5, "town": "here"},
    ]
    features = columns.fit_transform(CONTRACT.encode_rows(rows))
    np.testing.assert_array_equal(features, expected)


def test_principal_components_are_of_levels():
    """The distance of two codes means nothing."""
    trees = model_pipeline.Estimator(Ridge, categories="codes")
    forms = {
        by: model_pipeline.forms_of(trees, Select(by=by, keep=1)) for by in model_pipeline.SELECTORS
    }
    assert forms == {
        "mutual_information": ("filled", "codes"),
        "importance": ("raw", "codes"),
        "pca": ("scaled", "one_hot"),
    }


@pytest.mark.parametrize("form", [{"numbers": "rwa"}, {"categories": "onehot"}], ids=str)
def test_a_form_that_is_not_known_is_named(form):
    """While `estimators.py` is read, with what there is."""
    (key, value) = next(iter(form.items()))
    with pytest.raises(errors.UsageError, match=f"{key}='{value}' is not known.* one of: '"):
        model_pipeline.Estimator(Ridge, **form)


@pytest.mark.parametrize("make", [MLPClassifier, SGDClassifier])
def test_early_stopping_by_random_rows_is_refused(make):
    """The split would be ignored: such a model takes a share of the rows by chance."""
    train = Train(estimator="mine", scoring="log_loss", early_stopping=True)
    with pytest.raises(errors.UsageError, match=r"early_stopping: mine cannot do that"):
        model_pipeline.set_options(make(), train)


@pytest.mark.parametrize("make", [NetworkClassifier, HistGradientBoostingClassifier])
def test_early_stopping_by_the_split_is_set(make):
    """Of models that are given the rows."""
    train = Train(estimator="mine", scoring="log_loss", early_stopping=True)
    model_pipeline.set_options(model := make(early_stopping=False), train)
    assert model.early_stopping is True
