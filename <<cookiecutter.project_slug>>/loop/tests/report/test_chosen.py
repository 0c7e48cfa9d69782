"""The report says what the search chose, and where a wider search may find more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops_loop.model.contract import Column, Contract
from mlops_loop.report import chosen

FACTS = {"task": "classification", "target": "late", "target_unit": "", "threshold": 0.25}
BINARY = Contract(columns=(Column("size", "number"),), classes=("no", "yes"), **FACTS)


def training(*values, estimator="hist_gradient_boosting"):
    """A report of stage train; the first values are the best."""
    candidates = [{"values": one, "score": 0.64882, "spread": 0.03351} for one in values]
    return {"estimator": estimator, "scoring": "roc_auc", "candidates": candidates}


def collect(*values, champion=None):
    return chosen.collect(training(*values), BINARY, champion)


def test_the_best_candidate_in_words():
    """Estimator, number of candidates, score and spread."""
    best = collect({"C": 0.1}, {"C": 1})["best"]
    assert best == "hist_gradient_boosting, best of 2: roc_auc 0.6488 ± 0.03351"


def test_chosen_and_tried_values():
    """Each value once, numbers in their order, others by name; very many as a range."""
    found = collect({"C": 10, "kind": "l2"}, {"C": 0.1, "kind": "l1"}, {"C": 2, "kind": "l2"})
    assert found["options"] == [("C", "10", "0.1, 2, 10"), ("kind", "l2", "l1, l2")]
    [(*_, tried)] = collect(*({"C": n / 7} for n in range(1, 20)))["options"]
    assert tried == "19 values from 0.1428571429 to 2.714285714"
    [(*_, tried)] = collect(*({"kind": f"k{n}"} for n in range(10)))["options"]
    assert tried == "k0, k1, k2, k3, k4, k5, k6, k7 and 2 more"


@pytest.mark.parametrize(
    ("first", "others", "is_end"),
    [
        (0.1, [1, 10], True),
        (10, [0.1, 1], True),
        (1, [0.1, 10], False),
        (1, [10], False),  # of two, each is an end
        ("l2", ["l1", "none"], False),
        (None, [2, 3, 4], False),
        (2, [None, 3, 4], True),
        (True, [False], False),
    ],
)
def test_an_end_of_what_was_tried(first, others, is_end):
    """The smallest or largest of three numbers or more; what is no number has no end."""
    found = collect({"C": first}, *({"C": value} for value in others))
    assert found["ends"] == (["C"] if is_end else [])


def test_an_estimator_as_it_is_has_no_options():
    """An empty grid is one candidate without values."""
    found = collect({})
    assert found["best"].startswith("hist_gradient_boosting, best of 1: ")
    assert found["options"] == found["ends"] == []


QUESTION = {"task": "classification", "target": "late", "classes": ["no", "yes"]}


def test_the_rule_of_the_champion_where_it_differs():
    """Another threshold changes predictions, whatever the scores do."""
    same, other = ({"contract": QUESTION | {"threshold": limit}} for limit in (0.25, 0.1))
    assert "25 % or more" in collect({"C": 1}, champion=same)["rule"]
    assert collect({"C": 1})["old_rule"] == collect({"C": 1}, champion=same)["old_rule"] == ""
    assert "10 % or more" in collect({"C": 1}, champion=other)["old_rule"]


@pytest.mark.parametrize(
    "change", [{"task": "regression"}, {"classes": ["yes", "no"]}, {"target": "early"}]
)
def test_a_champion_of_another_question_has_no_rule_here(change):
    """Its threshold would be said of a class that it never meant."""
    champion = {"contract": QUESTION | {"threshold": 0.1} | change}
    assert collect({"C": 1}, champion=champion)["old_rule"] == ""


def test_a_report_of_another_training_is_none():
    """As after `dvc repro train` with another task: its metric is not known here."""
    assert chosen.collect(training({"C": 1}) | {"scoring": "mae"}, BINARY, None) == chosen.EMPTY


def test_numbers_that_are_nearly_equal_stay_two():
    """And none has an exponent."""
    found = collect({"C": 0.1234561}, {"C": 0.1234563}, {"C": 1234567.0}, {"C": 1e-5})
    assert found["options"] == [("C", "0.1234561", "0.00001, 0.1234561, 0.1234563, 1234567")]
    assert found["ends"] == []


@pytest.mark.parametrize("found", [None, {}, {"candidates": []}])
def test_before_training_there_is_nothing(found):
    """A report without this section stays whole."""
    assert chosen.collect(found, BINARY, None) == chosen.EMPTY
    assert chosen.collect(training({"C": 1}), None, None) == chosen.EMPTY


def test_a_unit_is_shown():
    """Of a metric in the unit of the target."""
    contract = replace(BINARY, task="regression", classes=(), target_unit="minutes")
    found = chosen.collect(training({"C": 1}) | {"scoring": "mae"}, contract, None)
    assert found["best"].endswith("mae 0.6488 ± 0.03351 minutes")
    assert found["rule"] == ""
