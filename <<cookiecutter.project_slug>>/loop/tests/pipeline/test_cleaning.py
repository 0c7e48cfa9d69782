"""No row is dropped without being counted, and none in bulk without a word."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_loop import errors, files, paths, project
from mlops_loop.pipeline import cleaning, prepare
from mlops_loop.pipeline.cleaning import ADVICE, Dropped
from mlops_loop.stage_params import MaxDropped

pytestmark = pytest.mark.usefixtures("rows_as_they_are")
ALL = {"prepare.max_dropped_share": dict.fromkeys(ADVICE, 1)}  # may go


@pytest.fixture
def raw(make_rows) -> pd.DataFrame:
    """A hundred raw rows."""
    return make_rows(100).drop(columns=["_key", "_time", "_group", "_target"])


BULK = {
    "missing_target": ({"outcome": None}, "'50', '51', '52'"),
    "repeated_key": ({"id": 7}, "such as '7'."),
    "impossible_value": ({"size": -1000.0}, r"'size = -1000.0 .greater_than_or_equal_to.*ModelInp"),
    "beyond_float32": ({"size": 1e39}, "'size = 1e.39'"),
    "outlier": ({"size": 5000.0}, "fences"),
    "left_out": ({"gone": True}, "'50', '51', '52'"),
}


@pytest.mark.parametrize("reason", ADVICE)
def test_rows_that_go_in_bulk_are_refused(raw, make_params, monkeypatch, reason):
    """With reason, share, limit, examples, and what to do; a higher limit lets them go."""
    changes, shown = BULK[reason]
    raw = raw.assign(gone=False)
    for name, value in changes.items():
        raw[name] = raw[name].astype(object).mask(raw.index.isin(range(50, 64)), value)
    monkeypatch.setattr(project, "model_rows", lambda raw: raw[~raw["gone"].astype(bool)])
    outliers = {"prepare.outliers": {"size": "drop"} if reason == "outlier" else {}}
    with pytest.raises(errors.DataRefused) as refused:
        prepare.prepare(raw, make_params(changes=outliers))
    text = str(refused.value)
    assert f"(prepare.max_dropped_share: {{{reason}: " in text
    assert ADVICE[reason] in text
    assert re.search(shown, text), text
    done = prepare.prepare(raw, make_params(changes=outliers | ALL))
    assert len(done.rows) == 100 - sum(item.n for item in done.dropped) < 98


def test_a_row_that_is_lost_is_named_by_its_key(raw, make_params, capsys, tmp_path, monkeypatch):
    """In the report and on the screen."""
    monkeypatch.chdir(tmp_path)
    files.write_table(raw.assign(outcome=raw["outcome"].mask(raw.index == 5)), paths.VALIDATED)
    prepare.run(make_params())
    report = files.read_json(paths.PREPARATION_REPORT)
    assert report["dropped"]["target is missing"] == 1
    assert report["dropped_examples"] == {"target is missing": ["5"]}
    assert "dropped 1 rows: target is missing, such as '5'" in capsys.readouterr().out


def test_features_that_add_rows_are_refused(raw, make_params, monkeypatch):
    """A merge with a table that has a key twice."""
    monkeypatch.setattr(project, "model_rows", lambda raw: pd.concat([raw, raw]))
    with pytest.raises(errors.DataRefused, match=r"made 200 rows of 100.*merge"):
        prepare.prepare(raw, make_params())


def test_a_share_at_its_limit_passes():
    """One row more does not."""
    cleaning.refuse_bulk_loss([Dropped("outlier", "x", 10, 100)], MaxDropped(outlier=0.1))
    with pytest.raises(errors.DataRefused, match=r"11 of 100 rows \(11.0%\).*Allowed are 10.0%"):
        cleaning.refuse_bulk_loss([Dropped("outlier", "x", 11, 100)], MaxDropped(outlier=0.1))


@pytest.mark.parametrize(("key", "value"), [("repeated", 0.1), ("outlier", 1.5), ("outlier", "x")])
def test_a_wrong_limit_is_refused_by_its_key(make_params, key, value):
    """A reason that does not exist, or no share."""
    with pytest.raises(ValueError, match=key):
        make_params(changes={"prepare.max_dropped_share": {key: value}})


def test_every_reason_has_a_limit_and_advice():
    """And the page names it, with its default."""
    assert set(ADVICE) == set(MaxDropped.model_fields)
    text = (Path(__file__).parents[2] / "docs" / "data-rules.md").read_text(encoding="utf-8")
    for name, field in MaxDropped.model_fields.items():
        assert f"| `{name}` | {field.default:g} |" in text


CELLS = {
    "id": st.integers(0, 30),
    "size": st.sampled_from([1.0, 2.0, None, -1000.0, 1e39, 5000.0]),
    "count": st.sampled_from([1, 2, None, -1, 2.5]),
    "colour": st.sampled_from(["red", "green", "pink", None]),
    "outcome": st.sampled_from(["low", "mid", "high", None]),
    "gone": st.sampled_from([False, False, True]),
}


@given(rows=st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_rows_in_are_rows_out_and_all_that_were_dropped(rows, make_params):
    """Whatever stands in them; and no row counts twice."""
    raw = pd.DataFrame(rows, dtype=object).assign(member=True, town="here", team="a")
    own = make_params(
        "multi-class",
        {"prepare.outliers": {"size": "drop"}, "split.max_overlap": 1, "evaluate.slices": []} | ALL,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "model_rows", lambda raw: raw[~raw["gone"].astype(bool)])
        try:
            done = prepare.prepare(raw, own)
        except errors.DataRefused:  # no row is left, or no training row of a class
            return
    assert len(done.rows) + sum(item.n for item in done.dropped) == len(raw)
    assert all(item.n <= item.of for item in done.dropped)
