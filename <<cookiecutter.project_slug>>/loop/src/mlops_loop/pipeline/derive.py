"""The contract of a model, out of `schema.ModelInput` and the training rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Column, Contract
from mlops_loop.params import Params, Prepare, Target
from mlops_loop.pipeline.outliers import fences
from mlops_loop.pipeline.split import TARGET
from mlops_loop.text import listed

_KINDS = {"float": "number", "int": "integer", "uint": "integer", "bool": "boolean"}
_KINDS |= dict.fromkeys(("str", "object", "category"), "category")
# What a pandera check says to clients. Others cannot be told in a form or in OpenAPI.
_NUMBER_CHECKS = {
    "greater_than_or_equal_to": lambda s: {"minimum": s["min_value"]},
    "less_than_or_equal_to": lambda s: {"maximum": s["max_value"]},
    "in_range": lambda s: {"minimum": s["min_value"], "maximum": s["max_value"]},
}
_CATEGORY_CHECKS = {
    "isin": lambda s: {"levels": tuple(str(v) for v in s["allowed_values"]), "closed": True},
    "str_matches": lambda s: {"pattern": getattr(s["pattern"], "pattern", s["pattern"])},
}


def derive_contract(schema: pa.DataFrameSchema, train: pd.DataFrame, params: Params) -> Contract:
    """The contract of a model that is trained on `train` (columns of `schema`, `_target`).

    Open categories get the levels that `prepare.min_category_count` training rows have, in
    alphabetical order. Raises UsageError for a type or a check that a client cannot be told.
    """
    regression = params.task == "regression"
    return Contract(
        task=params.task,
        target=params.target.column,
        columns=tuple(_column(n, c, train[n], params.prepare) for n, c in schema.columns.items()),
        classes=() if regression else _classes(train[TARGET], params.target),
        target_unit=params.target.unit if regression else "",
    )


def _column(name: str, column: pa.Column, values: pd.Series, prepare: Prepare) -> Column:
    kind = _kind(name, column.dtype)
    facts = _facts(name, column, kind)
    values = values.dropna()
    if kind == "category" and not facts.get("closed"):
        counts = values.astype(str).value_counts()
        facts["levels"] = tuple(sorted(counts.index[counts >= prepare.min_category_count]))
        if not facts["levels"] and not column.nullable:
            least = f"prepare.min_category_count = {prepare.min_category_count}"
            raise DataRefused(f"Column {name!r} has no category with {least} training rows.")
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


def _kind(name: str, dtype: Any) -> str:
    for start, kind in _KINDS.items():
        if str(dtype).lower().startswith(start):
            return kind
    raise UsageError(
        f"ModelInput.{name} is {dtype}; the model takes float, int, bool and str. Turn it into "
        "one of them in features.model_rows."
    )


def _facts(name: str, column: pa.Column, kind: str) -> dict[str, Any]:
    told = _CATEGORY_CHECKS if kind == "category" else _NUMBER_CHECKS
    facts: dict[str, Any] = {}
    for check in column.checks:
        if check.name not in told:
            raise UsageError(
                f"ModelInput.{name} has the check {check.name!r}, which clients cannot be told. It "
                f"is a {kind}: isin and str_matches are for str, ge, le and in_range for numbers."
            )
        facts |= told[check.name](check.statistics)
    return facts


def _example(kind: str, values: pd.Series) -> Any:
    if values.empty:
        return None
    if kind == "category":
        return str(values.mode().iloc[0])
    middle = float(values.astype(float).median())
    return {"boolean": middle >= 0.5, "integer": int(middle), "number": round(middle, 4)}[kind]


def _classes(labels: pd.Series, target: Target) -> tuple[str, ...]:
    found = sorted(set(labels))
    if len(found) < 2:
        raise DataRefused(f"The training rows have one class only: {listed(found)}. See target.")
    if target.classes:
        return target.classes
    if target.positive is not None and target.positive not in found:
        raise UsageError(
            f"target.positive = {target.positive!r} is none of the classes {listed(found)}."
        )
    return tuple(sorted(found, key=lambda label: (label == target.positive, label)))


def encode_target(rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    """`_target` as class positions (n_rows,) int, or float for regression.

    Raises DataRefused for a class that training did not have.
    """
    if contract.task == "regression":
        return rows[TARGET].to_numpy(dtype=float)
    if new := sorted(set(rows[TARGET]) - set(contract.classes)):
        raise DataRefused(
            f"Classes {listed(new)} do not occur in training: {listed(contract.classes)}."
        )
    return rows[TARGET].map(contract.classes.index).to_numpy(dtype=int)
