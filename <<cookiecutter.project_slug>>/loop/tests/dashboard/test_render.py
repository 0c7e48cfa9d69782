"""The page says what was found, loads nothing, and shows foreign text as text."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mlops_loop.dashboard import charts, render
from mlops_loop.dashboard.charts import Line
from mlops_loop.monitoring.config import MonitorConfig
from mlops_loop.monitoring.examine import examine
from mlops_loop.registry.entries import Ledger

VOID = {"meta", "br"}


class Nested(HTMLParser):
    """Raises AssertionError for an element that is closed elsewhere than it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def test_it_says_what_was_found(make_state):
    """The verdict in words, the cause with its numbers, production, the ledger, versions."""
    html = render.draw(make_state(note="A replay."))
    assert "Retraining is blocked" not in html
    assert "retraining is blocked" in html
    for part in ("broken", "since 2026-04-20", "missing:size", "v1.2.0", "A replay.", "roc_auc"):
        assert part in html
    assert "It was wrong by" in html
    assert "1 false alarm a year" in html


def test_a_check_without_p_has_a_dash(make_state):
    """The e-detector has none."""
    state = make_state()
    (cause, *_) = state.findings.causes
    known = replace(cause, checks=tuple(replace(check, p=None) for check in cause.checks))
    html = render.draw(replace(state, findings=replace(state.findings, causes=(known,))))
    alarms = html.partition('id="alarms"')[2].partition('id="performance"')[0]
    ends = re.findall(r'<td class="n">([^<]*)</td></tr>', alarms)
    assert set(ends) == {"-"}


def test_it_is_well_formed(make_state):
    """Every element is closed, ids are unique, every reference to one is answered."""
    html = render.draw(make_state())
    parser = Nested()
    parser.feed(html)
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    assert set(re.findall(r'aria-labelledby="([^"]+)"', html)) <= set(parser.ids)


def test_it_loads_nothing_and_runs_one_known_script(make_state):
    """No address of another host; the policy names the hash of the only script."""
    html = render.draw(make_state())
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?https?:", html)
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert "default-src 'none'" in html


def test_only_what_is_beyond_the_band_has_a_colour(make_state):
    """A cell up to 1 has that of the legend's first swatch."""
    html = render.draw(make_state())
    cells = re.findall(r'<td style="--s: ([\d.]+)">([\d.]+)</td>', html)
    assert {share for share, value in cells if float(value) < 1} == {"0.00"}
    assert all(float(share) > 0 for share, value in cells if float(value) > 1.05)
    assert "up to 1" in html
    assert "3 or more" in html


def test_foreign_text_stays_text(make_state):
    """Names and reasons come from people and data."""
    html = render.draw(make_state(note='"><img src=x onerror=alert(1)>'))
    assert "<img" not in html
    assert "<b>" not in html
    assert "passed &lt;b&gt;2&lt;/b&gt;" in html
    assert "flights &amp; co" in html


def test_quiet_days_have_no_alarm(make_state):
    """And nothing in production is said to be so."""
    state = make_state(broken=False)
    html = render.draw(replace(state, ledger=Ledger([], [])))
    assert "Nothing is in production." in html
    assert "Nothing alarms." in html
    assert re.search(r'id="alarms">Open alarms</h2>\s*<p>None.</p>', html)


def test_no_label_is_said(make_state, frame):
    """Then nobody knows how good the estimate is."""
    state = make_state(broken=False)
    days = [replace(d, counts={k: v for k, v in d.counts.items() if k != "loss"})
            for d in state.days]  # fmt: skip
    findings = examine(state.reference, days, MonitorConfig(stale_days=30))
    html = render.draw(replace(state, days=days, findings=findings))
    assert "nobody knows: no label has come" in html


@pytest.mark.parametrize("values", [[1.0], [None, 1.0, None], [2.0, 2.0], [0.0] * 90])
def test_a_chart_of_few_values_is_drawn(values):
    """One day, a day between gaps, and days that are all alike stay within the picture."""
    svg = charts.lines([Line(values)], "Title", (0.0, 1.0))
    numbers = re.findall(r"[ML]([\d.]+) ([\d.]+)", svg)
    assert numbers
    assert all(0 <= float(y) <= charts.WIDE[1] for _, y in numbers)
    assert all(0 <= float(x) <= charts.WIDE[0] for x, _ in numbers)


def test_a_chart_without_values_is_empty():
    """And a title is escaped."""
    assert charts.lines([Line([None, None])], "x") == ""
    assert charts.intervals([], [], "x") == ""
    assert "<b>" not in charts.lines([Line([1.0])], "<b>")
    assert "<b>" not in charts.intervals(["<b>"], [(0, 1, 2)], "x")


def test_charts_have_axes_and_a_legend(make_state):
    """What is drawn, over what, in which unit, and what each line is."""
    html = render.draw(make_state())
    shown = " ".join(re.sub(r"<[^>]+>", " ", html.partition('id="performance"')[2]).split())
    assert "Mean brier of a day, as a share of 1 " in shown
    assert shown.count("day (UTC)") == 2
    assert "measured what the model's own probabilities imply, without labels no alarm" in shown
    assert "a full bar is 100 %" in shown
    assert "v1.0.0 version v1.2.0" in shown


def test_a_metric_of_versions_has_its_unit(make_state, ledger):
    """That of the gate's check."""
    versions = []
    for version in ledger.versions:
        checks = [{**row, "unit": "min"} for row in version.note["verdict"]["checks"]]
        versions.append(replace(version, note={**version.note, "verdict": {"checks": checks}}))
    state = make_state()
    html = render.draw(replace(state, ledger=replace(ledger, versions=versions)))
    assert "<h3>roc_auc (min)</h3>" in html
