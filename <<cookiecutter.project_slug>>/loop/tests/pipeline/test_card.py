"""The model card says what goes in, what was measured, and what was not."""

from __future__ import annotations

import math
import re

import pytest

from mlops_loop.model import contract
from mlops_loop.pipeline import card

COLUMNS = (
    contract.Column("size", "number", nullable=True, minimum=0, maximum=9.5, unit="cm"),
    contract.Column("count", "integer", minimum=1),
    contract.Column("rank", "integer", maximum=10),
    contract.Column("member", "boolean"),
    contract.Column("colour", "category", levels=("red", "a|b"), closed=True),
    contract.Column("town", "category", levels=("here", "there")),
)
ALLOWED = ["0 to 9.5 cm", "1 to any", "up to 10", "any", "red, a|b", "2 known, others .* unseen"]


@pytest.fixture
def write(make_params):
    """`write("binary", {...})` is the card for these metrics."""

    def text(
        kind: str = "binary", metrics: dict | None = None, slices=(), changes=None, gaps=()
    ) -> str:
        classes = {"binary": ("no", "yes"), "multi-class": ("a", "b", "c")}.get(kind, ())
        task = "classification" if classes else "regression"
        whole = contract.Contract(task, "outcome", COLUMNS, classes, 0.25, "EUR")
        result = {"metrics": {"n_rows": 1234} | (metrics or {}), "slices": list(slices)}
        result |= {"intervals": {"log_loss": [0.25, 1.5]}, "gaps": list(gaps)}
        result["baselines"] = {"log_loss": {"constant": 0.75, "shallow": 0.625}}
        result["importance"] = [{"column": column.name, "loss": 0.125} for column in COLUMNS]
        return card.model_card(whole, result, make_params(kind, changes), 5678)

    return text


def slice_of(value: str, n_rows: int, loss: float, bounds: list[float]) -> dict:
    record = {"column": "team", "value": value, "n_rows": n_rows, "log_loss": loss}
    return record | {"intervals": {"log_loss": bounds}}


@pytest.mark.parametrize(("column", "allowed"), list(zip(COLUMNS, ALLOWED, strict=True)))
def test_every_input_has_a_line(write, column, allowed):
    """With its kind, what is allowed, and whether it may be missing."""
    missing = "may be" if column.nullable else "no"
    allowed = allowed.replace("|", r"\\?\|")
    line = rf"^\| {column.name} \| {column.kind} \| {allowed}.* \| {missing} \| 0.1250 \|$"
    assert re.search(line, write(), re.MULTILINE)


def test_tables_keep_their_columns(write):
    """A bar in a value does not make another cell."""
    slices = [slice_of("a|b", 99, 0.5, [0.25, 0.75])]
    for line in write(metrics={"log_loss": 0.5}, slices=slices).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line))
        assert cells in (0, 4, 5, 6), line
    assert r"team = a\|b | 99 |" in write(slices=slices)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("binary", "into `no`, `yes`. `yes` from a probability of 0.25 on."),
        ("multi-class", "into `a`, `b`, `c`. Estimator"),
        ("regression", "Predicts `outcome` as a number (EUR)."),
    ],
)
def test_the_intended_use(write, kind, sentence):
    """What is predicted, and from which probability on."""
    assert sentence in write(kind)


def test_the_meaning_of_the_classes_is_named(write):
    """What the classes mean."""
    changes = {"target.above": 15, "target.classes": ["no", "yes"], "target.unit": "min"}
    changes["target.positive"] = None
    assert "(more than 15 min)" in write(changes=changes)


@pytest.mark.parametrize(
    ("value", "shown"), [(0.25, "0.2500"), (math.nan, "not defined"), (None, "not defined")]
)
def test_metrics_are_shown_or_not_defined(write, value, shown):
    """Never 'nan'."""
    text = write(metrics={"log_loss": value})
    assert f"| log_loss | {shown} | 0.2500 to 1.5000 | 0.7500 | 0.6250 |" in text
    assert "1,234 rows that the model has not seen" in text
    assert "nan" not in text


def test_slices_that_were_not_measured_are_a_limit(write):
    """Too few rows is said in the table and at the end."""
    slices = [
        slice_of("a", 99, 0.5, [0.25, 0.75]),
        slice_of("b", 98, math.nan, [math.nan, math.nan]),
        {"column": "team", "value": "c", "n_rows": 5},
    ]
    text = write(slices=slices)
    assert "| team = a | 99 | 0.5000 | 0.2500 to 0.7500 |" in text
    assert "| team = b | 98 | not defined | not defined |" in text
    assert "| team = c | 5 | too few rows |  |" in text
    assert "fewer than 20 rows: team = c." in text


def test_data_and_split_are_described(write):
    """How many rows, from where, and how they were divided."""
    text = write(changes={"split.strategy": "time", "split.column": "moment"})
    assert "Source `raw.csv`. Trained on 5,678 rows, measured on 1,234 rows" in text
    assert "divided by time (`moment`)" in text


def test_gaps_between_groups_are_listed(write):
    """Which groups, in which metric, how far, and how sure that is."""
    gap = {"column": "team", "metric": "recall", "high": "a", "low": "b", "gap": 0.25}
    text = write(gaps=[gap | {"interval": [0.125, 0.375]}])
    assert "| team: a and b | recall | 0.2500 | 0.1250 to 0.3750 |" in text
    assert "Widest gaps" not in write()


def test_the_owner_says_what_the_model_is_for_and_where_it_ends(write):
    """Words of params.yaml, where they belong."""
    words = {"evaluate.intended_use": "For planning.", "evaluate.limits": "One city alone."}
    use, _, rest = write(changes=words).partition("## Data")
    assert "For planning." in use
    assert "One city alone." in rest.partition("## Limits")[2]


def test_metrics_have_their_units(write, make_params):
    """In the table, by slice, and in what the importance is measured by."""
    record = {"column": "team", "value": "a", "n_rows": 99, "mae": 2.5}
    record |= {"intervals": {"mae": [2.0, 3.0]}}
    gap = {"column": "team", "metric": "mae", "high": "a", "low": "b", "gap": 1.5}
    text = write(
        "regression", {"mae": 2.5, "r2": 0.5}, [record], None,
        [gap | {"interval": [1.0, 2.0]}],
    )  # fmt: skip
    assert "| mae (EUR) | 2.5000 |" in text
    assert "| r2 | 0.5000 |" in text
    assert "## mae (EUR) by slice" in text
    assert "| slice | rows | mae (EUR) |" in text
    assert "| mae (EUR) | 1.5000 |" in text
    assert "what mae (EUR) loses" in text
