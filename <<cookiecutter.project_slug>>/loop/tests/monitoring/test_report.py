"""What one job finds is what the next one reads."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from mlops_loop.daily.fold import fold
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.monitoring.harm import Harm
from mlops_loop.monitoring.look import Look
from mlops_loop.monitoring.report import Finding, Report, model, traffic

STALE = {"staleness": Finding("ok", "fresh")}


@pytest.fixture(scope="module")
def seen(reference, frame, make_days, make_table) -> Look:
    """A look at forty days, in the last ten of which `town` has a level that is new."""
    rows = make_days(40, 100, seed=7)
    rows.loc[rows["day"] >= "2026-01-31", "town"] = "Paris"
    days = fold(frame, make_table(rows))
    findings = examine(reference, days, MonitorConfig(stale_days=30))
    return Look("v1.0.0", "b1", reference, tuple(days), findings, "A replay.")


def test_a_report_is_read_as_it_was_written(seen):
    """Causes with all their checks."""
    report = Report.of(STALE, seen)
    assert report.causes[0].verdict == "broken"
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report


def test_its_findings_are_sentences(seen):
    """Of traffic and of the model."""
    found = Report.of(STALE, seen).findings
    assert found["traffic"] == Finding("ok", "100 rows on 2026-02-09, usual are 100. A replay.")
    assert found["model"].status == "alarm"
    assert found["model"].message.startswith("v1.0.0 is broken: broken since 2026-01-31: ")
    assert found["model"].message.endswith(". Retraining is blocked.")


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        (12.3, "Harm is not proven yet: evidence 12 of 365."),
        (4321.0, "Harm is proven."),
    ],
)
def test_harm_says_how_far_its_proof_is(seen, evidence, text):
    """And nothing of it where data are broken, as nobody knows what the loss would be then."""
    harm = Harm(evidence, 365.0, 0.2, 30)
    harmed = replace(seen.findings.actions, blocks_retraining=False)
    findings = replace(seen.findings, verdict="harmed", harm=harm, actions=harmed)
    assert model(replace(seen, findings=findings)).message.endswith(text)
    assert "Harm" not in model(replace(seen, findings=replace(findings, verdict="broken"))).message
    assert "Harm" not in model(replace(seen, findings=replace(findings, harm=None))).message


def test_no_row_on_the_last_day_is_an_alarm(seen, reference):
    """Whatever the rows before say."""
    last = replace(seen.days[-1], date="2026-02-10", counts={})
    findings = examine(reference, [*seen.days, last], MonitorConfig(stale_days=30))
    assert traffic(replace(seen, findings=findings)).status == "alarm"


def test_no_row_on_a_weekday_without_rows_is_usual(seen, reference):
    """Where nobody works on Sundays."""
    days = [d for i, d in enumerate(seen.days) if i % 7 != 5]
    last = replace(seen.days[-1], date="2026-02-10", counts={}, models={})
    findings = examine(reference, [*days, last], MonitorConfig(stale_days=30))
    assert traffic(replace(seen, findings=findings)).status == "ok"


def test_drift_of_inputs_alone_is_no_alarm(seen):
    """It is in the report and on the page."""
    quiet = replace(seen.findings.actions, issues=(), report=seen.findings.causes)
    assert model(replace(seen, findings=replace(seen.findings, actions=quiet))).status == "ok"


def test_where_no_check_could_tell_the_reasons_are_said(seen):
    """The usual one first."""
    checks = [replace(c, verdict="unknown", reason="5 rows of 20") for c in seen.findings.checks]
    checks[0] = replace(checks[0], name="else", reason="no such values")
    blind = replace(seen.findings, verdict="unknown", checks=tuple(checks), causes=())
    found = model(replace(seen, findings=blind))
    n = len(blind.by_name()) - 1
    told = f"Nobody can tell how v1.0.0 does: 5 rows of 20 ({n} checks); no such values (1 checks)."
    assert found == Finding("unknown", told)


def test_without_days_nobody_can_tell():
    """The reason is what the log said; before the first model there is nothing to say."""
    report = Report.of(STALE, Look("v1.0.0", reason="The log is away."))
    assert report.findings["traffic"] == Finding("unknown", "The log is away.")
    assert report.findings["model"].status == "unknown"
    assert report.date == ""
    assert set(Report.of(STALE, Look(reason="Nothing.")).findings) == {"staleness"}
