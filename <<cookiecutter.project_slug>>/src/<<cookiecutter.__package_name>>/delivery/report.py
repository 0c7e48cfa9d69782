"""One page with all that a person needs to decide: verdict, metrics, slices, plots, data.

Made from the JSON and SVG files that the stages and the gate wrote. One file, no network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from .. import bundle as bundles
from .. import files
from .checks import number

OPTIONAL = ("gate", "validation", "preparation", "training", "export", "evaluation")


def collect(reports: Path, bundle: bundles.Bundle) -> dict[str, Any]:
    """What the page shows; a report that no stage has written yet is None.

    Plots are the SVG files as they are, which the stages drew themselves.
    """
    found = {
        name: files.read_json(path) if (path := reports / f"{name}.json").exists() else None
        for name in OPTIONAL
    }
    plots = [
        Markup(_drawing(path.read_text(encoding="utf-8")))
        for path in sorted((reports / "plots").glob("*.svg"))
    ]
    scoring = (found["training"] or {}).get("scoring", "")
    slices = (found["evaluation"] or {}).get("slices", [])
    values = [abs(record.get(scoring) or 0) for record in slices]
    return found | {
        "title": f"{bundle.contract.target.replace('_', ' ').capitalize()}: model report",
        "scoring": scoring,
        "widest": max(values, default=0) or 1,
        "plots": plots,
        "metrics": bundle.read_json("metrics.json"),
        "bundle_id": bundle.id,
        "contract": bundle.contract,
    }


def _drawing(svg: str) -> str:
    """The <svg> element without the XML declaration, which may not stand inside a page."""
    return svg[svg.index("<svg") :]


def render(content: dict[str, Any]) -> str:
    """The page as HTML; every value is escaped."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["number"] = number
    return environment.get_template("report.html").render(content)


def run(reports: Path, bundle_dir: Path, out: Path) -> None:
    """Write the page to `out`; raises NoValidBundle where there is nothing to report on."""
    content = collect(reports, bundles.load(bundle_dir))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(render(content), encoding="utf-8")
