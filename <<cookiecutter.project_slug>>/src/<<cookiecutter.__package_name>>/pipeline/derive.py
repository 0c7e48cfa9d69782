"""Derive the contract from `schema.ModelInput` and the training rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa

from ..contract import Column, Contract
from ..errors import DataRefused, UsageError
from ..params import Params, Target
from .split import TARGET

# What a pandera check says to clients. Others cannot be told in a form or in OpenAPI.
_CHECKS = {
    "greater_than_or_equal_to": lambda s: {"minimum": s["min_value"]},
    "less_than_or_equal_to": lambda s: {"maximum": s["max_value"]},
    "in_range": lambda s: {"minimum": s["min_value"], "maximum": s["max_value"]},
    "isin": lambda s: {"levels": tuple(str(v) for v in s["allowed_values"]), "closed": True},
    "str_matches": lambda s: {"pattern": getattr(s["pattern"], "pattern", s["pattern"])},
}


def derive_contract(schema: pa.DataFrameSchema, train: pd.DataFrame, params: Params) -> Contract:
    """The contract of a model that is trained on `train` (columns of `schema`, `_target`).

    Open categories get the levels that training has, in alphabetical order. Raises UsageError
    for a type or a check that a client cannot be told.
    """
    columns = tuple(_column(name, column, train[name]) for name, column in schema.columns.items())
    classes: tuple[str, ...] = ()
    if params.task == "classification":
        classes = _classes(train[TARGET], params.target)
    return Contract(
        task=params.task,
        target=params.target.column,
        columns=columns,
        classes=classes,
        target_unit=params.target.unit if params.task == "regression" else "",
    )


def _kind(name: str, dtype: Any) -> str:
    text = str(dtype).lower()
    for start, kind in [("float", "number"), ("int", "integer"), ("uint", "integer")]:
        if text.startswith(start):
            return kind
    if text.startswith("bool"):
        return "boolean"
    if text.startswith(("str", "object", "category")):
        return "category"
    raise UsageError(
        f"ModelInput.{name} is {dtype}; the model takes float, int, bool and str. Turn it into "
        "one of them in features.model_rows."
    )


def _column(name: str, column: pa.Column, values: pd.Series) -> Column:
    facts: dict[str, Any] = {}
    for check in column.checks:
        if check.name not in _CHECKS:
            raise UsageError(
                f"ModelInput.{name} has the check {check.name!r}, which clients cannot be told. "
                f"Use ge, le, in_range, isin or str_matches."
            )
        facts |= _CHECKS[check.name](check.statistics)
    kind = _kind(name, column.dtype)
    _refuse_misfits(name, kind, facts)
    if kind == "category" and not facts.get("closed"):
        facts["levels"] = tuple(sorted(set(values.dropna().astype(str))))
    return Column(
        name=name,
        kind=kind,
        nullable=bool(column.nullable),
        title=column.title or name.replace("_", " ").capitalize(),
        description=column.description or "",
        unit=(column.metadata or {}).get("unit", ""),
        example=_example(kind, values.dropna()),
        **facts,
    )


def _refuse_misfits(name: str, kind: str, facts: dict[str, Any]) -> None:
    wrong = {"minimum", "maximum"} if kind == "category" else {"levels", "pattern"}
    if wrong & facts.keys():
        raise UsageError(
            f"ModelInput.{name} is a {kind}: isin and str_matches are for str, ge, le and in_range "
            "for numbers. Change its type or its check in schema.py."
        )


def _example(kind: str, values: pd.Series) -> Any:
    if values.empty:
        return None
    if kind == "category":
        return str(values.mode().iloc[0])
    middle = values.astype(float).median()
    if kind == "boolean":
        return bool(middle >= 0.5)
    return int(middle) if kind == "integer" else round(float(middle), 4)


def _classes(labels: pd.Series, target: Target) -> tuple[str, ...]:
    found = sorted(set(labels))
    if len(found) < 2:
        raise DataRefused(f"The training rows have one class only: {found}. See target.")
    if target.classes:
        return target.classes
    if target.positive is not None and target.positive not in found:
        raise UsageError(f"target.positive = {target.positive!r} is none of the classes {found}.")
    return tuple(sorted(found, key=lambda label: (label == target.positive, label)))


def encode_target(rows: pd.DataFrame, contract: Contract):
    """`_target` as class positions (n_rows,) int, or float for regression.

    Raises DataRefused for a class that training did not have.
    """
    if contract.task == "regression":
        return rows[TARGET].to_numpy(dtype=float)
    positions = rows[TARGET].map({label: i for i, label in enumerate(contract.classes)})
    if positions.isna().any():
        new = sorted(set(rows.loc[positions.isna(), TARGET]))
        raise DataRefused(f"Classes {new} do not occur in training: {list(contract.classes)}.")
    return positions.to_numpy(dtype=int)
