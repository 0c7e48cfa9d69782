"""`params.yaml` is read whole or refused by name."""

from __future__ import annotations

import copy
import re

import pytest
import yaml

from mlops_loop import errors, params

VALID = {
    "task": "classification",
    "seed": 1,
    "source": {"kind": "files", "path": "data/*.csv", "fingerprint": "data"},
    "validate": {"max_failed_share": 0.01},
    "target": {"column": "outcome"},
    "prepare": {"key": ["id"]},
    "split": {"strategy": "random", "validation": 0.2, "holdout": 0.2},
    "train": {"estimator": "linear", "scoring": "roc_auc"},
    "export": {"format": "onnx"},
    "evaluate": {"slices": ["team"]},
}
WRONG = [
    ("task", "ranking", "'classification' or 'clustering' or 'regression'"),
    ("seed", -1, "greater than or equal to 0"),
    ("seed", "many", "valid integer"),
    ("source.path", None, "valid string"),
    ("source.format", "xlsx", "'csv', 'parquet' or 'excel'"),
    ("validate.max_failed_share", 1, "less than 1"),
    ("validate.max_failed_share", -0.1, "greater than or equal to 0"),
    ("target.above", "much", "valid number"),
    ("prepare.key", "id", "valid list"),
    ("split.strategy", "alphabet", "'time', 'group', 'stratified' or 'random'"),
    ("split.max_overlap", 1.5, "less than or equal to 1"),
    ("split.pinned", "last year", "valid mapping"),
    ("prepare.outliers", {"size": "hide"}, "'flag', 'clip' or 'drop'"),
    ("prepare.fences", 0, "greater than 0"),
    ("prepare.min_category_count", 0, "greater than or equal to 1"),
    ("split.holdout", 0, "greater than 0"),
    ("split.validation", 1.0, "less than 1"),
    ("train.n_iter", 0, "greater than or equal to 1"),
    ("train.folds", 1, "greater than or equal to 2"),
    ("train.grid", {"C": []}, "at least 1 item"),
    ("train.grid", [1], "valid mapping"),
    ("train.threshold", 1.5, "less than 1"),
    ("train.search", "bayes", "'grid', 'random', 'halving' or 'optuna'"),
    ("train.select", {"by": "luck", "keep": 3}, "'mutual_information', 'importance' or 'pca'"),
    ("train.select", {"by": "pca", "keep": 0}, "greater than or equal to 1"),
    ("train.class_weight", "even", "'balanced'"),
    ("train.calibrate", "platt", "'sigmoid' or 'isotonic'"),
    ("train.leakage_threshold", 1.1, "less than or equal to 1"),
    ("export.format", "pickle", "'onnx' or 'skops'"),
    ("export.tolerance", 0, "greater than 0"),
    ("export.golden_rows", 0, "greater than or equal to 1"),
    ("evaluate.min_slice_rows", 0, "greater than or equal to 1"),
]


@pytest.fixture
def load(tmp_path):
    """`load({"split.holdout": 0.3})` writes a valid file with that change and reads it."""

    def write_and_load(changes: dict) -> params.Params:
        data = copy.deepcopy(VALID)
        for key, value in changes.items():
            *parents, name = key.split(".")
            section = data
            for parent in parents:
                section = section[parent]
            section[name] = value
        path = tmp_path / "params.yaml"
        path.write_text(yaml.safe_dump(data))
        return params.load(path)

    return write_and_load


@pytest.mark.parametrize(("key", "value", "allowed"), WRONG, ids=[f"{k}={v}" for k, v, _ in WRONG])
def test_a_wrong_value_is_refused_by_name(load, key, value, allowed):
    """The message names file, key, value and what is allowed."""
    with pytest.raises(errors.UsageError) as error:
        load({key: value})
    text = str(error.value)
    assert f"params.yaml: {key}" in text
    assert allowed in text
    assert isinstance(value, dict) or f"= {value!r}" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"split.strategy": "time"}, "strategy 'time' needs a column"),
        ({"split.holdout": 0.7, "split.validation": 0.25}, "must stay under 0.9"),
        ({"target.above": 3}, "target.above needs target.classes"),
        ({"target.classes": ["no", "yes"]}, "target.classes names the sides of target.above"),
        (
            {"target.above": 3, "target.classes": ["no", "yes"], "target.positive": "no"},
            "target.positive is the last of target.classes",
        ),
        ({"task": "regression", "target.positive": "yes"}, "target.positive makes classes"),
        ({"train.calibrate": "isotonic"}, "set export.format: skops"),
        ({"task": "regression", "train.calibrate": "sigmoid"}, "train.calibrate is for classes"),
        ({"task": "regression", "train.class_weight": "balanced"}, "class_weight is for classes"),
        ({"train.grid": {"early_stopping": [True]}}, "set train.early_stopping"),
        (
            {"evaluate.cluster": "_time"},
            r"cluster: _time is made by split.strategy: time, .* random.*null",
        ),
        (
            {"evaluate.cluster": "_group", "split.strategy": "stratified"},
            r"_group is made by .*: group, and here it is stratified",
        ),
        (
            {"task": "regression", "target.above": 3, "target.classes": ["no", "yes"]},
            "target.above makes classes",
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_values_that_do_not_fit_each_other_are_refused(load, changes, reason):
    """The message says which two, without repeating the whole file."""
    with pytest.raises(errors.UsageError, match=reason) as error:
        load(changes)
    assert len(str(error.value)) < 300
    assert ": file" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "words"])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    """By its name alone: no key is wrong."""
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(errors.UsageError, match=r"params\.yaml: Input should be a valid mapping"):
        params.load(path)


@pytest.mark.parametrize("value", ["most", 2, [1], {"f1": 1}], ids=str)
def test_a_key_of_several_kinds_is_named_as_in_the_file(load, value):
    """Once, with what each kind allows, and without the validator's names for them."""
    with pytest.raises(errors.UsageError) as error:
        load({"train.threshold": value})
    text = str(error.value)
    assert re.search(r"params.yaml: train.threshold( = .*)?: Input", text)
    assert text.count("train.threshold") == 1
    assert "'balanced_accuracy' or 'f1'; or: Input" in text
    assert "literal" not in text
    assert "constrained" not in text


def test_a_section_without_keys_is_refused_in_words_of_the_file(load):
    """No class of the code is named."""
    with pytest.raises(errors.UsageError, match=r"evaluate = None: Input .* a valid mapping\.$"):
        load({"evaluate": None})


@pytest.mark.parametrize("strategy", ["time", "group"])
def test_a_cluster_that_the_split_makes_is_taken(load, strategy):
    """Each strategy has its own."""
    changes = {"split.strategy": strategy, "split.column": "day"}
    assert load(changes | {"evaluate.cluster": f"_{strategy}"}).evaluate.cluster


@pytest.mark.parametrize("key", ["colour", "train.epochs"])
def test_an_unknown_key_is_refused(load, key):
    """A typing error is never silently ignored."""
    with pytest.raises(errors.UsageError, match=f"{key} = 1: Extra inputs are not permitted"):
        load({key: 1})


VALUES_OF_RENAMED = {
    "source.fingerprint": "data",
    "prepare.carry_columns": ["team"],
    "prepare.min_category_count": 5,
    "train.n_iter": 4,
    "train.leakage_threshold": 0.9,
}


@pytest.mark.parametrize(("old", "new"), params.RENAMED.items())
def test_an_old_name_is_refused_with_the_new_one(load, old, new):
    """A file that an earlier version of the loop could read says what to write instead."""
    with pytest.raises(errors.UsageError, match=rf"{old}( = .*)?: it is called {new} now"):
        load({old: VALUES_OF_RENAMED[new]})


@pytest.mark.parametrize(("new", "value"), VALUES_OF_RENAMED.items())
def test_a_renamed_key_is_read(load, new, value):
    """Each new name is one that the file may have."""
    assert new in params.RENAMED.values()
    load({new: value})


def test_all_wrong_values_are_reported_at_once(load):
    """One line each."""
    with pytest.raises(errors.UsageError) as error:
        load({"seed": -1, "train.folds": 0, "task": None})
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a: [", "is not YAML"), ("", "valid mapping"), ("- 1", "valid mapping")],
    ids=["broken", "empty", "list"],
)
def test_a_file_that_holds_no_parameters_is_refused(tmp_path, text, reason):
    """Not YAML, or YAML of something else."""
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(errors.UsageError, match=reason):
        params.load(tmp_path / "params.yaml")


def test_a_missing_file_says_where_to_be(tmp_path):
    """Most often the command was called in another folder."""
    with pytest.raises(errors.UsageError, match=r"is missing\. Run this in the project's root"):
        params.load(tmp_path / "params.yaml")


def test_parameters_cannot_be_changed(load):
    """A stage cannot leave a changed value to the next one."""
    with pytest.raises(ValueError, match="frozen"):
        load({}).seed = 2


POSITIVE = [(0, "0"), (1.0, "1"), ("1.0", "1"), (True, "true"), ("FALSE", "false"), ("007", "007")]


@pytest.mark.parametrize(("written", "label"), [*POSITIVE, ("yes", "yes"), (None, None)], ids=repr)
def test_the_positive_class_may_be_written_as_in_the_data(written, label):
    """By the rule of labels; numbers and booleans of YAML too."""
    data = VALID | {"target": {"column": "outcome", "positive": written}}
    assert params.Params.model_validate(data).target.positive == label


@pytest.mark.parametrize("wrong", [[1], {"a": 1}])
def test_a_positive_class_is_one_value(wrong, tmp_path):
    """No list of them."""
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(VALID | {"target": {"column": "outcome", "positive": wrong}}))
    with pytest.raises(errors.UsageError, match=r"target\.positive"):
        params.load(path)


def written(tmp_path, text: str) -> params.Params:
    """The valid parameters, with these lines at their end."""
    path = tmp_path / "params.yaml"
    keys = {line.split(":")[0] for line in text.splitlines()}
    rest = {key: value for key, value in VALID.items() if key not in keys}
    path.write_text(f"{yaml.safe_dump(rest)}\n{text}\n")
    return params.load(path)


def test_classes_are_named_as_people_write_them(tmp_path):
    """In YAML 1.2 `yes` and `no` are texts; numbers and booleans are names, too."""
    for names, classes in {"no, yes": ("no", "yes"), "0, 1": ("0", "1"),
                           "false, true": ("false", "true")}.items():  # fmt: skip
        text = f"target: {{column: outcome, above: 1, classes: [{names}]}}"
        assert written(tmp_path, text).target.classes == classes


@pytest.mark.parametrize("text", ["yes", "0", "true", "'0'"])
def test_the_positive_class_needs_no_quotes(tmp_path, text):
    """As in a file."""
    found = written(tmp_path, f"target: {{column: outcome, positive: {text}}}")
    assert found.target.positive == text.strip("'")


def test_numbers_are_read_as_dvc_writes_them(tmp_path):
    """`dvc exp run -S export.tolerance=0.00001` writes 1e-05, which YAML 1.1 takes for a text."""
    found = written(tmp_path, "export: {tolerance: 1e-05}")
    assert found.export.tolerance == 1e-05


def test_a_key_that_comes_twice_is_refused(tmp_path):
    """Nobody knows which was meant."""
    with pytest.raises(errors.UsageError, match=r'duplicate key "seed".*line: \d+\)$'):
        written(tmp_path, "seed: 1\nseed: 2")
