"""Raw rows become model rows; what is dropped is counted by reason."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq
import pytest
from pandera.typing import Series

from mlops_loop import errors, files, paths, project
from mlops_loop.pipeline import prepare, split
from mlops_loop.pipeline.cleaning import ADVICE
from mlops_loop.values import SEPARATOR

pytestmark = pytest.mark.usefixtures("rows_as_they_are")
ALL = {"prepare.max_dropped_share": dict.fromkeys(ADVICE, 1)}  # may go


@pytest.fixture
def raw(make_rows) -> pd.DataFrame:
    """A hundred raw rows."""
    rows = make_rows(100)
    return rows.drop(columns=list(split.RESERVED))


def test_good_rows_are_all_kept(raw, make_params, inputs):
    """With the columns of the model input, those to keep, and the reserved ones."""
    done = prepare.prepare(raw, make_params())
    assert len(done.rows) == 100
    assert not any(item.n for item in done.dropped)
    wanted = [*inputs.to_schema().columns, "team", split.KEY, split.TARGET]
    assert set(done.rows.columns) == set(wanted)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("outcome", None, "target is missing"),
        ("id", 0, "key came before"),
        ("size", -1000.0, "impossible value of 'size'"),
        ("size", 1e39, "number beyond float32"),
        ("colour", "pink", "impossible value of 'colour'"),
    ],
)
def test_each_dropped_row_has_its_reason(raw, make_params, column, value, reason):
    """One row is dropped, and counted once."""
    raw.loc[5, column] = value
    done = prepare.prepare(raw, make_params())
    assert {item.words: item.n for item in done.dropped if item.n} == {reason: 1}
    assert done.rows[split.KEY].tolist() == [str(i) for i in range(100) if i != 5]


def count(done: prepare.Prepared, reason: str) -> int:
    [n] = [item.n for item in done.dropped if item.reason == reason]
    return n


def test_the_first_of_equal_keys_stays(raw, make_params):
    """A key of several columns."""
    changes = {"prepare.key": ["team", "count"]} | ALL
    done = prepare.prepare(raw, make_params(changes=changes))
    firsts = raw.drop_duplicates(["team", "count"])
    assert len(done.rows) == len(firsts)
    assert done.rows["count"].tolist() == firsts["count"].tolist()


def test_without_a_key_equal_rows_are_doubles(raw, make_params):
    """All columns together are the key then, missing values included."""
    doubled = pd.concat([raw, raw[:10]])
    done = prepare.prepare(doubled, make_params(changes={"prepare.key": []} | ALL))
    assert count(done, "repeated_key") == 10


def test_rows_that_lack_a_part_of_their_key_are_not_one_row(raw, make_params):
    """All of their values identify them: none is a double of another one, and both sides get some.

    A row that came twice as a whole is still one.
    """
    raw["ticket"] = [None if i % 2 else f"t{i}" for i in range(100)]
    wanted = make_params(changes={"prepare.key": ["ticket", "colour"]})
    twice = pd.concat([raw, raw[1:2]], ignore_index=True)
    done = prepare.prepare(twice, wanted)
    assert len(done.rows) == 100
    assert (count(done, "repeated_key"), done.incomplete_keys) == (1, 51)
    assert done.rows[split.KEY].is_unique
    lacking = done.parts[done.rows[split.KEY].str.count(SEPARATOR) > 1]
    assert set(lacking) == set(split.PARTS)
    shuffled = prepare.prepare(raw.sample(frac=1, random_state=1), wanted)
    assert set(shuffled.rows[split.KEY]) == set(done.rows[split.KEY])


def test_files_keep_the_types_that_they_had(raw, make_params, tmp_path):
    """Other types are other bytes: all later stages would run again, for the same model."""
    changes = {"split.strategy": "time", "split.column": "moment"}
    moments = pd.date_range("2026-01-01", periods=len(raw)).astype(str)
    done = prepare.prepare(raw.assign(moment=moments), make_params(changes=changes))
    files.write_table(done.rows, tmp_path / "rows.parquet")
    types = {f.name: str(f.type) for f in pq.read_schema(tmp_path / "rows.parquet")}
    assert {name: types[name] for name in split.RESERVED if name in types} == {
        "_key": "large_string",
        "_time": "string",
        "_target": "string",
    }


def test_rows_with_one_label_keep_keys_of_their_own():
    """`features.model_rows` may give labels twice, also to rows that lack a part of their key."""
    rows = pd.DataFrame({"a": ["x", None, None], "b": [1, 2, 3]}, index=[0, 1, 1])
    found = prepare._keys(rows, ["a"])
    assert found.nunique() == 3
    assert list(found.index) == [0, 1, 1]
    assert found.iloc[0] == "x"


def test_parts_of_a_key_do_not_run_together(raw, make_params):
    """'a' and 'bc' is another key than 'ab' and 'c'."""
    raw[["team", "town"]] = "x"
    raw.loc[:2, ["team", "town"]] = [["a", "b|c"], ["a|b", "c"], ["ab", "|c"]]
    done = prepare.prepare(raw, make_params(changes={"prepare.key": ["team", "town", "id"]}))
    assert done.rows[split.KEY].is_unique


@pytest.mark.parametrize(
    "change",
    [
        {"target.column": "nowhere"},
        {"prepare.key": ["nowhere"]},
        {"prepare.carry_columns": ["nowhere"]},
        {"evaluate.slices": ["nowhere"]},
        {"split.strategy": "group", "split.column": "nowhere"},
    ],
    ids=lambda change: next(reversed(change)),
)
def test_an_unknown_column_is_named_with_its_parameter(raw, make_params, change):
    """The message lists the columns that there are."""
    with pytest.raises(
        errors.UsageError, match=r"(target|prepare|split|evaluate)\..*'nowhere'.*id"
    ):
        prepare.prepare(raw, make_params(changes=change))


def test_a_model_input_that_nobody_makes_is_named(raw, make_params):
    """The message says where to add it."""
    with pytest.raises(errors.UsageError, match=r"model_rows.*'size'"):
        prepare.prepare(raw.drop(columns="size"), make_params())


def test_no_row_left_is_refused(raw, make_params):
    """With the counts, so that the reason is clear."""
    with pytest.raises(errors.DataRefused, match=r"No row is left .*target is missing: 100"):
        prepare.prepare(raw.assign(outcome=None), make_params(changes=ALL))


DAYS = pd.date_range("2024-03-01", periods=100, freq="7h")
FORMS = ("%F %H:%MZ", "%Y%m%dT%H%M+00")
TIMES = {
    "dates": [day.date() for day in DAYS],
    "times": DAYS,
    "times with zone": DAYS.tz_localize("Europe/Berlin"),
    "ISO text": DAYS.strftime("%Y-%m-%d %H:%M"),
    "ISO text with zones": [f"{t:%FT%T}{'+02:00' if i % 2 else 'Z'}" for i, t in enumerate(DAYS)],
    "ISO text of several forms": [
        f"{t:{['%F %H:%M', '%Y%m%dT%H%M'][i % 2]}}Z" for i, t in enumerate(DAYS)
    ],
    "early years": [f"{i:04}-01-01" for i in range(950, 1050)],
    "years": range(1900, 2000),
    "years as text": [str(i) for i in range(950, 1050)],
    "seconds": np.arange(100) / 7e7,
}


@pytest.mark.parametrize("moments", TIMES.values(), ids=TIMES)
def test_time_columns_of_each_kind(raw, make_params, moments):
    """The newest rows are the holdout."""
    changes = {"split.strategy": "time", "split.column": "moment"}
    done = prepare.prepare(raw.assign(moment=moments), make_params(changes=changes))
    parts = split.part_of(done.rows, done.rule)
    assert parts.tolist() == sorted(parts, key=split.PARTS.index)
    assert parts.value_counts()["holdout"] == pytest.approx(30, abs=4)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("soon", "1 of 100 values cannot be read .* 'soon'"),
        ("02/01/2013", "cannot be read .* '02/01/2013'.*RawRows.*format"),
        ("now", "cannot be read .* 'now'"),
        ("2024-01-01 00:00", "without, as '2024-01-01 00:00'.*zone"),
        (7, "cannot be read .* '7'"),
        (dt.time(3), "cannot be read .* '03:00:00'"),
        (None, "is missing in 1 of 100 rows.*Next: "),
    ],
    ids=str,
)
def test_what_is_no_time_is_refused(raw, make_params, bad, reason):
    """The message names column and value, and what to do."""
    raw["moment"] = raw["moment"].astype(object)
    raw.at[5, "moment"] = bad
    changes = {"split.strategy": "time", "split.column": "moment"}
    with pytest.raises(errors.DataRefused, match=f"'moment'.*{reason}"):
        prepare.prepare(raw, make_params(changes=changes))


@pytest.mark.parametrize("missing", [None, ""])
def test_rows_without_a_group_are_refused(raw, make_params, missing):
    """They would be one group, which is held out as a whole or not at all."""
    changes = {"split.strategy": "group", "split.column": "town"}
    raw["town"] = raw["town"].fillna("here").mask(raw.index < 30, missing)
    with pytest.raises(errors.DataRefused, match=r"'town' is missing in 30 of 100.*one group"):
        prepare.prepare(raw, make_params(changes=changes))


NEW = {"split.strategy": "time", "split.column": "moment"}


def test_a_class_that_training_has_not_seen_is_refused_before_the_search(raw, make_params):
    """With its name, how many rows it has, and what can be done."""
    raw.loc[95:, "outcome"] = "new"
    with pytest.raises(errors.DataRefused) as refused:
        prepare.prepare(raw, make_params(changes=NEW))
    text = str(refused.value)
    assert "Classes 'new' of 'outcome' have validation or holdout rows (5) and no training" in text
    assert "training has 'no', 'yes'. Next: set split.strategy to stratified" in text
    prepare.prepare(raw, make_params(changes={"split.strategy": "stratified"}))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({}, r'positive is missing.*two classes.*add positive: "no" or positive: "yes" to target'),
        ({"positive": "ja"}, "positive = 'ja' is none of the classes 'no', 'yes'"),
        ({"positive": True}, "positive"),
    ],
)
def test_the_positive_class_of_two_has_to_be_named(raw, make_params, target, reason):
    """Alphabetical order would decide what precision, recall and the threshold are about."""
    with pytest.raises((errors.UsageError, ValueError), match=reason):
        prepare.prepare(raw, make_params(changes={"target": {"column": "outcome"} | target}))


@pytest.mark.parametrize("kind", ["multi-class", "regression"])
def test_nothing_is_asked_where_no_class_is_the_positive_one(make_rows, make_params, kind):
    """Three classes, or a number."""
    rows = make_rows(100, kind).drop(columns=list(split.RESERVED))
    assert len(prepare.prepare(rows, make_params(kind)).rows) == 100


@pytest.mark.parametrize("limit", [0.01, 1.0])
def test_a_holdout_that_training_knows_is_refused(raw, make_params, limit):
    """Rows that came twice under other ids; who knows better raises the limit."""
    doubled = pd.concat([raw, raw.assign(id=raw["id"] + 1000)], ignore_index=True)
    wanted = make_params(changes={"split.max_overlap": limit})
    if limit == 1:
        assert prepare.prepare(doubled, wanted).overlap > 0.3
        return
    with pytest.raises(errors.DataRefused, match=r"% of the holdout .*1\.0%.*max_overlap"):
        prepare.prepare(doubled, wanted)


def test_outliers_that_leave_training_are_counted(raw, make_params):
    """Beside the other reasons, and none of the holdout."""
    raw["size"] = raw["size"].mask(raw.index < 20, 5000)
    wanted = make_params(changes={"prepare.outliers": {"size": "drop"}} | ALL)
    done = prepare.prepare(raw, wanted)
    left = count(done, "outlier")
    assert left == 100 - len(done.rows) == done.outliers[0]["train"]
    assert (done.rows.loc[done.parts == "holdout", "size"] == 5000).any()


@pytest.mark.parametrize("column", ["moment", "seconds"])
def test_run_writes_parts_that_the_stored_rule_confirms(
    tmp_path, monkeypatch, raw, make_params, column
):
    """The gate asks the stored rule which rows a model has seen: it must say the same."""
    monkeypatch.chdir(tmp_path)
    files.write_table(raw.assign(seconds=TIMES["seconds"]), paths.VALIDATED)
    prepare.run(make_params(changes={"split.strategy": "time", "split.column": column}))
    rule = files.read_json(paths.SPLIT_RULE)
    for part in split.PARTS:
        rows = files.read_table(paths.PREPARED / f"{part}.parquet")
        assert set(split.part_of(rows, rule)) == {part}
    assert sum(files.read_json(paths.PREPARATION_REPORT)["rows"].values()) == 100


class Named(pa.DataFrameModel):
    """Only one of the columns."""

    a: Series[int]


@pytest.mark.parametrize(
    "features",
    [
        lambda raw: raw.assign(size=raw["a"] + raw["b"]),
        lambda raw: raw.assign(size=raw.b * 2),
        lambda raw: raw[["a", "b"]],
    ],
    ids=["key", "attribute", "list"],
)
def test_a_column_without_a_type_is_no_feature(monkeypatch, features):
    """In a CSV it is text: '12' + '3' would be 123, and nobody would see it."""
    monkeypatch.setattr(project, "raw_rows", lambda: Named)
    monkeypatch.setattr(project, "model_rows", features)
    raw = pd.DataFrame({"a": [12], "b": ["3"], "c": ["x"]})
    with pytest.raises(errors.UsageError, match=r"model_rows uses 'b', which RawRows .*Next: add"):
        prepare._require_named(raw)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw.assign(size=raw["a"] * 2))
    prepare._require_named(raw)


def test_an_error_of_the_features_is_shown_as_it_is(monkeypatch):
    """Where the columns are not to blame."""
    monkeypatch.setattr(project, "raw_rows", lambda: Named)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw["nowhere"])
    with pytest.raises(KeyError, match="nowhere"):
        prepare._require_named(pd.DataFrame({"a": [12], "b": ["3"]}))


BY_ID = [{"prepare.key": ["id"]}, {"split.strategy": "group", "split.column": "id"}]


@pytest.mark.parametrize("change", BY_ID, ids=["key", "group"])
def test_a_rounded_key_is_refused(raw, make_params, change):
    """A float64 is not every integer beyond 2**53, so different rows would have one key."""
    ids = 10.0**17 + raw["id"]
    changes = {"prepare.key": []} | change
    with pytest.raises(errors.DataRefused, match=r"'id' identifies rows and holds 1e\+17.*RawRows"):
        prepare.prepare(raw.assign(id=ids), make_params(changes=changes))


INTEGERS = ["int64", "Int64", "float64", object, str]


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_keys_groups_and_slices_do_not_depend_on_the_type(raw, make_params, dtype):
    """Nor on a missing value in another row."""
    changes = {"split.strategy": "group", "split.column": "count"}
    ids = raw["id"].astype(dtype) if dtype is not str else raw["id"].astype(str)
    counts = raw["count"].astype("int64" if dtype is str else dtype)
    rows = prepare.prepare(raw.assign(id=ids, count=counts), make_params(changes=changes)).rows
    assert rows[split.KEY].tolist() == [str(i) for i in range(100)]
    assert rows[split.GROUP].tolist() == [str(n) for n in raw["count"]]


@pytest.mark.parametrize("n", [100, 60])
@pytest.mark.parametrize("kind", [float, int])
def test_amounts_as_classes_are_refused(raw, make_params, kind, n):
    """The search would look for as many classes as there are rows."""
    values = pd.Series(range(100)) % n
    raw["outcome"] = values / 7 if kind is float else values * 3
    with pytest.raises(
        errors.UsageError, match=rf"'outcome' holds {n} .*is this regression\?.*Next"
    ):
        prepare.prepare(raw, make_params())


@pytest.mark.parametrize(
    "values", [np.arange(100) % 10 / 2, np.arange(100) % 25], ids=["half", "whole"]
)
def test_numbers_may_be_classes(raw, make_params, values):
    """Ratings by halves, and many whole numbers, each of some rows."""
    wanted = make_params("multi-class", {"split.strategy": "stratified", "split.holdout": 0.3})
    assert len(prepare.prepare(raw.assign(outcome=values), wanted).rows) == 100


@pytest.mark.parametrize("dtype", [bool, "boolean", object, str])
@pytest.mark.parametrize("positive", [True, "true", "True"])
def test_booleans_are_classes(raw, make_params, dtype, positive):
    """Whatever type the source gives them."""
    raw["outcome"] = (raw["outcome"] == "yes").astype(dtype)
    wanted = make_params(changes={"target": {"column": "outcome", "positive": positive}})
    assert set(prepare.prepare(raw, wanted).rows[split.TARGET]) == {"true", "false"}
