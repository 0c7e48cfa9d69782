"""`model_card.md`, made from what was measured (Mitchell et al. 2019, arXiv:1810.03993)."""

from __future__ import annotations

from typing import Any

from ..contract import Column, Contract
from ..params import Params


def model_card(contract: Contract, result: dict[str, Any], params: Params, n_train: int) -> str:
    """Markdown: intended use, data, inputs, metrics whole and by slice, limits."""
    sections = [
        "# Model card",
        _intended_use(contract, params),
        _data(result, params, n_train),
        _inputs(contract),
        _metrics(result["metrics"], contract),
        _slices(result["slices"], params),
        _limits(result["slices"], params),
    ]
    return "\n\n".join(sections) + "\n"


def _intended_use(contract: Contract, params: Params) -> str:
    if contract.task == "regression":
        what = f"Predicts `{contract.target}` as a number ({contract.target_unit or 'no unit'})."
    else:
        classes = ", ".join(f"`{name}`" for name in contract.classes)
        above = params.target.above
        rule = f" (more than {above:g} {params.target.unit})" if above is not None else ""
        what = f"Classifies by `{contract.target}`{rule} into {classes}."
        if len(contract.classes) == 2:
            what += f" `{contract.classes[1]}` from a probability of {contract.threshold:.3f} on."
    return f"## Intended use\n\n{what} Estimator: `{params.train.estimator}`."


def _data(result: dict[str, Any], params: Params, n_train: int) -> str:
    split = params.split
    by = f"{split.strategy} (`{split.column}`)" if split.column else split.strategy
    return (
        f"## Data\n\nSource `{params.source.path}`. Trained on {n_train:,} rows, measured on "
        f"{result['metrics']['n_rows']:,} rows that the model has not seen, divided by {by}."
    )


def _inputs(contract: Contract) -> str:
    lines = ["## Inputs", "", "| column | type | allowed | missing |", "|---|---|---|---|"]
    for column in contract.columns:
        missing = "may be" if column.nullable else "no"
        cells = (column.name, column.kind, allowed(column), missing)
        lines.append(f"| {' | '.join(_cell(text) for text in cells)} |")
    return "\n".join(lines)


def allowed(column: Column) -> str:
    """The allowed values of a column in words."""
    if column.closed:
        return ", ".join(column.levels)
    if column.kind == "category":
        return f"{len(column.levels)} known, others are taken as unseen"
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    if not low and not high:
        return "any"
    return f"{low or 'up'} to {high or 'any'} {column.unit}".strip()


def _metrics(metrics: dict[str, Any], contract: Contract) -> str:
    lines = ["## Metrics on the holdout", "", "| metric | value |", "|---|---:|"]
    lines += [f"| {name} | {_number(value)} |" for name, value in metrics.items()]
    return "\n".join(lines)


def _slices(slices: list[dict[str, Any]], params: Params) -> str:
    metric = params.train.scoring
    lines = [f"## {metric} by slice", "", f"| slice | rows | {metric} |", "|---|---:|---:|"]
    for record in slices:
        value = _number(record.get(metric)) if metric in record else "too few rows"
        name = _cell(f"{record['column']} = {record['value']}")
        lines.append(f"| {name} | {record['n_rows']:,} | {value} |")
    return "\n".join(lines) if slices else "## Slices\n\nNone: see evaluate.slices in params.yaml."


def _limits(slices: list[dict[str, Any]], params: Params) -> str:
    small = [f"{s['column']} = {s['value']}" for s in slices if params.train.scoring not in s]
    text = "## Limits\n\nMeasured on past rows; the world may differ from them."
    if small:
        least = params.evaluate.min_slice_rows
        text += f" Not measured, fewer than {least} rows: {', '.join(small)}."
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: Any) -> str:
    if value is None or value != value:
        return "not defined"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
