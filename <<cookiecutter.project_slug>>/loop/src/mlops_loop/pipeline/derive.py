"""The contract of a model, out of `schema.ModelInput` and the training rows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pandera.pandas as pa

from mlops_loop import tasks
from mlops_loop.columns import texts
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Column, Contract, Kind
from mlops_loop.params import Params
from mlops_loop.pipeline.contract_checks import facts_of
from mlops_loop.pipeline.outliers import fences
from mlops_loop.pipeline.schema_rules import require_inputs
from mlops_loop.stage_params import Prepare
from mlops_loop.tasks.target import TARGET
from mlops_loop.values import text_of

_KINDS: dict[str, Kind] = {
    "float": "number",
    "double": "number",
    "int": "integer",
    "uint": "integer",
    "bool": "boolean",
}
_KINDS |= dict.fromkeys(("str", "object", "category"), "category")


def derive_contract(schema: pa.DataFrameSchema, train: pd.DataFrame, params: Params) -> Contract:
    """The contract of a model that is trained on `train` (columns of `schema`, `_target`).

    Open categories get the levels that `prepare.min_category_count` training rows have, in
    alphabetical order. Raises UsageError for what `require_expressible` refuses.
    """
    require_expressible(schema)
    columns = tuple(_column(n, c, train[n], params.prepare) for n, c in schema.columns.items())
    facts: dict[str, Any] = {"task": params.task, "target": params.target.column}
    facts |= tasks.find(params.task).contract_facts(train[TARGET], params.target)
    return Contract(**facts, columns=columns)


def require_expressible(schema: pa.DataFrameSchema) -> None:
    """Raise UsageError for an option, a type or a check that clients could not be told of."""
    require_inputs(schema)
    for name, column in schema.columns.items():
        facts_of(name, column, _kind(name, column.dtype))


def _column(name: str, column: pa.Column, values: pd.Series, prepare: Prepare) -> Column:
    kind, values = _kind(name, column.dtype), values.dropna()
    facts = facts_of(name, column, kind)
    if kind == "category" and not facts.get("closed"):
        facts["levels"] = _levels(name, values, prepare.min_category_count, column.nullable)
    if prepare.outliers.get(name) == "clip" and len(values):
        low, high = fences(values, prepare.fences)
        facts["clip"] = (low, high) if low < high < math.inf else None
    made = Column(
        name=name,
        kind=kind,
        nullable=bool(column.nullable),
        title=column.title or name.replace("_", " ").capitalize(),
        description=column.description or "",
        unit=(column.metadata or {}).get("unit", ""),
        example=_example(kind, values),
        **facts,
    )
    return replace(made, example=made.rounded(made.example))


def column_without_rows(name: str, column: pa.Column) -> Column:
    """What the schema alone says of a column; an open category has levels that are made up."""
    kind = _kind(name, column.dtype)
    made: dict[str, Any] = {"levels": ("a", "b", "c")} if kind == "category" else {}
    facts = made | facts_of(name, column, kind)
    return Column(name=name, kind=kind, nullable=bool(column.nullable), **facts)


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
        if str(dtype).lower().startswith(start) and not getattr(dtype, "categories", None):
            return kind
    if getattr(dtype, "categories", None):
        raise UsageError(
            f"ModelInput.{name} is a Categorical with categories of its own. Next: write "
            f"Series[str] with isin={[text_of(level) for level in dtype.categories]}"
        )
    raise UsageError(
        f"ModelInput.{name} is {dtype}; the model takes float, int, bool and str. Turn it into "
        "one of them in features.model_rows."
    )


def _example(kind: str, values: pd.Series) -> Any:
    if values.empty:
        return None
    if kind == "category":
        return text_of(values.mode().iloc[0])
    middle = float(values.astype(float).median())
    return {"boolean": middle >= 0.5, "integer": int(middle), "number": middle}[kind]
