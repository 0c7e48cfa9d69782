"""A category of many levels is refused, or said, before it fills the memory."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlops_loop import errors, project
from mlops_loop.pipeline import memory, search, train
from mlops_loop.pipeline.derive import derive_contract
from mlops_loop.pipeline.model_pipeline import Estimator, build_pipeline

N = 3000
pytestmark = pytest.mark.usefixtures("rows_as_they_are")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Scores of a search are kept in the folder where it runs."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def training(make_rows) -> pd.DataFrame:
    """Rows of 1,000 towns: 990 have two each, and ten share the others."""
    towns = [f"town {i}" for i in range(990)] * 2
    towns += [f"large {i % 10}" for i in range(N - len(towns))]
    return make_rows(N).assign(town=towns)


@pytest.fixture
def contract(training, inputs, make_params):
    """With a level for each town."""
    return derive_contract(inputs.to_schema(), training, make_params())


@pytest.fixture
def machine(monkeypatch):
    """`machine(1e9)`: one with a gigabyte of memory."""
    return lambda size: monkeypatch.setattr(memory, "total", lambda: size)


def test_levels_that_do_not_fit_are_refused_with_what_fits(
    training, contract, make_params, machine
):
    """By column, levels and the count that leaves few enough, before the search."""
    machine(40e6)
    with pytest.raises(errors.DataRefused) as refused:
        train.train(training, training, make_params())
    text = str(refused.value)
    assert text.startswith("'town' has 1,001 levels. As columns of 0 and 1 for 3,000 training rows")
    assert "Next: set prepare.min_category_count: 5 (here 1), which leaves 10; " in text
    assert 'categories="codes"' in text
    fewer = make_params(changes={"prepare.min_category_count": 5})
    assert train.train(training, training, fewer).candidates


def test_codes_take_one_column_each(training, make_params, machine, monkeypatch):
    """So they are not asked."""
    machine(40e6)
    own = {"linear": Estimator(partial(LogisticRegression), numbers="scaled", categories="codes")}
    monkeypatch.setattr(project, "estimators", lambda: own)
    assert train.train(training, training, make_params()).candidates


def test_much_is_said(training, contract, machine, monkeypatch):
    """Where it fits; little is not."""
    machine(40e9)
    assert memory.one_hot(contract, training, 1) is None
    monkeypatch.setattr(memory, "MUCH", 40e6)
    assert "1,001 levels" in memory.one_hot(contract, training, 1)


def test_where_no_count_helps_none_is_proposed(training, contract, machine):
    """A thousand levels of a hundred rows each, or a machine that holds nothing."""
    machine(1e3)
    with pytest.raises(errors.DataRefused, match=r'Next: group the levels .*"codes"'):
        memory.one_hot(contract, training, 1)


def test_the_estimate_is_that_of_the_pipeline(training, contract, make_params):
    """The peak of its columns is between half of it and all of it."""
    pipeline = build_pipeline(Estimator(partial(LogisticRegression)), contract, 1)
    x = contract.encode_table(training)
    tracemalloc.start()
    features = pipeline[:-1].fit_transform(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    estimate = memory._size(*features.shape)
    assert 0.5 * estimate < peak < 1.1 * estimate


def test_this_machine_has_some_memory():
    """Unless nobody can tell."""
    assert 1e8 < memory.total() <= float("inf")


@pytest.mark.parametrize(("content", "limit"), [("1000000\n", 1_000_000), ("max\n", None)])
def test_a_container_has_its_own_limit(tmp_path, monkeypatch, content, limit):
    """The file of control groups says it."""
    (tmp_path / "memory.max").write_text(content)
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    assert (memory.total() == limit) == (limit is not None)


class Greedy(LogisticRegression):
    """It asks for more than there is."""

    def fit(self, x, y):
        """Raises what numpy does."""
        raise MemoryError("Unable to allocate 74.5 GiB")


def test_memory_that_runs_out_is_no_fault_of_the_grid(contract):
    """The command line says what helps."""
    blank = build_pipeline(Estimator(partial(Greedy)), contract, 1)
    with pytest.raises(MemoryError):
        search.fit(blank, {}, np.zeros((4, len(contract.columns))), np.array([0, 1, 0, 1]))
