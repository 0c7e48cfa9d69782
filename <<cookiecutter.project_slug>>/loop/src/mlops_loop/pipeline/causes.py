"""Why an exported model answers differently, and what helps: by estimator and kind of row.

What is said of converters was seen with the versions in loop/docs/onnx.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from mlops_loop.pipeline.cuts import parts
from mlops_loop.pipeline.probes import CUT, END, LEVEL, MISSING, SEVERAL, UNSEEN_LEVEL, ZERO

SKOPS = "set export.format: skops in params.yaml"


class Cause(NamedTuple):
    """A sentence that says why the models differ, and what to do beside SKOPS; may be empty."""

    reason: str
    advice: str = ""

    def next_step(self) -> str:
        return f"{self.advice}, or {SKOPS}" if self.advice else SKOPS


class Rule(NamedTuple):
    """A cause, and the parts of a pipeline that have it: how their type begins, and which."""

    type_names: tuple[str, ...]
    applies: Callable[[Any], bool]
    cause: Cause


def _has(option: str, *values: Any) -> Callable[[Any], bool]:
    """Whether an estimator has one of these values for an option."""
    return lambda part: _options(part).get(option) in values


def _options(part: Any) -> dict[str, Any]:
    return part.get_params(deep=False) if hasattr(part, "get_params") else {}


def _holds(*type_names: str) -> Callable[[Any], bool]:
    return lambda part: any(_is(inner, type_names) for inner in parts(part))


def _is(part: Any, type_names: tuple[str, ...]) -> bool:
    return type(part).__name__.startswith(type_names)


def _codes_otherwise(part: Any) -> bool:
    """Whether an OrdinalEncoder has a code for missing values, or one for rare ones."""
    code, least = (_options(part).get(n) for n in ("encoded_missing_value", "min_frequency"))
    return least is not None or code == code  # NaN, the default, is not equal to itself


def _always(part: Any) -> bool:
    return True


BOOSTING, LIGHTGBM, XGBOOST = ("HistGradientBoosting",), ("LGBM",), ("XGB",)
ANOTHER_LOSS = "choose another loss"
# Of converters: the first that applies is reported. The part may be anywhere in the pipeline.
CONVERTERS = (
    Rule(
        BOOSTING,
        _has("loss", "poisson", "gamma"),
        Cause("skl2onnx leaves out the exponential function of this loss.", ANOTHER_LOSS),
    ),
    Rule(
        BOOSTING,
        lambda part: getattr(part, "is_categorical_", None) is not None,
        Cause(
            "skl2onnx compares the codes of categorical_features as numbers.",
            "leave categorical_features out: each level of a category is a feature already",
        ),
    ),
    Rule(
        ("LinearDiscriminantAnalysis",),
        lambda part: len(part.classes_) == 2,
        Cause("skl2onnx gives other probabilities for two classes.", "use LogisticRegression"),
    ),
    Rule(
        ("KNeighbors",),
        _has("weights", "distance"),
        Cause("skl2onnx weighs neighbours otherwise.", "choose weights: uniform"),
    ),
    Rule(
        ("IsotonicRegression",),
        _always,
        Cause("skl2onnx does not interpolate an isotonic calibration.", "calibrate by sigmoid"),
    ),
    Rule(
        ("CalibratedClassifierCV",),
        _holds("LGBMClassifier"),
        Cause("skl2onnx calibrates the sum of the trees instead of the probability."),
    ),
    Rule(
        ("SVC", "NuSVC"),
        _has("probability", True),
        Cause(
            "The probabilities of a support vector machine jump where libsvm stops to refine them.",
            "use CalibratedClassifierCV(SVC())",
        ),
    ),
    Rule(
        ("SimpleImputer",),
        _has("add_indicator", True),
        Cause("skl2onnx leaves out the columns of add_indicator.", "leave add_indicator out"),
    ),
    Rule(
        ("OrdinalEncoder",),
        _codes_otherwise,
        Cause("skl2onnx ignores encoded_missing_value and min_frequency of OrdinalEncoder."),
    ),
    Rule(
        ("Normalizer",),
        _has("norm", "max"),
        Cause("skl2onnx divides by the largest value, not by the largest absolute value."),
    ),
    Rule(
        ("QuantileTransformer",),
        _always,
        Cause("skl2onnx maps to quantiles otherwise.", "use PowerTransformer"),
    ),
    Rule(
        ("GaussianProcess",),
        _always,
        Cause("A Gaussian process needs more digits than float32 has."),
    ),
    *(
        Rule(types, _has(option, *values), Cause(f"onnxmltools {what}.", "leave it out"))
        for types, option, values, what in (
            (LIGHTGBM, "boosting_type", ("rf",), "adds up the trees of boosting_type='rf'"),
            (LIGHTGBM, "linear_tree", (True,), "leaves out the linear models of linear_tree"),
            (LIGHTGBM, "zero_as_missing", (True,), "takes 0 as a number despite zero_as_missing"),
            (LIGHTGBM, "reg_sqrt", (True,), "does not square the predictions of reg_sqrt"),
            (LIGHTGBM, "objective", ("multiclassova",), "takes the softmax of multiclassova"),
            (XGBOOST, "objective", ("multi:softmax",), "does not know the scores of multi:softmax"),
            (
                XGBOOST,
                "objective",
                ("reg:logistic", "survival:cox"),
                "leaves out the transformation of this objective",
            ),
        )
    ),
    Rule(
        LIGHTGBM,
        lambda part: _options(part).get("sigmoid", 1) != 1,
        Cause("onnxmltools takes sigmoid=1 whatever it is.", "leave sigmoid out"),
    ),
    Rule(
        ("XGBRF",),
        _always,
        Cause("onnxmltools mixes up the classes of several trees a round."),
    ),
    Rule(
        XGBOOST,
        lambda part: (_options(part).get("num_parallel_tree") or 1) > 1,
        Cause(
            "onnxmltools mixes up the classes of several trees a round.",
            "leave num_parallel_tree out",
        ),
    ),
)

TREES = ("DecisionTree", "ExtraTree", "RandomForest", "GradientBoosting", "AdaBoost")
SIDES = Cause(
    "skl2onnx sends the missing values of these trees to one side, whatever they learned.",
    'let the estimator take filled numbers (numbers="filled" in estimators.py)',
)
SCALED = Cause(
    "The trees get scaled numbers, and a scaled float32 can be on the other side of a cut.",
    'let the estimator take numbers that are not scaled (numbers="raw" or "filled" in '
    "estimators.py; no train.select by pca)",
)
FIRST_LEAF = Cause(
    "onnxmltools takes the base score of XGBoost for a logit where the first tree is a leaf of 0.",
    "leave reg_alpha out, or take another seed",
)
NEIGHBOURS = Cause("Where two neighbours are nearly as far, float32 takes the other one.")
UNSCALED = Cause(
    "float32 is too coarse for a linear model of numbers that are not scaled.",
    'let the estimator take scaled numbers (numbers="scaled" in estimators.py)',
)
# By kind of row, where only made rows differ; the first that failed is reported.
ROWS = {
    MISSING: Cause(
        "The exported model treats missing values otherwise.",
        'set numbers="filled" in estimators.py, or nullable=False in schema.py',
    ),
    UNSEEN_LEVEL: Cause(
        "The exported model treats a category that training did not have otherwise.",
        "list the categories of the column in schema.py (isin)",
    ),
    SEVERAL: Cause("The exported model treats several missing or unseen values otherwise."),
    LEVEL: Cause("The exported model treats a category otherwise."),
    END: Cause(
        "float32 is too coarse for this model at an end of a range.",
        "give the columns of ModelInput the range that occurs (ge, le in schema.py)",
    ),
    ZERO: Cause("The exported model treats 0 otherwise."),
    CUT: Cause("The scores of this model jump where float32 is too coarse to agree."),
}
NOT_FINITE = Cause("The pipeline itself gives scores that are not finite.", ROWS[END].advice)
OTHER = Cause("The converter is wrong for this model, or float32 is too coarse for it.")


def likely_cause(pipeline: Any, failed: Collection[str]) -> Cause:
    """The likeliest cause, by the parts of a fitted pipeline and the kinds of row that differ.

    failed: keys of `probes.KINDS`, in their order, and others for rows that were not made.
    """
    return known_fault(pipeline) or _of_family(parts(pipeline), failed) or _of_rows(failed)


def known_fault(pipeline: Any) -> Cause | None:
    """The first fault of a converter that a pipeline or a model has a part for; None without."""
    inside = parts(pipeline)
    for rule in CONVERTERS:
        if any(_is(part, rule.type_names) and rule.applies(part) for part in inside):
            return rule.cause
    return None


def _of_family(inside: list[Any], failed: Collection[str]) -> Cause | None:
    """What trees, neighbours and linear models have in common; None where that is not it."""

    def has(*type_names: str) -> bool:
        return any(_is(part, type_names) for part in inside)

    if any(_is(part, ("XGBClassifier",)) and _begins_with_zero(part) for part in inside):
        return FIRST_LEAF
    scaled = has("StandardScaler", "PCA")
    if scaled and has(*TREES, *BOOSTING, *LIGHTGBM, *XGBOOST):
        return SCALED
    if has(*TREES) and not has("SimpleImputer") and {MISSING, SEVERAL, UNSEEN_LEVEL} & set(failed):
        return SIDES
    if has("KNeighbors", "RadiusNeighbors"):
        return NEIGHBOURS
    linear = any(hasattr(part, "coef_") for part in inside)
    return UNSCALED if linear and not scaled and not _only_made(failed) else None


def _begins_with_zero(part: Any) -> bool:
    """Whether the first tree of a fitted model of XGBoost did not split, and adds nothing."""
    trees = part.get_booster().get_dump() if part.__sklearn_is_fitted__() else [""]
    return trees[0].strip() in ("0:leaf=0", "0:leaf=-0")


def _only_made(failed: Collection[str]) -> bool:
    """Whether all kinds of row that differ are made ones."""
    return set(failed) <= set(ROWS)


def _of_rows(failed: Collection[str]) -> Cause:
    return ROWS[next(iter(failed))] if _only_made(failed) else OTHER


def unanswered(kind: str, words: str, reason: str) -> str:
    """What to say where the pipeline itself cannot answer rows of a kind."""
    advice = ROWS[kind].advice if kind in (MISSING, END, UNSEEN_LEVEL) else ROWS[MISSING].advice
    return f"The model cannot answer {words}, which ModelInput allows: {reason} Next: {advice}."
