"""The likely cause is that of the estimator and of the rows that differ."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OrdinalEncoder, QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from mlops_loop.pipeline import causes
from mlops_loop.pipeline.probes import CUT, END, KINDS, MISSING, UNSEEN_LEVEL, ZERO

HELD = "holdout"
ALL = (HELD, *KINDS)


class LGBMClassifier:
    """As the library's, with the options that it was given."""

    def __init__(self, **options):
        self.options = options

    def get_params(self, deep: bool):
        return self.options


class XGBRegressor(LGBMClassifier):
    """The same of another library."""


class XGBClassifier(LGBMClassifier):
    """The same for classes, with the text of its trees."""

    def __sklearn_is_fitted__(self):
        return "trees" in self.options

    def get_booster(self):
        return SimpleNamespace(get_dump=lambda: self.options["trees"])


class SVC(LGBMClassifier):
    """The same of scikit-learn, whose own warns that the option will go."""


BOOSTED = HistGradientBoostingClassifier(max_iter=2)
LINEAR = LogisticRegression()


@pytest.mark.parametrize(
    ("model", "failed", "sentence"),
    [
        (HistGradientBoostingRegressor(max_iter=2, loss="poisson"), ALL, "exponential function"),
        (HistGradientBoostingClassifier(categorical_features=[1]), ALL, "as numbers"),
        (LinearDiscriminantAnalysis(), ALL, "two classes"),
        (KNeighborsClassifier(weights="distance"), ALL, "weighs"),
        (KNeighborsClassifier(), [CUT], "nearly as far"),
        (CalibratedClassifierCV(LINEAR, method="isotonic", cv=2), ALL, "isotonic"),
        (GaussianProcessClassifier(), [HELD], "Gaussian"),
        (make_pipeline(Normalizer("max"), LINEAR), ALL, "largest absolute"),
        (make_pipeline(QuantileTransformer(n_quantiles=9), LINEAR), ALL, "quantiles"),
        (make_pipeline(StandardScaler(), BOOSTED), [HELD, CUT], "scaled numbers"),
        (DecisionTreeClassifier(), [HELD, MISSING], "one side"),
        (make_pipeline(OrdinalEncoder(min_frequency=5), LINEAR), ALL, "min_frequency"),
        (make_pipeline(OrdinalEncoder(encoded_missing_value=-5), LINEAR), ALL, "min_frequency"),
        (make_pipeline(OrdinalEncoder(), BOOSTED), [MISSING], "treats missing"),
        (DecisionTreeClassifier(), [CUT], "jump"),
        (make_pipeline(SimpleImputer(), RandomForestClassifier(2)), [MISSING], "treats missing"),
        (BOOSTED, [MISSING, CUT], "treats missing"),
        (BOOSTED, [UNSEEN_LEVEL], "training did not have"),
        (BOOSTED, [HELD, UNSEEN_LEVEL], "converter is wrong"),
        (LINEAR, [HELD, *KINDS], "not scaled"),
        (LINEAR, [END], "end of a range"),
        (make_pipeline(StandardScaler(), LINEAR), ALL, "converter is wrong"),
    ],
    ids=str,
)
def test_the_cause_of_a_fitted_model(model, failed, sentence):
    """Estimators of scikit-learn, deep inside a pipeline or alone."""
    x = np.random.default_rng(0).integers(1, 9, (40, 2)).astype(float)
    model.fit(x, np.arange(40) % 2)
    assert sentence in causes.likely_cause(model, failed).reason


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (LGBMClassifier(boosting_type="rf"), "adds up"),
        (LGBMClassifier(linear_tree=True), "linear models"),
        (LGBMClassifier(zero_as_missing=True), "takes 0 as a number"),
        (LGBMClassifier(sigmoid=2.0), "sigmoid=1"),
        (LGBMClassifier(objective="multiclassova"), "softmax"),
        (XGBRegressor(objective="survival:cox"), "transformation"),
        (XGBRegressor(num_parallel_tree=3), "several trees a round"),
        (XGBClassifier(trees=["0:leaf=-0\n", "0:[f0<1] yes=1"]), "takes the base score"),
        (XGBClassifier(trees=["0:[f0<1] yes=1", "0:leaf=0\n"]), "treats 0"),
        (XGBClassifier(trees=["0:leaf=-0.1\n"]), "treats 0"),
        (XGBClassifier(), "treats 0"),
        (SVC(probability=True), "libsvm"),
        (LGBMClassifier(sigmoid=1, linear_tree=False), "treats 0"),
        (XGBRegressor(num_parallel_tree=None), "treats 0"),
    ],
    ids=lambda value: str(getattr(value, "options", "")),
)
def test_options_of_other_libraries(model, sentence):
    """By their names, as these libraries need not be installed."""
    assert sentence in causes.likely_cause({"model": model}, [ZERO]).reason


def everything() -> list[causes.Cause]:
    """All causes there are."""
    rules = [rule.cause for rule in causes.CONVERTERS]
    return rules + [c for c in vars(causes).values() if isinstance(c, causes.Cause)]


@pytest.mark.parametrize("cause", [*everything(), *causes.ROWS.values()], ids=lambda c: c.reason)
def test_a_cause_is_a_sentence_and_the_advice_ends_in_skops(cause):
    """So that a message reads well."""
    assert cause.reason.endswith(".")
    assert not cause.advice.endswith(".")
    assert cause.next_step().endswith("export.format: skops in params.yaml")


def test_every_kind_of_made_row_has_a_cause():
    """In the order in which they are asked."""
    assert list(causes.ROWS) == list(KINDS)
