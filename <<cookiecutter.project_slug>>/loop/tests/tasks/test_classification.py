"""Classes: labels out of a column, decisions, probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_loop import errors, tasks
from mlops_loop.model.contract import Contract
from mlops_loop.stage_params import Target

TASK = tasks.find("classification")
LIMIT = {"above": 2, "classes": ("no", "yes")}
TARGETS = [
    ({}, pd.Series(["a", None, "b"]), ["a", None, "b"]),
    ({}, pd.Series([1, None, 3], dtype="Int64"), ["1", None, "3"]),
    ({}, pd.Series([True, None, False], dtype=object), ["true", None, "false"]),
    (LIMIT, pd.Series([1, None, 2.5]), ["no", None, "yes"]),
    (LIMIT, pd.Series([2, None, 3], dtype="Int64"), ["no", None, "yes"]),
]
IDS = ["text", "integers", "booleans", "limit", "limit, integers"]


@pytest.mark.parametrize(("facts", "values", "wanted"), TARGETS, ids=IDS)
def test_labels_are_text(facts, values, wanted):
    """Missing stays missing; a limit itself is not above."""
    found = TASK.make_target(pd.DataFrame({"y": values}), Target(column="y", **facts))
    assert found.astype(object).where(found.notna(), None).tolist() == wanted


def test_a_limit_needs_numbers():
    """The message shows column and value."""
    rows = pd.DataFrame({"y": ["1", "many"]})
    with pytest.raises(errors.DataRefused, match=r"'y' is no number .*many"):
        TASK.make_target(rows, Target(column="y", **LIMIT))


@pytest.mark.parametrize(
    ("labels", "target", "classes"),
    [
        (["b", "a"], {}, ("a", "b")),
        (["b", "a"], {"positive": "a"}, ("b", "a")),
        (["c", "a", "b"], {"positive": "b"}, ("a", "c", "b")),
        (["yes", "no"], {"above": 1, "classes": ("no", "yes")}, ("no", "yes")),
    ],
    ids=["alphabet", "positive last", "positive of three", "limit"],
)
def test_the_order_of_classes(labels, target, classes):
    """The positive class is the last one."""
    rows = pd.DataFrame({"_target": labels})
    facts = TASK.contract_facts(rows["_target"], Target(column="y", **target))
    assert facts == {"classes": classes}
    encoded = TASK.encode_target(rows, Contract(TASK.name, "y", (), **facts))
    assert encoded.tolist() == [classes.index(label) for label in labels]


def test_one_class_is_refused():
    """The message shows it."""
    with pytest.raises(errors.DataRefused, match=r"one class only: 'a'"):
        TASK.contract_facts(pd.Series(["a", "a"]), Target(column="y"))


def test_a_positive_class_that_does_not_occur_is_refused():
    """The message lists the classes that do."""
    with pytest.raises(errors.UsageError, match=r"positive = 'ja' is none of the classes"):
        TASK.contract_facts(pd.Series(["a", "b"]), Target(column="y", positive="ja"))


def test_a_class_that_training_did_not_have_is_refused(make_contract):
    """A holdout with a new class cannot be measured."""
    with pytest.raises(errors.DataRefused, match=r"'new' do not occur in training"):
        TASK.encode_target(pd.DataFrame({"_target": ["no", "new"]}), make_contract())


def test_folds_have_their_share_of_each_class():
    """Also of a rare one."""
    y = np.arange(60) % 20 == 0
    for _, scored in TASK.folds(3, 0).split(np.zeros((60, 1)), y):
        assert y[scored].sum() == 1


def test_a_fold_without_a_class_cannot_be_fitted(make_contract):
    """A model of three classes needs rows of each."""
    contract = make_contract("multi-class")
    assert TASK.can_fit(np.array([0, 1, 2, 2]), contract)
    assert not TASK.can_fit(np.array([0, 1, 1, 1]), contract)


@pytest.mark.parametrize(
    ("kind", "row", "predicted", "probability"),
    [
        ("binary", [0.7, 0.3], "yes", 0.3),
        ("binary", [0.8, 0.2], "no", 0.2),
        ("multi-class", [0.2, 0.3, 0.5], "high", 0.5),
        ("multi-class", [0.6, 0.4, 0.0], "low", 0.6),
    ],
)
def test_predictions(make_contract, kind, row, predicted, probability):
    """The threshold decides between two classes, the largest probability among more."""
    [prediction] = TASK.predictions(np.array([row]), make_contract(kind, 0.3))
    assert (prediction["prediction"], prediction["probability"]) == (predicted, probability)
    assert list(prediction["probabilities"].values()) == row


def test_what_is_explained(make_contract):
    """The positive class of two; of more, the class that is predicted for the first row."""
    two, three = np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.1]])
    assert TASK.explained(two).tolist() == [0.1, 0.4]
    assert TASK.explained(three).tolist() == [0.7, 0.1]
    binary, many = make_contract(), make_contract("multi-class")
    assert TASK.explained_name(TASK.predictions(two, binary)[0], binary) == "probability of “yes”"
    assert TASK.explained_name(TASK.predictions(three, many)[0], many) == "probability of “mid”"
    assert TASK.describe_change(0.1234, binary) == "+12.3 points"


@pytest.mark.parametrize(
    ("threshold", "share", "percent"),
    [
        (0.4, "0.4", "40"),
        (0.235, "0.235", "23.5"),
        (0.00003, "0.00003", "0.003"),
        (0.000001234, "0.000001234", "0.0001234"),
        (0.999999, "0.999999", "99.9999"),
    ],
)
def test_a_threshold_is_shown_as_it_is(make_contract, threshold, share, percent):
    """In full, where few digits would make it 0 or 1."""
    contract = make_contract(threshold=threshold)
    rule = f"“yes” is predicted where its probability is {percent} % or more."
    assert TASK.decision_rule(contract) == rule
    assert f"`yes` from a probability of {share} on." in TASK.card_text(contract, Target())


def test_the_decision_rule_is_of_two_classes(make_contract):
    """Of more, the largest probability decides."""
    assert TASK.decision_rule(make_contract("multi-class")) == ""


@pytest.mark.parametrize("classes", [("0.0", "1.0"), ("0", "1")])
@pytest.mark.parametrize("labels", [["1", "0"], [1, 0], [1.0, 0.0]])
def test_a_model_of_an_earlier_version_knows_the_same_classes(classes, labels):
    """Its classes may be '0.0' and '1.0'; the gate compares it, and it takes the same outcomes."""
    contract = Contract(TASK.name, "y", (), classes)
    assert TASK.encode_target(pd.DataFrame({"_target": labels}), contract).tolist() == [1, 0]
    assert TASK.describe_outcomes(contract) == "0, 1"
    assert TASK.outcome(labels[0], contract) == classes[1]


OUTCOMES = [(1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), ("true", None), (True, None)]
OUTCOMES += [("", None), (2, None), (float("nan"), None)]


@pytest.mark.parametrize(("given", "stored"), OUTCOMES, ids=repr)
def test_an_outcome_is_the_class_that_it_names(given, stored):
    """As a client writes it; what is stored is the class of the model."""
    assert TASK.outcome(given, Contract(TASK.name, "y", (), ("0", "1"))) == stored


def test_outcomes_of_booleans():
    """True of JSON, 'True' of a CSV."""
    contract = Contract(TASK.name, "y", (), ("false", "true"))
    assert {TASK.outcome(given, contract) for given in (True, "True", "TRUE", "true")} == {"true"}
    assert TASK.outcome(1, contract) is None


def test_the_positive_class_that_yaml_made_a_boolean():
    """`positive: yes` is true in YAML."""
    with pytest.raises(errors.UsageError, match=r"'true' is none of .*'yes'.*YAML reads yes"):
        TASK.contract_facts(pd.Series(["no", "yes"]), Target(column="y", positive=True))
