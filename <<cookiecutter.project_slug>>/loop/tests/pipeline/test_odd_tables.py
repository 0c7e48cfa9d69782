"""Tables that nobody would write by hand: each ends in a bundle, or in one clear sentence."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop.model import bundle
from mlops_loop.statistics import calibration
from mlops_loop.values import label_of

NAMES = ["", " ", "a b", "a\nb", "größe", "日本", '"', "'", "a|b", "<script>alert(1)</script>"]
NAMES += ["1; DROP TABLE x", "n" * 300, "index", "target", "_failures", "a{b}", "%s"]
NAMES += ["x\x00y", "level_0", "0", "None", "nan", "self"]
TEXTS = ["1e5", "007", " 12 ", "1,5", "0x10", "True", "nan", "null", "None", "", "a", "A", "a "]
TEXTS += ["é", "e\u0301", "<b>", "a|b", "a\nb", "\x00", "x" * 300, "-0", "inf", "1_000", "NA"]
TEXTS += ["0001-01-01", "9999-12-31T23:59:59Z", "2024-02-30", "2024-01-01T00:00:00+05:00", "24:00"]
NUMBERS = [0.0, -0.0, 1.0, -1.5, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 3.5e38, 1e30]
INTEGERS = [0, 1, -1, 255, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30]
POOLS = {  # by kind of column: the type that fits, and values
    "numbers": ("float?", NUMBERS),
    "small": ("float?", [0.5, 1.0, 2.0, 3.5, -4.0, None]),
    "integers": ("int?", INTEGERS),
    "counts": ("int", [0, 1, 2, 3]),
    "texts": ("str?", TEXTS),
    "words": ("str?", ["red", "green", "blue", None]),
    "booleans": ("bool", [True, False]),
    "missing": ("float?", [None]),
    "dates": ("str?", [pd.Timestamp("2024-01-01", tz="UTC"), pd.Timestamp("1700-01-01"), pd.NaT]),
    "mixed": ("str?", [1, "a", 2.5, None, True, "", 10**30, np.inf, (1, 2), {"a": 1}]),
}
TYPES = ["float", "float?", "int", "int?", "bool", "bool?", "str", "str?"]
TINY = {
    "linear": {},
    "hist_gradient_boosting": {"max_iter": [3], "min_samples_leaf": [2]},
    "random_forest": {"n_estimators": [3]},
    "mlp": {"max_iter": [3]},
}
SCORINGS = {
    "classification": ["log_loss", "brier", "calibration_error", "balanced_accuracy"],
    "regression": ["mae", "rmse", "median_ae", "pinball_90"],
}


@st.composite
def columns(draw, n: int, rng: np.random.Generator) -> tuple[str, list]:
    """The type that an owner gave a column, most often the right one, and its values."""
    pool = draw(st.sampled_from(["fine", *POOLS]))
    fitting, values = POOLS.get(pool, ("float", list(rng.normal(size=n))))
    some = (
        draw(st.lists(st.sampled_from(values), min_size=1, max_size=6)) if pool in POOLS else values
    )
    column = [some[i] for i in rng.integers(0, len(some), n)]
    return draw(st.sampled_from([fitting] * 20 + TYPES)), column


@st.composite
def tables(draw):
    """A table of columns of odd kinds, the types that its owner gave them, and the parameters."""
    pick = lambda *options: draw(st.sampled_from(options))  # noqa: E731
    n, rng = pick(60, 60, 120, 120, 30, 3), np.random.default_rng(draw(st.integers(0, 99)))
    names = st.sampled_from(["x", "y", "z", *NAMES])
    names = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    made = {name: draw(columns(n, rng)) for name in names}
    types = {name: kind for name, (kind, _) in made.items()}
    data = {name: values for name, (_, values) in made.items()}
    task = pick("classification", "regression")
    fair = list(rng.integers(0, pick(2, 3), n) if task == "classification" else rng.normal(size=n))
    data |= {"id": range(n), "team": rng.integers(0, 9, n), "place": draw(columns(n, rng))[1]}
    data["outcome"] = pick(fair, fair, fair, draw(columns(n, rng))[1])
    table = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in data.items()})
    estimator = pick(*TINY)
    changes = {
        "train.estimator": estimator,
        "train.grid": TINY[estimator],
        "train.scoring": pick(*SCORINGS[task]),
        "train.leakage_threshold": pick(1, 0.995),
        "train.select": pick(
            None,
            None,
            *({"by": by, "keep": 1} for by in ("pca", "importance", "mutual_information")),
        ),
        "split.strategy": pick("random", "time", "group", *["stratified"] * (task != "regression")),
        "split.column": pick("team", "team", "place"),
        "split.max_overlap": pick(1, 1, 1, 0.01),
        "prepare.key": pick(["id"], ["id"], ["id"], [], [names[0]]),
        "prepare.carry_columns": pick([], ["place"]),
        "prepare.min_category_count": pick(1, 5),
        "prepare.outliers": pick({}, {names[0]: pick("flag", "clip", "drop")}),
        "validate.max_failed_share": pick(0.9, 0.9, 0.1),
        "evaluate.slices": pick([], [names[0]], ["place"]),
        "evaluate.min_slice_rows": 5,
        "export.format": pick("onnx", "skops"),
    }
    if task == "classification":
        changes["target.positive"] = label_of(data["outcome"][0])
        changes["train.threshold"] = pick(0.5, "f1")
        changes["train.calibrate"] = pick(None, None, "sigmoid")
        changes["train.class_weight"] = pick(None, "balanced")
    source = pick(table, table.to_csv(index=False))
    return source, types, "binary" if task == "classification" else task, changes, pick({}, types)


N = 80
RNG = np.random.default_rng(1)
FINE = {"id": range(N), "x": RNG.normal(size=N), "outcome": RNG.choice(["no", "yes"], N)}
X = {"x": "float?"}
INF = float("inf")
WIDE = {f"c{i}": "float" for i in range(300)}
LEVELS = [f"level {i}" for i in range(N)]
RARE = {"changes": {"prepare.min_category_count": 2}}
WRONG = "Target 'outcome' is no number that float32 holds: "
TREES = {"train.estimator": "hist_gradient_boosting", "train.grid": TINY["hist_gradient_boosting"]}
BY_TIME = {"split.strategy": "time", "split.column": "id", "prepare.key": []}
REGRESSION = {"kind": "regression"}


def positive(label: str | None) -> dict:
    return {"changes": {"target.positive": label}}


def select(by: str, keep: int = 1) -> dict:
    return {"changes": {"train.select": {"by": by, "keep": keep}}}


def fine(n: int = N, **columns) -> pd.DataFrame:
    """The first rows of a table that trains, with other columns, of any type."""
    data = {name: pd.Series(v, range(N), dtype=object) for name, v in (FINE | columns).items()}
    return pd.DataFrame(data)[:n]


def every(step: int, value, other) -> list:
    return [value if i % step == 0 else other[i] for i in range(N)]


BUNDLES = {
    "a column without a value": (fine(x=None, y=FINE["x"]), X | {"y": "float"}, {}),
    "boosting on nothing": (fine(x=None), X, {"changes": TREES}),
    "boosting, values come late": (
        fine(x=[None] * 60 + list(FINE["x"][60:])),
        X,
        {"changes": TREES | BY_TIME},
    ),
    "one class held out": (
        fine(outcome=[*FINE["outcome"][:56], *["no"] * 24]),
        X,
        {"changes": BY_TIME},
    ),
    "a constant": (fine(x=1), X, {}),
    "a constant target": (fine(x=1, outcome=1), X, REGRESSION),
    "infinity": (fine(x=every(9, INF, FINE["x"])), X, {}),
    "1e308": (fine(x=every(9, 1e308, FINE["x"])), X, {}),
    "1e38": (fine(x=every(9, 1e38, FINE["x"])), X, {}),
    "1e38 in trees": (fine(x=every(9, 1e38, FINE["x"])), X, {"changes": TREES}),
    "-0": (fine(x=every(2, -0.0, [0.0] * N)), X, {}),
    "beyond float precision": (fine(x=every(9, 2**53 + 1, range(N))), {"x": "int"}, {}),
    "beyond int64": (fine(x=every(9, 10**30, FINE["x"])), X, {}),
    "words among numbers": (fine(x=every(3, "a", FINE["x"])), {"x": "str"}, {}),
    "lists and objects": (fine(x=every(3, [1, {"a": 2}], FINE["x"])), {"x": "str"}, {}),
    "bytes": (fine(x=[bytes([i]) for i in range(N)]), {"x": "str"}, {}),
    "as many levels as rows": (fine(x=LEVELS), {"x": "str"}, {}),
    "texts like numbers": (fine(x=[TEXTS[i % len(TEXTS)] for i in range(N)]), {"x": "str?"}, {}),
    "case, spaces, normal forms": (
        fine(x=every(2, "a", ["A", "a ", "\u00e9", "e\u0301"] * N)),
        {"x": "str"},
        {},
    ),
    "labels 'NA' and 'nan'": (fine(outcome=every(2, "NA", ["nan"] * N)), X, positive("NA")),
    "yes and no": (fine(outcome=every(2, True, [False] * N)), X, positive("true")),
    "labels that are numbers": (fine(outcome=every(2, 1e300, [0.5] * N)), X, positive("0.5")),
    "labels of no font": (
        fine(outcome=[["日本", "a\nb", "$x|<b>"][i % 3] for i in range(N)]),
        X,
        positive(None),
    ),
    "a name of no font": (fine(**{"日本": FINE["x"]}), {"日本": "float"}, {}),
    "pca": (fine(x=FINE["x"]), X, select("pca")),
    "pca of a constant": (fine(x=1), X, select("pca")),
    "importance of constants": (fine(x=1, y=2), X | {"y": "float"}, select("importance", 2)),
    "reserved names in raw rows": (
        fine(_key="a", _time=1, _target="b", _group=0, _outliers=1, _failures="c"),
        X,
        {},
    ),
    "odd names": (fine(**dict.fromkeys(NAMES, FINE["x"])), dict.fromkeys(NAMES, "float"), {}),
    "300 columns": (fine(**dict.fromkeys(WIDE, FINE["x"])), WIDE, {}),
    "a target of 1e30": (fine(outcome=every(2, 1e30, FINE["x"])), X, REGRESSION),
}


@pytest.fixture(autouse=True)
def _any_decision(monkeypatch):
    """Most of these tables teach nothing, so that every row gets the same decision."""
    monkeypatch.setattr(calibration, "refuse_one_sided", lambda *_: None)


@pytest.mark.parametrize(("table", "columns", "more"), list(BUNDLES.values()), ids=list(BUNDLES))
def test_an_odd_table_ends_in_a_bundle(run_stages, table, columns, more):
    """Rows that cannot be used are dropped, the others are enough."""
    made = run_stages(table, columns, **more)
    assert isinstance(made, bundle.Bundle), made


REFUSED = {
    "one row": (fine(1), X, {}, "leaves no rows for"),
    "two rows": (fine(2), X, {}, "leaves no rows for"),
    "no row": (fine(0), X, {}, "'raw.csv' has no rows"),
    "nothing": (
        fine(id=None, x=None, outcome=None),
        X,
        {},
        "No row is left .*target is missing: 80",
    ),
    "labels 'NA' and ''": (fine(outcome=every(2, "", ["NA"] * N)), X, {}, "one class only: 'NA'"),
    "one class": (fine(outcome="yes"), X, {}, "one class only: 'yes'"),
    "infinity alone": (fine(x=INF), X, {}, "No row is left .*number beyond float32: 80"),
    "words for numbers": (
        fine(x="a"),
        {"x": "float"},
        {},
        "No row is left .*impossible value of 'x': 80",
    ),
    "words for numbers in raw rows": (
        fine(x="a"),
        {"x": "float"},
        {"raw": {"x": "float"}},
        "100.00% .*max_failed_share",
    ),
    "a word in a target": (
        fine(outcome=every(9, "many", FINE["x"])),
        X,
        REGRESSION,
        WRONG + "'many'",
    ),
    "infinity in a target": (
        fine(outcome=every(9, INF, FINE["x"])),
        X,
        REGRESSION,
        WRONG + "'inf'",
    ),
    "1e200 in a target": (
        fine(outcome=every(9, 1e200, FINE["x"])),
        X,
        REGRESSION,
        WRONG + "'1e.200'",
    ),
    "rare levels alone": (
        fine(x=LEVELS),
        {"x": "str"},
        RARE,
        "'x' has no category with prepare.min_category_count = 2",
    ),
    "one row of a class": (fine(outcome=["yes", *["no"] * 79]), X, {}, "one class only: 'no'"),
    "_target": (fine(), {"_target": "str"}, {}, "'_target' is a name of"),
    "_outliers": (fine(_outliers=1.0), {"_outliers": "float"}, {}, "'_outliers' is a name of"),
    "300 missing columns": (fine(), WIDE, {}, "no column 'c0'"),
    "a missing name of two lines": (
        fine(),
        {"a\nb": "float"},
        {"raw": {"a\nb": "float"}},
        r"miss the columns 'a\\nb'",
    ),
    "a long name": (
        fine(),
        X,
        {"changes": {"prepare.outliers": {"n" * 300: "flag"}}},
        "nnn' is no number",
    ),
    "a column twice": (
        pd.concat([fine(), fine()[["x"]]], axis=1),
        X,
        {},
        "has the column 'x' twice",
    ),
    "as many numbers as rows": (
        fine(outcome=FINE["x"]),
        X,
        positive(None),
        "'outcome' holds 80 different numbers in 80 rows, .*is this regression",
    ),
    "as many classes as rows": (
        fine(outcome=[f"class {i}" for i in range(N)]),
        X,
        positive(None),
        "Classes .* more of 'outcome' have validation or holdout rows .* no training row",
    ),
    "half a character": (
        fine(x="\ud800"),
        {"x": "str"},
        {},
        "'raw.csv' has a value that cannot be",
    ),
    "an infinite decimal": (fine(x=Decimal("Infinity")), X, {}, "beyond float32: 80"),
    "one moment": (fine(id="0001-01-01"), X, {"changes": BY_TIME}, "leaves no rows"),
    "no time": (fine(id="24:00"), X, {"changes": BY_TIME}, "cannot be read as .* '24:00'"),
}


@pytest.mark.parametrize(
    ("table", "columns", "more", "sentence"), list(REFUSED.values()), ids=list(REFUSED)
)
def test_an_odd_table_is_refused(run_stages, table, columns, more, sentence, refused):
    """One sentence names the column or the parameter."""
    refused(run_stages(table, columns, **more), sentence)


@given(case=tables())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_table_ends_in_a_bundle_or_in_a_sentence(run_stages, case):
    """Whatever stands in it."""
    assert isinstance(run_stages(*case), bundle.Bundle | str)
