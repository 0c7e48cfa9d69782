"""The page itself: `draw` gives HTML that loads nothing and runs one script, known by its hash."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import jinja2
from markupsafe import Markup

from mlops_loop.dashboard import charts, facts
from mlops_loop.dashboard.charts import Line
from mlops_loop.dashboard.facts import Performance, State, Watched
from mlops_loop.text import number

# Shown with the word, never alone.
SIGNS = {"ok": "✓", "unknown": "?", "drifted": "~", "degraded": "!", "harmed": "▼", "broken": "✕"}
MEANINGS = {
    "ok": "Nothing alarms.",
    "unknown": "No check can tell.",
    "drifted": "Inputs or scores are not what training knew; no harm is shown.",
    "degraded": "The service, or what feeds it, is not as usual; no data are wrong.",
    "harmed": "The model errs more than it did on the holdout.",
    "broken": "Data are broken: retraining is blocked until they are mended.",
}
# Says how old the page is; without scripts the moment itself is read.
SCRIPT = """
const made = document.getElementById("made");
const days = (Date.now() - Date.parse(made.dateTime)) / 864e5;
const age = document.getElementById("age");
age.textContent = days < 1 ? "today" : Math.floor(days) + " days ago";
if (days >= 2) {
  age.className = "trouble";
  age.textContent += ": the workflow monitor has not run since";
}
"""


def draw(state: State) -> str:
    """The whole page."""
    folder = Path(__file__).parent
    loader = jinja2.FileSystemLoader(folder)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["number"] = number
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    dates, columns = facts.heat(state)
    return environment.get_template("page.html.jinja").render(
        state=state, findings=state.findings, production=state.ledger.current(),
        signs=SIGNS, meanings=MEANINGS, script=Markup(SCRIPT), script_hash=digest,
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        checks=[(one, _spark(one)) for one in facts.watched(state)],
        dates=dates, columns=columns,
        performance=_performance(state),
        scores=[(s, charts.intervals(s.versions, s.intervals, f"{s.metric} of each version, as"
                 " the gate found it")) for s in facts.scores(state.ledger)],
    )  # fmt: skip


def _spark(one: Watched) -> Markup:
    check, known = one.check, [v for v in one.values if v is not None]
    if not known:
        return Markup()
    title = f"{check.name}: {len(known)} days, last {number(known[-1])}"
    band = None if check.kind == "mix" else check.band
    return charts.lines([Line(one.values)], title, band, charts.SMALL)


def _performance(state: State) -> tuple[Performance, Markup, Markup] | None:
    found = facts.performance(state)
    if not found:
        return None
    drawn = [Line(found.values)]
    if found.estimate:
        drawn.append(Line([v if v == v else None for v in found.estimate.means.tolist()], True))
    known = [value for value in found.values if value is not None]
    # Less is no alarm, so the band begins where the values do.
    band = (min(known), found.check.band[1]) if known and found.check and found.check.band else None
    title = f"Mean {found.loss} by day, and what the probabilities imply (dashed)"
    chart = charts.lines(drawn, title, band)
    return found, chart, charts.bars(found.coverage, "Share of rows with a label, by day")
