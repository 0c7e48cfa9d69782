"""A data frame gets what the endpoint answers, and is refused as there."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic_core import to_json

from mlops_loop.batch.table_model import TableModel
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.model import bundle

# A feature that looks at the target.
FEATURES = """
    def model_rows(raw):
        return raw.assign(weekday=1, **{"air temp": raw["arr_delay"]})
"""


def sent(rows: pd.DataFrame) -> bytes:
    """The rows as a client would send them."""
    return to_json(rows.astype(object).where(rows.notna(), None).to_dict("records"))


@pytest.mark.parametrize("kind", ["binary", "many", "regression", "skops"])
def test_the_answers_are_those_of_the_endpoint(bundles, start, made_project, model_input, kind):
    """Of each task, from raw rows and from model input, by column."""
    answers = start(bundles[kind]).post("/predict", content=sent(model_input)).json()["predictions"]
    found = TableModel(bundle.load(bundles[kind]), "v1").predict(model_input)
    for row, answer in zip(found.to_dict("records"), answers, strict=True):
        shares = answer.pop("probabilities", {})
        assert row == answer | {f"probability_{name}": share for name, share in shares.items()}


def test_raw_rows_get_the_same_answers(model, raw, model_input):
    """By the user's features; text, and typed; a target that is none is not looked at."""
    expected = model.predict(model_input)
    pd.testing.assert_frame_equal(model.predict(raw), expected)
    typed = raw.assign(id=raw["id"].astype(int), temp_c=raw["temp_c"].astype(float))
    pd.testing.assert_frame_equal(model.predict(typed), expected)


def test_no_feature_sees_the_target(made_project, model, raw):
    """Which is known of old rows only: with it the answers would be others."""
    made_project(FEATURES)
    expected = model.predict(raw.drop(columns="arr_delay"))
    pd.testing.assert_frame_equal(model.predict(raw.assign(arr_delay="3")), expected)


def test_raw_rows_may_lack_target_key_and_what_is_nullable(model, raw, model_input):
    """As rows do whose outcome nobody knows yet."""
    new = raw.drop(columns=["id", "arr_delay", "temp_c"])
    expected = model.predict(model_input.assign(**{"air temp": None}))
    pd.testing.assert_frame_equal(model.predict(new), expected)
    layout = model.layout(list(new.columns))
    assert (layout.kind, layout.lacking) == ("raw", ["temp_c"])


def test_the_index_is_that_of_the_rows(model, model_input):
    """So that predictions can be joined to them."""
    named = model_input.set_axis(["b", "a"])
    assert list(model.predict(named).index) == ["b", "a"]


def test_what_the_endpoint_refuses_is_refused_in_its_words(model, start, bundles, model_input):
    """Row, column, value, and what is allowed."""
    bad = pd.concat([model_input, model_input.assign(weekday=[99, 3], origin=["JFK", "XXX"])])
    answer = start(bundles["binary"]).post("/predict", content=sent(bad)).json()
    with pytest.raises(RowsRefused) as refused:
        model.predict(bad)
    assert str(refused.value) == answer["detail"]
    assert [vars(error) for error in refused.value.errors] == answer["errors"]
    assert str(refused.value).startswith("In row 2, column weekday: 99 is too large. Allowed: a ")


def test_a_reason_for_each_row_in_place_of_an_error(model, model_input):
    """All other rows are predicted."""
    bad = model_input.assign(weekday=[99, 3])
    found = model.predict(bad, refused="reason")
    assert found["prediction"].isna().tolist() == [True, False]
    assert found["reason"][0].startswith("In column weekday: 99 is too large. Allowed: a whole")
    assert pd.isna(found["reason"][1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "0"}, "In column id: 0 breaks a rule of RawRows. Allowed: greater_than_or_equal"),
        ({"id": "one"}, 'In column id: "one" is not a whole number. Allowed: what RawRows in sch'),
        ({"id": None}, "In column id: is missing. Allowed: what RawRows"),
        ({"day": "Monday"}, 'In column day: "Monday" breaks a rule of RawRows. Allowed: str_match'),
        ({"origin": "XXX"}, 'In column origin: "XXX" is not one of the known values. Allowed: EWR'),
        ({"dest": None}, "In column dest: is missing. Allowed: text of the form"),
        ({"dest": "bos"}, 'In column dest: "bos" does not have the right form. Allowed: text of'),
        ({"temp_c": "mild"}, 'In column temp_c: "mild" is not a number. Allowed: what RawRows'),
        ({"temp_c": "900"}, "In column air temp: 1652.0 is too large. Allowed: a number from -60"),
        ({"day": "day 9"}, "In column weekday: 9.0 is too large. Allowed: a whole number from 0"),
        ({"dest": "NOWHERE"}, "features.model_rows leaves the row out."),
    ],
)
def test_a_raw_row_is_refused_alone(model, raw, change, reason):
    """In the endpoint's words where the model takes the column, else by the rule of RawRows."""
    bad = raw.astype(object)
    for name, value in change.items():
        bad.loc[0, name] = value
    found = model.predict(bad, refused="reason")
    assert found["reason"].isna().tolist() == [False, True]
    assert found["reason"][0].startswith(reason)
    whole = model.predict(raw)
    assert found.loc[1, "probability"] == whole.loc[1, "probability"]


def test_all_rows_may_be_refused(model, raw):
    """Nothing is left to predict."""
    found = model.predict(raw.assign(day="never"), refused="reason")
    assert found["reason"].notna().all()
    assert found["probability"].isna().all()


def test_equal_keys_do_not_matter(model, raw):
    """A rule about the whole table is no rule about a new row."""
    assert len(model.predict(raw.assign(id="1"))) == 2


def test_columns_that_lack_are_named(model, model_input, raw):
    """With those that are there, and what may be meant."""
    with pytest.raises(DataRefused, match=r"no 'origin', which .* Did you mean 'origen'\? Next: "):
        model.predict(model_input.rename(columns={"origin": "origen"}))
    with pytest.raises(
        DataRefused, match=r"no column 'day', which features\.model_rows uses; they "
    ):
        model.predict(raw.drop(columns="day"))
    with pytest.raises(DataRefused, match="no 'weekday', 'origin', 'dest', which the model needs"):
        model.predict(pd.DataFrame({"x": [1]}))


def test_a_misspelt_column_that_may_be_missing_is_noted(model, model_input):
    """The endpoint would refuse the row; here other columns may be there."""
    layout = model.layout([*model_input.drop(columns="holiday"), "holidays"])
    assert layout.notes()[0] == (
        "There is no column 'holiday': missing in every row. Did you mean 'holidays'?"
    )


def test_without_a_project_only_model_input_is_read(bundles, model_input, monkeypatch, tmp_path):
    """As where there is a bundle and nothing else."""
    monkeypatch.chdir(tmp_path)
    alone = TableModel(bundle.load(bundles["binary"]), "unregistered")
    assert len(alone.predict(model_input)) == 2
    with pytest.raises(UsageError, match="Raw rows need the project's code"):
        alone.predict(model_input, kind="raw")


def test_names_that_cannot_tell_are_raw_rows(bundles, own_package, model_input):
    """Where features make no column, they may still change values."""
    names = {"weekday": "int", "origin": "str", "dest": "str"}
    fields = "".join(f"\n    {name}: Series[{kind}]" for name, kind in names.items())
    own_package(
        schema=f"import pandera.pandas as pa\nfrom pandera.typing import Series\n"
        f"class RawRows(pa.DataFrameModel):{fields}\n",
        features="def model_rows(raw):\n    return raw.assign(weekday=raw['weekday'] - 1)\n",
    )
    model = TableModel(bundle.load(bundles["binary"]), "v1")
    rows = model_input[list(names)]
    expected = model.predict(rows.assign(weekday=rows["weekday"] - 1), kind="model")
    pd.testing.assert_frame_equal(model.predict(rows), expected)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("def model_rows(raw):\n    return raw.assign(weekday=1 / 0)", "ZeroDivisionError: .*line"),
        ("def model_rows(raw):\n    return raw.iloc[:1].reset_index()", "does not say of which"),
        ("def model_rows(raw):\n    return raw", "gives no 'weekday', which this model takes"),
    ],
)
def test_features_that_fail_are_said(made_project, model, raw, features, message):
    """A sentence, with the line of the user's code."""
    made_project(features)
    with pytest.raises(DataRefused, match=message):
        model.predict(raw)


def test_a_column_that_the_table_lacks_is_named(bundles, own_package, model_input):
    """And no other schema.py is suspected; a name much like it is shown."""
    own_package(
        schema="import pandera.pandas as pa\nfrom pandera.typing import Series\n"
        "class RawRows(pa.DataFrameModel):\n    weekday: Series[int]\n    origin: Series[str]\n"
        "    dest: Series[str]\n",
        features="def model_rows(raw):\n    return raw\n",
    )
    rows = model_input[["weekday", "origin", "dest"]].rename(columns={"weekday": "week_day"})
    said = "These rows have no 'weekday', which RawRows .* Did you mean 'week_day'"
    with pytest.raises(DataRefused, match=said):
        TableModel(bundle.load(bundles["binary"]), "v1").predict(rows)


def test_only_tables_are_taken(model):
    """A row becomes one."""
    with pytest.raises(UsageError, match=r"takes a DataFrame, not dict: pd.DataFrame\(\[row\]\)"):
        model.predict({"weekday": 1})
