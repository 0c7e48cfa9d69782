"""The classes of a target: which there are, and which of two is the positive one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.stage_params import Target
from mlops_loop.text import listed
from mlops_loop.values import label_of

MOST_NUMBERS = 20  # different numbers with fractions that may still be classes

if TYPE_CHECKING:
    import pandas as pd


def check_parts(values: pd.Series, parts: pd.Series, target: Target) -> None:
    """Refuse a class without a training row, and two classes without a positive one.

    values, parts: (n_rows,), the label of each row and its part. Raises DataRefused, UsageError.
    """
    refuse_numbers(values, target)
    known = to_learn(values[parts == "train"])
    if new := sorted(set(values) - set(known)):
        raise DataRefused(
            f"Classes {listed(new)} of {target.column!r} have validation or holdout rows "
            f"({int(values.isin(new).sum()):,}) and no training row; training has "
            f"{listed(known)}. Next: set split.strategy to stratified; or leave these rows out "
            "until there are more: isin for the target in RawRows quarantines them, "
            "features.model_rows can give them another class"
        )
    if len(known) == 2 and target.above is None and target.positive is None:
        lines = " or ".join(f"positive: {json.dumps(label)}" for label in known)
        raise UsageError(
            f"params.yaml: target.positive is missing. {target.column!r} has two classes, and "
            f"precision, recall and threshold are about one. Next: add {lines} to target"
        )
    require_positive(known, target)


def refuse_numbers(values: pd.Series, target: Target) -> None:
    """Raise UsageError where labels are numbers, each of few rows: an amount, and no class.

    Whole numbers count as classes until half of the rows have one of their own; with fractions,
    as in ratings by halves, up to MOST_NUMBERS of them.
    """
    labels = values.dropna().unique()
    if len(labels) <= MOST_NUMBERS or not all(_is_number(label) for label in labels):
        return
    fractions = any("." in label or "e" in label for label in labels)
    if fractions or 2 * len(labels) > len(values):
        raise UsageError(
            f"target.column {target.column!r} holds {len(labels):,} different numbers in "
            f"{len(values):,} rows, such as {listed(labels[:3])}: is this regression? Next: set "
            "task: regression in params.yaml and gate.yaml; or make two classes of it by "
            "target.above and target.classes; or give classes names in features.model_rows"
        )


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True


def to_learn(values: pd.Series) -> list[str]:
    """The classes of training rows, in alphabetical order."""
    labels = sorted(set(values))
    if len(labels) < 2:
        raise DataRefused(f"The training rows have one class only: {listed(labels)}. See target.")
    return labels


def require_positive(labels: list[str], target: Target) -> None:
    """Raise UsageError for a positive class that no row has."""
    if target.positive is None or target.positive in labels:
        return
    hint = " YAML reads yes and no without quotes as true and false."
    raise UsageError(
        f"target.positive = {target.positive!r} is none of the classes {listed(labels)}."
        + hint * (target.positive in ("true", "false"))
    )


def known(contract: Contract) -> list[str]:
    """The classes as `label_of` writes them; a model of an earlier version may have '1.0' or ''."""
    return [label_of(name) or name for name in contract.classes]
