"""Estimators, losses and options of three libraries that a user of the loop would try.

Each is listed under how it gets its numbers: see `Estimator` of the loop.
"""

from typing import Any

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import PLSRegression
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lars,
    Lasso,
    LassoCV,
    LassoLars,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    OrthogonalMatchingPursuit,
    PoissonRegressor,
    QuantileRegressor,
    RANSACRegressor,
    Ridge,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TheilSenRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
)
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

# What has no influence on the conversion.
HIDDEN = {
    "min_child_samples",
    "min_samples_leaf",
    "max_iter",
    "n_estimators",
    "n_jobs",
    "random_state",
    "tol",
    "verbosity",
}
FEW = {"n_estimators": 12, "random_state": 0}
BOOSTED = {"max_iter": 12, "min_samples_leaf": 10, "random_state": 0}
LIGHT = {"n_estimators": 12, "min_child_samples": 10, "random_state": 0, "verbosity": -1}
COUNT = 3  # the feature that is taken as a category


def boosted(**options: Any) -> list[BaseEstimator]:
    """Return gradient boosting of both kinds."""
    return [kind(**BOOSTED, **options) for kind in BOOSTINGS]


BOOSTINGS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
TREES = (DecisionTreeClassifier, DecisionTreeRegressor)
FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)


def members(kind: str) -> list[tuple[str, BaseEstimator]]:
    """Return a forest and boosting, for models that are made of others."""
    return [("a", FORESTS[kind == "number"](**FEW)), ("b", BOOSTINGS[kind == "number"](**BOOSTED))]


def forests(**options: Any) -> list[BaseEstimator]:
    """Return all trees and forests."""
    alone = [kind(random_state=0, **options) for kind in TREES]
    return alone + [kind(**FEW, **options) for kind in FORESTS]


def light(**options: Any) -> list[BaseEstimator]:
    """Return LightGBM of both kinds."""
    return [kind(**LIGHT | options) for kind in (LGBMClassifier, LGBMRegressor)]


def extreme(**options: Any) -> list[BaseEstimator]:
    """Return XGBoost of both kinds."""
    return [kind(**FEW | options) for kind in (XGBClassifier, XGBRegressor)]


LINEAR_AND_BAYES = [("a", LogisticRegression()), ("b", GaussianNB())]

SKLEARN = {
    "raw": [
        *boosted(),
        *boosted(categorical_features=[COUNT]),
        *boosted(monotonic_cst=[1] + [0] * 11),
        *boosted(interaction_cst="no_interactions"),
        *boosted(max_bins=16),
        *boosted(early_stopping=True),
        BOOSTINGS[0](**BOOSTED, class_weight="balanced"),
        BOOSTINGS[1](**BOOSTED, loss="absolute_error"),
        BOOSTINGS[1](**BOOSTED, loss="quantile", quantile=0.9),
        BOOSTINGS[1](**BOOSTED, loss="poisson"),
        BOOSTINGS[1](**BOOSTED, loss="gamma"),
        *forests(),
        CalibratedClassifierCV(BOOSTINGS[0](**BOOSTED), cv=2),
        CalibratedClassifierCV(BOOSTINGS[0](**BOOSTED), cv=2, method="isotonic"),
        CalibratedClassifierCV(BOOSTINGS[0](**BOOSTED), cv=2, method="temperature"),
        TunedThresholdClassifierCV(BOOSTINGS[0](**BOOSTED), cv=2),
        FixedThresholdClassifier(BOOSTINGS[0](**BOOSTED), threshold=0.2),
        OneVsRestClassifier(BOOSTINGS[0](**BOOSTED)),
        BaggingClassifier(BOOSTINGS[0](**BOOSTED), 3, random_state=0),
        BaggingRegressor(BOOSTINGS[1](**BOOSTED), 3, random_state=0),
        GridSearchCV(BOOSTINGS[0](**BOOSTED), {"max_leaf_nodes": [4]}, cv=2),
        TransformedTargetRegressor(BOOSTINGS[1](**BOOSTED)),
        make_pipeline(SimpleImputer(add_indicator=True), RobustScaler(), LogisticRegression()),
        DummyClassifier(),
        DummyClassifier(strategy="stratified", random_state=0),
        DummyRegressor(),
    ],
    "filled": [
        *forests(),
        *forests(max_depth=4),
        *forests(max_features=0.5, ccp_alpha=0.001),
        *forests(monotonic_cst=[1] + [0] * 11),
        TREES[0](random_state=0, criterion="entropy"),
        FORESTS[0](**FEW, class_weight="balanced_subsample"),
        TREES[1](random_state=0, criterion="absolute_error"),
        FORESTS[1](**FEW, criterion="poisson"),
        GradientBoostingClassifier(**FEW),
        GradientBoostingClassifier(**FEW, loss="exponential"),
        GradientBoostingClassifier(**FEW, subsample=0.5),
        GradientBoostingClassifier(**FEW, init="zero"),
        GradientBoostingRegressor(**FEW),
        GradientBoostingRegressor(**FEW, loss="huber"),
        GradientBoostingRegressor(**FEW, loss="quantile"),
        GradientBoostingRegressor(**FEW, loss="absolute_error"),
        GradientBoostingRegressor(**FEW, init="zero"),
        AdaBoostClassifier(**FEW),
        AdaBoostClassifier(TREES[0](max_depth=3), **FEW),
        AdaBoostRegressor(**FEW),
        AdaBoostRegressor(**FEW, loss="square"),
        BaggingClassifier(**FEW),
        BaggingClassifier(**FEW, max_features=0.5),
        BaggingRegressor(**FEW),
        BaggingRegressor(**FEW, max_features=0.5),
        VotingClassifier(members("class"), voting="soft"),
        VotingClassifier(members("class"), voting="soft", flatten_transform=False),
        VotingClassifier(members("class"), voting="soft", flatten_transform=False, weights=[2, 1]),
        VotingClassifier(
            members("class"), voting="soft", flatten_transform=False, weights=np.array([2, 1])
        ),
        CalibratedClassifierCV(FORESTS[0](**FEW), cv=2),
        CalibratedClassifierCV(FORESTS[2](**FEW), cv=2),
        VotingRegressor(members("number")),
        VotingRegressor(members("number"), weights=np.array([2, 1])),
        VotingRegressor(members("number"), weights=[2, 1]),
        StackingClassifier(members("class"), cv=2),
        StackingClassifier(members("class"), cv=2, passthrough=True),
        StackingRegressor(members("number"), cv=2),
        StackingRegressor(members("number"), cv=2, passthrough=True),
    ],
    "scaled": [
        *boosted(),
        FORESTS[0](**FEW),
        LogisticRegression(),
        LogisticRegression(class_weight="balanced"),
        LogisticRegression(l1_ratio=1, solver="saga", max_iter=500),
        LogisticRegressionCV(
            Cs=2, cv=2, l1_ratios=(0,), scoring="neg_log_loss", use_legacy_attributes=False
        ),
        SGDClassifier(loss="log_loss", random_state=0),
        SGDClassifier(loss="modified_huber", random_state=0),
        CalibratedClassifierCV(LinearSVC(random_state=0), cv=2),
        CalibratedClassifierCV(SVC(), cv=2),
        CalibratedClassifierCV(NuSVC(nu=0.2), cv=2),
        CalibratedClassifierCV(LogisticRegression(), cv=2, method="isotonic"),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        VotingClassifier(LINEAR_AND_BAYES, voting="soft", flatten_transform=False),
        StackingClassifier(LINEAR_AND_BAYES, cv=2),
        SVC(probability=True, random_state=0),
        SVC(kernel="poly", probability=True, random_state=0),
        NuSVC(nu=0.2, probability=True, random_state=0),
        OneVsRestClassifier(LogisticRegression()),
        GaussianNB(),
        BernoulliNB(),
        make_pipeline(MinMaxScaler(clip=True), MultinomialNB()),
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        QuadraticDiscriminantAnalysis(reg_param=0.5),
        KNeighborsClassifier(),
        KNeighborsClassifier(weights="distance"),
        RadiusNeighborsClassifier(5.0),
        GaussianProcessClassifier(random_state=0),
        MLPClassifier(random_state=0, max_iter=300),
        MLPClassifier(activation="tanh", random_state=0, max_iter=300),
        MLPClassifier(activation="logistic", random_state=0, max_iter=300),
        LinearRegression(),
        LinearRegression(positive=True),
        Ridge(),
        RidgeCV(),
        Lasso(),
        LassoCV(cv=2),
        LassoLars(alpha=0.1),
        Lars(),
        ElasticNet(),
        ElasticNetCV(cv=2),
        BayesianRidge(),
        ARDRegression(),
        OrthogonalMatchingPursuit(),
        HuberRegressor(max_iter=500),
        QuantileRegressor(alpha=0.01),
        QuantileRegressor(quantile=0.9, alpha=0.01),
        TheilSenRegressor(random_state=0, max_subpopulation=500),
        RANSACRegressor(random_state=0),
        SGDRegressor(random_state=0),
        PoissonRegressor(),
        GammaRegressor(),
        TweedieRegressor(power=1.5),
        TweedieRegressor(power=0),
        SVR(),
        NuSVR(),
        LinearSVR(random_state=0, max_iter=10000),
        KernelRidge(),
        KNeighborsRegressor(),
        KNeighborsRegressor(weights="distance"),
        RadiusNeighborsRegressor(5.0),
        GaussianProcessRegressor(alpha=0.1),
        MLPRegressor(random_state=0, max_iter=500),
        MLPRegressor(activation="tanh", random_state=0, max_iter=500),
        MLPRegressor(loss="poisson", random_state=0, max_iter=500),
        PLSRegression(),
        make_pipeline(PolynomialFeatures(2, interaction_only=True), Ridge()),
        make_pipeline(SplineTransformer(), Ridge()),
        make_pipeline(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), Ridge()),
        make_pipeline(Binarizer(threshold=0.3), Ridge()),
        make_pipeline(PowerTransformer(), Ridge()),
        make_pipeline(QuantileTransformer(n_quantiles=20), Ridge()),
        make_pipeline(RobustScaler(), Ridge()),
        make_pipeline(Normalizer("max"), Ridge()),
        make_pipeline(Normalizer(), Ridge()),
    ],
}

LIGHTGBM = {
    "raw": [
        *light(),
        *light(boosting_type="dart"),
        *light(boosting_type="rf", subsample=0.6, subsample_freq=1),
        *light(data_sample_strategy="goss"),
        *light(linear_tree=True),
        *light(zero_as_missing=True),
        *light(use_missing=False),
        *light(max_bin=16),
        *light(extra_trees=True),
        *light(path_smooth=1.0),
        *light(monotone_constraints=[1] + [0] * 11),
        *light(categorical_feature=[COUNT]),
        *light(boost_from_average=False),
        LGBMClassifier(**LIGHT, class_weight="balanced"),
        LGBMClassifier(**LIGHT, is_unbalance=True),
        LGBMClassifier(**LIGHT, objective="multiclassova"),
        LGBMClassifier(**LIGHT, objective="cross_entropy"),
        LGBMClassifier(**LIGHT, sigmoid=2.0),
        *[
            LGBMRegressor(**LIGHT, objective=objective)
            for objective in (
                "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie"
            )
        ],
        LGBMRegressor(**LIGHT, reg_sqrt=True),
        CalibratedClassifierCV(LGBMClassifier(**LIGHT), cv=2),
        TunedThresholdClassifierCV(LGBMClassifier(**LIGHT), cv=2),
        VotingClassifier(
            [("a", LGBMClassifier(**LIGHT)), ("b", BOOSTINGS[0](**BOOSTED))],
            voting="soft",
            flatten_transform=False,
        ),
        StackingRegressor([("a", LGBMRegressor(**LIGHT)), ("b", BOOSTINGS[1](**BOOSTED))], cv=2),
    ],
    "scaled": [*light()],
}  # fmt: skip

XGBOOST = {
    "raw": [
        *extreme(),
        *extreme(booster="dart", rate_drop=0.2),
        *extreme(booster="gblinear"),
        *extreme(tree_method="exact"),
        *extreme(grow_policy="lossguide", max_leaves=8),
        *extreme(subsample=0.5, colsample_bytree=0.5),
        *extreme(num_parallel_tree=3, subsample=0.5),
        *extreme(missing=0.0),
        *extreme(base_score=0.3),
        *extreme(multi_strategy="multi_output_tree"),
        *extreme(monotone_constraints=(1,)),
        *extreme(enable_categorical=True, feature_types=["q"] * COUNT + ["c"] + ["q"] * 8),
        XGBRFClassifier(**FEW),
        XGBRFRegressor(**FEW),
        XGBClassifier(**FEW, scale_pos_weight=3),
        XGBClassifier(**FEW, objective="multi:softmax"),
        *[
            XGBRegressor(**FEW, objective=objective)
            for objective in (
                "reg:absoluteerror", "reg:pseudohubererror", "reg:squaredlogerror", "reg:gamma",
                "reg:tweedie", "count:poisson", "survival:cox",
            )
        ],
        XGBRegressor(**FEW, objective="reg:quantileerror", quantile_alpha=0.9),
        CalibratedClassifierCV(XGBClassifier(**FEW), cv=2),
    ],
    "filled": [
        *extreme(),
        StackingClassifier([("a", XGBClassifier(**FEW)), ("b", LogisticRegression())], cv=2),
    ],
    "scaled": [*extreme()],
}  # fmt: skip

LIBRARIES = {"scikit-learn": SKLEARN, "LightGBM": LIGHTGBM, "XGBoost": XGBOOST}
