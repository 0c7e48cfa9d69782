"""The contract of a model, out of `schema.ModelInput` and the training rows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pandera.pandas as pa

from mlops_loop import tasks
from mlops_loop.columns import texts
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Column, Contract, Kind
from mlops_loop.params import Params
from mlops_loop.pipeline.outliers import fences
from mlops_loop.stage_params import Prepare
from mlops_loop.tasks.target import TARGET
from mlops_loop.values import text_of

_KINDS: dict[str, Kind] = {
    "float": "number",
    "int": "integer",
    "uint": "integer",
    "bool": "boolean",
}
_KINDS |= dict.fromkeys(("str", "object", "category"), "category")
# What a check of pandera is in the contract. A form or OpenAPI can express no others.
_NUMBER_CHECKS = {
    "greater_than_or_equal_to": lambda s: {"minimum": s["min_value"]},
    "less_than_or_equal_to": lambda s: {"maximum": s["max_value"]},
    "in_range": lambda s: {"minimum": s["min_value"], "maximum": s["max_value"]},
}
_CATEGORY_CHECKS = {
    "isin": lambda s: {"levels": tuple(map(text_of, s["allowed_values"])), "closed": True},
    "str_matches": lambda s: {"pattern": getattr(s["pattern"], "pattern", s["pattern"])},
}


def derive_contract(schema: pa.DataFrameSchema, train: pd.DataFrame, params: Params) -> Contract:
    """The contract of a model that is trained on `train` (columns of `schema`, `_target`).

    Open categories get the levels that `prepare.min_category_count` training rows have, in
    alphabetical order. Raises UsageError for a type or a check that OpenAPI cannot express.
    """
    columns = tuple(_column(n, c, train[n], params.prepare) for n, c in schema.columns.items())
    facts: dict[str, Any] = {"task": params.task, "target": params.target.column}
    facts |= tasks.find(params.task).contract_facts(train[TARGET], params.target)
    return Contract(**facts, columns=columns)


def _column(name: str, column: pa.Column, values: pd.Series, prepare: Prepare) -> Column:
    kind, values = _kind(name, column.dtype), values.dropna()
    facts = _facts(name, column, kind)
    if kind == "category" and not facts.get("closed"):
        facts["levels"] = _levels(name, values, prepare.min_category_count, column.nullable)
    if prepare.outliers.get(name) == "clip" and len(values):
        low, high = fences(values, prepare.fences)
        facts["clip"] = (low, high) if low < high < math.inf else None
    return Column(
        name=name,
        kind=kind,
        nullable=bool(column.nullable),
        title=column.title or name.replace("_", " ").capitalize(),
        description=column.description or "",
        unit=(column.metadata or {}).get("unit", ""),
        example=_example(kind, values),
        **facts,
    )


def _levels(name: str, values: pd.Series, least: int, nullable: bool) -> tuple[str, ...]:
    """In alphabetical order the categories with at least `least` rows."""
    counts = texts(values).value_counts()
    levels = tuple(sorted(counts.index[counts >= least]))
    if not levels and not nullable:
        rows = f"prepare.min_category_count = {least} training rows"
        raise DataRefused(f"Column {name!r} has no category with {rows}.")
    return levels


def _kind(name: str, dtype: Any) -> Kind:
    for start, kind in _KINDS.items():
        if str(dtype).lower().startswith(start):
            return kind
    raise UsageError(
        f"ModelInput.{name} is {dtype}; the model takes float, int, bool and str. Turn it into "
        "one of them in features.model_rows."
    )


def _facts(name: str, column: pa.Column, kind: str) -> dict[str, Any]:
    known = _CATEGORY_CHECKS if kind == "category" else _NUMBER_CHECKS
    facts: dict[str, Any] = {}
    for check in column.checks:
        if check.name not in known:
            raise UsageError(
                f"ModelInput.{name} has the check {check.name!r}, which OpenAPI cannot express. It "
                f"is a {kind}: isin and str_matches are for str, ge, le and in_range for numbers."
            )
        facts |= known[check.name](check.statistics)
    return facts


def _example(kind: str, values: pd.Series) -> Any:
    if values.empty:
        return None
    if kind == "category":
        return text_of(values.mode().iloc[0])
    middle = float(values.astype(float).median())
    return {"boolean": middle >= 0.5, "integer": int(middle), "number": round(middle, 4)}[kind]
