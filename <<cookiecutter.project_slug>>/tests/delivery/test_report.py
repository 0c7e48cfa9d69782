"""The report shows what was measured, escapes what came from data, and needs no network."""

import pytest

from <<cookiecutter.__package_name>>.contract import Contract
from <<cookiecutter.__package_name>>.delivery import report

HOSTILE = "<script>alert(1)</script>"
CHECK = {
    "name": "slice",
    "metric": "roc_auc",
    "slice": "",
    "status": "pass",
    "estimate": 0.7,
    "low": 0.6,
    "high": 0.8,
    "threshold": 0.5,
    "n_rows": 100,
    "unit": "",
    "message": "",
}


@pytest.fixture
def content():
    """What a page needs at least: nothing was judged, drawn or sliced yet."""
    return dict.fromkeys(report.OPTIONAL) | {
        "title": "A report",
        "bundle_id": "0123456789ab",
        "contract": Contract("classification", "late", (), ("no", "yes")),
        "metrics": {"n_rows": 1000, "roc_auc": 0.71234},
        "scoring": "roc_auc",
        "widest": 1,
        "plots": [],
    }


def judged(content, decision, *checks):
    """The content with a verdict."""
    gate = {"decision": decision, "summary": "So.", "champion": None, "rows_needed": 5000}
    return content | {"gate": gate | {"checks": [CHECK | check for check in checks]}}


def test_before_the_gate_the_next_command_is_named(content):
    """A model that was not judged has a report too."""
    page = report.render(content)
    assert "make gate" in page
    assert "0.7123" in page


def test_values_from_data_are_escaped(content):
    """A slice may hold anything that a table holds."""
    page = report.render(judged(content, "REJECT", {"slice": HOSTILE, "status": "fail"}))
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(("decision", "told"), [("HOLD", True), ("REJECT", False)])
def test_rows_that_would_decide_are_told_for_a_hold_only(content, decision, told):
    """More rows do not help a model that was shown to be worse."""
    assert ("rows would decide" in report.render(judged(content, decision, {}))) == told


def test_slices_that_were_skipped_are_not_counted_as_refused(content):
    """Skipped is neither good nor bad."""
    slices = [{"slice": "a", "status": "skip"}, {"slice": "b", "status": "hold"}]
    assert "2 checks of slices, 1 did not pass" in report.render(judged(content, "HOLD", *slices))


def test_needs_no_network(content):
    """No address in the page leads anywhere."""
    assert "http" not in report.render(content)


EVALUATION = {
    "intervals": {"roc_auc": [0.61, 0.81]},
    "slices": [
        {"column": "team", "value": HOSTILE, "n_rows": 50, "roc_auc": 0.5}
        | {"intervals": {"roc_auc": [0.41, 0.59]}},
        {"column": "team", "value": "small", "n_rows": 3},
    ],
    "gaps": [
        {"column": "team", "metric": "recall", "high": "a", "low": HOSTILE, "gap": 0.25}
        | {"interval": [0.125, None]}
    ],
}


def test_intervals_slices_and_gaps_are_shown(content):
    """With bounds, with too few rows said, and escaped."""
    page = report.render(content | {"evaluation": EVALUATION})
    for told in ("0.61 to 0.81", "0.41 to 0.59", "too few rows", "recall of team", "0.125 to -"):
        assert told in page
    assert HOSTILE not in page


def test_the_split_and_what_was_dropped_are_shown(content):
    """Outliers too, with the fences; a column without fences has dashes."""
    outlier = {"column": "size", "action": "clip", "low": None, "high": 9.5, "train": 3}
    preparation = {
        "rule": {"strategy": "group"},
        "rows": {"train": 70, "validation": 10, "holdout": 20},
        "dropped": {"target is missing": 5},
        "outliers": [outlier | {"validation": 0, "holdout": 1}],
        "overlap": 0.0123,
    }
    page = report.render(content | {"preparation": preparation})
    for told in ("split by group", "5 rows: target is missing", "- to 9.5", "1.23 %"):
        assert told in page
