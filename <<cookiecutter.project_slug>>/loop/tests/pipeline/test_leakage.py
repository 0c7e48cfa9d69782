"""A column that knows the target is refused; honest data are not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from mlops_loop import errors
from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import leakage

RNG = np.random.default_rng(3)


def look(column, y, task="classification", limit=0.995, kind="number"):
    """Look at columns (n_rows, n_columns) or one (n_rows,); two thirds are training rows."""
    x = np.asarray(column, np.float32).reshape(len(y), -1)
    columns = tuple(Column(f"c{i}", kind) for i in range(x.shape[1]))
    classes = tuple(map(str, np.unique(y))) if task == "classification" else ()
    at = np.random.default_rng(0).permutation(len(y))
    train, held = at[: len(y) * 2 // 3], at[len(y) * 2 // 3 :]
    contract = Contract(task, "y", columns, classes)
    leakage.refuse((x[train], y[train]), (x[held], y[held]), contract, limit)


TWO, THREE = RNG.integers(0, 2, 900), RNG.integers(0, 3, 900)
TAIL = RNG.lognormal(3, 2, 900)
LEAKS = {
    "copy with noise": (TWO + RNG.normal(0, 0.1, 900), TWO),
    "three classes": (THREE + RNG.normal(0, 0.1, 900), THREE),
    "missing pattern": (np.where(TWO, np.nan, RNG.normal(size=900)), TWO),
    "identifier": (1000 * TWO + np.arange(900), TWO),
    "huge numbers": (np.where(TWO, np.inf, RNG.normal(size=900)), TWO),
}


@pytest.mark.parametrize(("column", "y"), LEAKS.values(), ids=LEAKS)
def test_a_leak_is_refused(column, y):
    """Named, with its score and with what to do."""
    with pytest.raises(errors.DataRefused, match=r"'c0' alone .* ROC AUC [01]\.\d+.*ModelInput"):
        look(column, y)


def test_a_category_that_encodes_the_class_is_refused():
    """Sixty levels without an order, each with its class."""
    levels = RNG.integers(0, 60, 900)
    with pytest.raises(errors.DataRefused, match="'c0' alone"):
        look(levels, RNG.permutation(60)[levels] % 2, kind="category")


@pytest.mark.parametrize("y", [RNG.normal(size=900), TAIL], ids=["normal", "long tail"])
def test_a_copy_of_a_number_is_refused(y):
    """With noise of two hundredths of its spread, whatever its distribution."""
    with pytest.raises(errors.DataRefused, match=r"'c0' alone .* R2 of ranks 0.99"):
        look(np.argsort(np.argsort(y)) + RNG.normal(0, 10, 900), y, "regression")


@pytest.mark.parametrize("name", ["breast_cancer", "wine"])
def test_honest_classes_pass(name):
    """Good features, of data that everybody knows."""
    look(*getattr(datasets, f"load_{name}")(return_X_y=True))


@pytest.mark.parametrize("noise", [0.5, 5])
def test_honest_numbers_pass(noise):
    """A feature may explain most of the target."""
    y = RNG.normal(size=900)
    look(y + RNG.normal(0, noise, 900), y, "regression")


@pytest.mark.parametrize("kind", ["number", "category"])
def test_luck_on_few_held_rows_is_no_leak(kind):
    """Six rows are ranked rightly by chance, but the training rows are not."""
    x, y = RNG.normal(size=(300, 1)).astype(np.float32), RNG.integers(0, 2, 300)
    x = np.round(x * 3) if kind == "category" else x
    contract = Contract("classification", "y", (Column("c", kind),), ("a", "b"))
    held = (np.sort(x[:6], axis=0), np.array([0, 0, 0, 1, 1, 1]))
    leakage.refuse((x, y), held, contract, 0.995)


def test_a_limit_of_one_looks_at_nothing():
    """Even a copy passes."""
    look(TWO, TWO, limit=1)


def test_one_class_among_held_rows_is_no_leak():
    """There is no score; the threshold is refused later."""
    contract = Contract("classification", "y", (Column("c", "number"),), ("a", "b"))
    x = TWO.reshape(-1, 1).astype(np.float32)
    leakage.refuse((x, TWO), (x[:5], np.zeros(5, int)), contract, 0.995)
