"""The split is a rule: every row has one part, and keeps it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_loop import errors, params
from mlops_loop.pipeline import split

STRATEGIES = ["time", "group", "stratified", "random"]


def settings_for(strategy: str) -> params.Split:
    return params.Split(strategy=strategy, column="c", validation=0.2, holdout=0.3)


def rows_of(keys: list) -> pd.DataFrame:
    columns = {split.KEY: keys, split.GROUP: keys, split.TIME: keys}
    return pd.DataFrame(
        columns | {split.TARGET: ["yes" if str(key) > "20" else "no" for key in keys]}
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(keys=st.lists(st.integers(0, 30).map(float), min_size=1, max_size=80))
@settings(max_examples=50, deadline=None)
def test_parts_are_a_partition_or_refused(strategy, keys):
    """Every row is in one part, no part is empty, and equal values stay together."""
    rows = rows_of(keys)
    try:
        rule = split.make_rule(rows, settings_for(strategy), seed=1)
    except errors.DataRefused:
        return
    parts = split.part_of(rows, rule)
    assert set(parts) == set(split.PARTS)
    assert (parts.groupby(rows[split.KEY]).nunique() == 1).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rule_survives_json(strategy, make_rows):
    """What is asked after training gives what was done in training."""
    rows = make_rows()
    rule = split.make_rule(rows, settings_for(strategy), seed=1)
    again = json.loads(json.dumps(rule))
    pd.testing.assert_series_equal(split.part_of(rows, rule), split.part_of(rows, again))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_shares_are_about_what_was_asked(strategy):
    """With many values, each part has its share of the rows."""
    rows = rows_of([float(i) for i in range(4000)])
    parts = split.part_of(rows, split.make_rule(rows, settings_for(strategy), seed=1))
    shares = parts.value_counts(normalize=True)
    wanted = {"train": 0.5, "validation": 0.2, "holdout": 0.3}
    assert shares.to_dict() == pytest.approx(wanted, abs=0.03)


@pytest.mark.parametrize("strategy", ["group", "random"])
def test_a_row_keeps_its_part_when_rows_are_added(strategy, make_rows):
    """A row that was held out once is held out for ever."""
    rows = make_rows(400)
    small, large = (
        split.part_of(part, split.make_rule(part, settings_for(strategy), seed=1))
        for part in (rows[100:300], rows)
    )
    pd.testing.assert_series_equal(small, large[100:300])


def test_the_order_of_rows_does_not_matter(make_rows):
    """Sorting the source changes no part."""
    rows = make_rows(200)
    shuffled = rows.sample(frac=1, random_state=1)
    for strategy in STRATEGIES:
        rule = split.make_rule(rows, settings_for(strategy), seed=1)
        assert split.make_rule(shuffled, settings_for(strategy), seed=1) == rule
        pd.testing.assert_series_equal(
            split.part_of(rows, rule), split.part_of(shuffled, rule).sort_index()
        )


def test_time_goes_forward(make_rows):
    """Training is before validation, validation before the holdout."""
    rows = make_rows(200)
    parts = split.part_of(rows, split.make_rule(rows, settings_for("time"), seed=1))
    first, last = (rows[split.TIME].groupby(parts).agg(how) for how in ("min", "max"))
    assert last["train"] < first["validation"]
    assert last["validation"] < first["holdout"]


def test_rows_of_one_moment_stay_together():
    """A limit never cuts through ties."""
    rows = rows_of([1.0] * 5 + [2.0] * 3 + [3.0] * 4)
    parts = split.part_of(rows, split.make_rule(rows, settings_for("time"), seed=1))
    assert parts.tolist() == ["train"] * 5 + ["validation"] * 3 + ["holdout"] * 4


@pytest.mark.parametrize("strategy", ["group", "random"])
def test_another_seed_is_another_split(strategy):
    """The seed is a parameter of the split."""
    rows = rows_of([str(i) for i in range(200)])
    parts = [
        split.part_of(rows, split.make_rule(rows, settings_for(strategy), seed)) for seed in (1, 2)
    ]
    assert (parts[0] != parts[1]).any()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_seen_is_all_but_the_holdout(strategy, make_rows):
    """Validation rows were tuned on: they count as seen."""
    rows = make_rows(200)
    rule = split.make_rule(rows, settings_for(strategy), seed=1)
    assert (split.seen(rows, rule) == (split.part_of(rows, rule) != "holdout")).all()
    assert split.seen(rows, rule).sum() > (split.part_of(rows, rule) == "train").sum()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("keys", [["a"], ["a"] * 50, []], ids=["one row", "one value", "no rows"])
def test_empty_parts_are_refused(strategy, keys):
    """The message names the parts and the key in params.yaml."""
    with pytest.raises(errors.DataRefused, match=r"leaves no rows for .* See split in params.yaml"):
        split.make_rule(rows_of(keys), settings_for(strategy), seed=1)


def test_the_hash_is_the_same_for_ever():
    """A champion's rule is asked years later, on another machine."""
    assert split.uniform("key", 1) == 0.507819566984265
    assert all(0 <= split.uniform(str(i), 0) < 1 for i in range(100))


def test_stratified_parts_have_the_share_of_each_class():
    """To the row, also for a class of two percent."""
    rows = pd.DataFrame({split.KEY: range(1000), split.TARGET: ["rare"] * 20 + ["common"] * 980})
    parts = split.part_of(rows, split.make_rule(rows, settings_for("stratified"), seed=1))
    rare, common = (parts[rows[split.TARGET] == label] for label in ("rare", "common"))
    assert rare.value_counts().to_dict() == {"train": 10, "holdout": 6, "validation": 4}
    assert common.value_counts().to_dict() == {"train": 490, "holdout": 294, "validation": 196}


def test_a_class_that_the_rule_has_not_seen_is_divided_by_the_shares():
    """A new class is no reason to fail: its rows fall as those at random do."""
    rows = rows_of([float(i) for i in range(2000)])
    rule = split.make_rule(rows, settings_for("stratified"), seed=1)
    parts = split.part_of(rows.assign(**{split.TARGET: "new"}), rule)
    assert (parts == "holdout").mean() == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("strategy", ["time", "stratified"])
def test_a_pinned_rule_keeps_the_holdout_when_rows_are_added(strategy, make_rows):
    """What the rule of the first run held out is held out in the second."""
    rows = make_rows(400)
    first = split.make_rule(rows[:200], settings_for(strategy), seed=1)
    loose = split.make_rule(rows, settings_for(strategy), seed=1)
    pinned = settings_for(strategy).model_copy(update={"pinned": json.loads(json.dumps(first))})
    again = split.make_rule(rows, pinned, seed=9)
    assert again == first
    assert again != loose
    pd.testing.assert_series_equal(
        split.part_of(rows, again)[:200], split.part_of(rows[:200], first)
    )


@pytest.mark.parametrize(
    "pinned",
    [
        {"holdout_from": 3},
        {"holdout_from": "2024", "validation_from": "2023"},
        {"strategy": "group"},
    ],
    ids=["half of it", "another type", "another strategy"],
)
def test_a_pinned_rule_that_does_not_fit_is_refused(pinned):
    """The message says where a rule comes from."""
    rows = pd.DataFrame({split.TIME: [1.0, 2.0, 3.0, 4.0]})
    wanted = settings_for("time").model_copy(update={"pinned": pinned})
    with pytest.raises(errors.UsageError, match=r"split\.pinned.*split\.json"):
        split.make_rule(rows, wanted, seed=1)


@given(
    held=st.lists(st.integers(0, 9), min_size=1, max_size=20),
    known=st.lists(st.integers(0, 9), max_size=20),
)
def test_overlap_is_the_share_of_holdout_rows_that_training_knows(held, known):
    """Counted one by one; missing values are equal to each other."""
    rows = pd.DataFrame({"a": [*held, *known], "b": np.nan})
    parts = pd.Series(["holdout"] * len(held) + ["train"] * len(known))
    expected = sum(value in known for value in held) / len(held)
    assert split.overlap(rows, parts, ["a", "b"]) == pytest.approx(expected)


OLD_TEXT = {"integers": "{}.0", "codes": "{}"}
NEW_TEXT = {"integers": "{}", "codes": "{:05}"}


@pytest.mark.parametrize("strategy", ["group", "random", "stratified"])
@pytest.mark.parametrize("kind", OLD_TEXT)
def test_a_champion_of_an_earlier_version_has_seen_what_it_may_have_seen(strategy, kind):
    """It hashed other texts of the same keys: what it saw then must not count as unseen now."""
    keys = [[text[kind].format(i) for i in range(400)] for text in (OLD_TEXT, NEW_TEXT)]
    before, after = (rows_of(own).assign(**{split.TARGET: ["a", "b"] * 200}) for own in keys)
    rule = split.make_rule(before, settings_for(strategy), seed=1)
    del rule["texts"]
    seen_then = (split.part_of(before, rule) != "holdout").to_numpy()
    seen_now = split.seen(after, rule)
    assert seen_now[seen_then].all()
    assert not seen_now.all()


def test_a_key_that_may_have_been_written_in_many_ways_counts_as_seen():
    """Nobody can tell; a rule of this version knows."""
    rows = rows_of(["\x1f".join(map(str, range(i, i + 8))) for i in range(100)])
    rule = {"strategy": "random", "seed": 1, "validation": 0.2, "holdout": 0.3}
    assert split.seen(rows, rule).all()
    assert not split.seen(rows, rule | {"texts": split.TEXTS}).all()


def test_labels_of_an_earlier_version_have_their_limits():
    """'0.0' is the class '0'."""
    rows = rows_of([f"{i}" for i in range(200)]).assign(**{split.TARGET: ["0", "1"] * 100})
    rule = split.make_rule(rows, settings_for("stratified"), seed=1)
    old = rule | {"limits": {f"{label}.0": limits for label, limits in rule["limits"].items()}}
    pd.testing.assert_series_equal(split.part_of(rows, old), split.part_of(rows, rule))
