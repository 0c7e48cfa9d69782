"""The model card: what the model is for, and what was measured, in Markdown."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import jinja2

from mlops_loop import tasks
from mlops_loop.model.contract import Column, Contract
from mlops_loop.params import Params
from mlops_loop.tasks import metrics
from mlops_loop.text import with_unit

CONSTANT = "The best constant is the one answer for all rows that is best in this metric."
TEMPLATE = Path(__file__).with_name("card.jinja")


def model_card(contract: Contract, result: dict[str, Any], params: Params, n_train: int) -> str:
    """Markdown, made from what was measured (Mitchell et al. 2019, arXiv:1810.03993)."""
    environment = jinja2.Environment(
        trim_blocks=True, undefined=jinja2.StrictUndefined, finalize=_shown
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    metric = params.train.scoring
    small = [f"{s['column']} = {s['value']}" for s in result["slices"] if metric not in s]
    losses = {record["column"]: record["loss"] for record in result["importance"]}
    facts = {"contract": contract, "params": params, "metric": metric, "n_train": n_train}
    facts |= {"with_unit": with_unit, "stability": None, "profiles": []}
    facts |= {"allowed": allowed, "between": _between, "small": small, "losses": losses}
    facts |= {"known": partial(_known, result["baselines"])}
    facts["unit"] = partial(_unit, contract)
    facts["shallow"] = tasks.of(contract).shallow_name
    refits = tasks.of(contract).refits
    facts["note"] = refits.note if refits else CONSTANT
    facts |= {"percent": f"{100 * params.evaluate.confidence:g}", "alike": _alike(params)}
    facts["predicted"] = tasks.of(contract).card_text(contract, params.target)
    return template.render(facts | result) + "\n"


def _shown(value: Any) -> str:
    """Text that breaks no table, numbers with four digits, and never 'nan'."""
    if isinstance(value, str):
        return value.replace("|", "\\|")
    if value is None or value != value:
        return "not defined"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _unit(contract: Contract, metric: str) -> str:
    """The unit of a metric; empty for a share or a score, and for the number of rows."""
    known = metrics.table(contract.task)
    return known[metric].unit_of(contract) if metric in known else ""


def _known(baselines: dict[str, Any], metric: str, kind: str) -> Any:
    """The value of a baseline; empty where there is none, as of the number of rows."""
    return baselines.get(metric, {}).get(kind, "")


def _alike(params: Params) -> str:
    """Which rows are drawn together for the intervals."""
    if cluster := params.evaluate.cluster:
        return f"Rows with the same `{cluster}` are drawn together."
    return "Rows are drawn one by one."


def _between(bounds: list[float]) -> str:
    return "not defined" if bounds[0] != bounds[0] else " to ".join(map(_shown, bounds))


def allowed(column: Column) -> str:
    """The allowed values of a column in words."""
    if column.closed:
        return ", ".join(column.levels)
    if column.kind == "category":
        return f"{len(column.levels)} known, others are taken as unseen"
    if column.minimum is None and column.maximum is None:
        return "any"
    low = "up" if column.minimum is None else f"{column.minimum:g}"
    high = "any" if column.maximum is None else f"{column.maximum:g}"
    return f"{low} to {high} {column.unit}".strip()
