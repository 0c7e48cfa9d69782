"""Rows that cannot be used are dropped, each for one reason that is counted; none in bulk.

`prepare.max_dropped_share` in params.yaml has a limit for each reason. Beyond it the data are
refused: a column that was read wrongly looks like many bad rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mlops_loop import columns, project
from mlops_loop.errors import DataRefused
from mlops_loop.pipeline.split import KEY
from mlops_loop.pipeline.validate import Validated, validate
from mlops_loop.stage_params import MaxDropped
from mlops_loop.tasks.target import FLOAT32, TARGET
from mlops_loop.text import listed
from mlops_loop.values import SEPARATOR

EXAMPLES = 3
ADVICE = {
    "left_out": "let features.model_rows give a row for each raw row",
    "missing_target": "look at target.column in the source",
    "repeated_key": "name in prepare.key what identifies a row",
    "impossible_value": "correct ModelInput in schema.py, or features.model_rows",
    "beyond_float32": "correct the source, or scale the column in features.model_rows",
    "outlier": "raise prepare.fences, or flag outliers instead",
}


@dataclass(frozen=True)
class Dropped:
    """Rows that are dropped for one reason, of those that came so far.

    reason: as in MaxDropped. words: the same for people. n: of `of` rows. examples: up to three
    keys or values.
    """

    reason: str
    words: str
    n: int
    of: int
    examples: tuple[str, ...] = ()


def refuse_bulk_loss(dropped: Iterable[Dropped], limits: MaxDropped) -> None:
    """Raise DataRefused for the first reason that takes a larger share than it may."""
    for item in dropped:
        limit = getattr(limits, item.reason)
        if item.n <= limit * item.of:
            continue
        examples = f", such as {listed(item.examples)}" if item.examples else ""
        raise DataRefused(
            f"{item.n:,} of {item.of:,} rows ({item.n / item.of:.1%}) would be dropped: "
            f"{item.words}{examples}. Allowed are {limit:.1%} "
            f"(prepare.max_dropped_share: {{{item.reason}: {limit:g}}}). "
            f"Next: {ADVICE[item.reason]}, or raise that limit in params.yaml"
        )


def left_out(raw: pd.DataFrame, rows: pd.DataFrame, key: Iterable[str]) -> Dropped:
    """The rows that `features.model_rows` did not give back; raises DataRefused where it adds some.

    Examples are keys of raw rows, where the index and the columns of `key` say which are missing.
    """
    if len(rows) > len(raw):
        raise DataRefused(
            f"features.model_rows made {len(rows):,} rows of {len(raw):,}: it gives one row for "
            "each raw row. A merge with a table that has a key twice does this."
        )
    n, known = len(raw) - len(rows), [name for name in key if name in raw]
    examples: tuple[str, ...] = ()
    if n and known and rows.index.is_unique and rows.index.isin(raw.index).all():
        lost = raw.loc[raw.index.difference(rows.index)[:EXAMPLES], known]
        examples = tuple(", ".join(map(str, row)) for row in lost.itertuples(index=False))
    return Dropped("left_out", "left out by features.model_rows", n, len(raw), examples)


def drop_unnamed(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Dropped]]:
    """Rows with `_target`, each `_key` once, and the dropped by reason; the first one counts.

    Apart from `drop_impossible`, so that whoever calls both holds one table in between.
    """
    lacks = rows[TARGET].isna().to_numpy()
    again = np.zeros(len(rows), dtype=bool)
    again[~lacks] = rows[KEY][~lacks].duplicated()
    dropped = [
        _dropped(rows, "missing_target", "target is missing", lacks),
        _dropped(rows, "repeated_key", "key came before", again),
    ]
    return _without(rows, lacks | again), dropped


def _dropped(rows: pd.DataFrame, reason: str, words: str, bad: np.ndarray) -> Dropped:
    return Dropped(reason, words, int(bad.sum()), len(rows), keys_of(rows[KEY][bad]))


def _without(rows: pd.DataFrame, bad: np.ndarray) -> pd.DataFrame:
    """The rows that are not `bad`, with labels anew."""
    return (rows[~bad] if bad.any() else rows).reset_index(drop=True)


def drop_impossible(
    rows: pd.DataFrame, inputs: list[str], of: int
) -> tuple[pd.DataFrame, list[Dropped]]:
    """Rows with the model input as its schema types it, and the dropped by reason.

    rows: the columns `inputs` of the model, `_target` and `_key`. of: how many rows there were.
    """
    dropped = []
    checked = validate(rows, project.model_input())
    if len(checked.failures):
        words = f"impossible value of {listed(checked.failures['column'].unique())}"
        bad = rows[KEY].isin(checked.quarantined[KEY]).to_numpy()
        dropped.append(Dropped("impossible_value", words, int(bad.sum()), of, _values(checked)))
        rows = _without(rows, bad)
    rows = columns.replaced(rows, checked.rows)
    beyond = _beyond_float32(rows, inputs)
    values = tuple(f"{name} = {rows.loc[bad, name].iloc[0]}" for name, bad in beyond.items())
    bad, words = beyond.any(axis=1).to_numpy(), "number beyond float32"
    dropped.append(Dropped("beyond_float32", words, int(bad.sum()), of, values[:EXAMPLES]))
    return _without(rows, bad), dropped


def _beyond_float32(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Which values float32 cannot hold, by column, of those that have one."""
    found = {}
    for name in rows[names].select_dtypes("number"):
        beyond = rows[name].astype(float).abs() > FLOAT32.max
        if beyond.any():
            found[name] = beyond
    return pd.DataFrame(found, rows.index)


def keys_of(keys: pd.Series) -> tuple[str, ...]:
    """The first different keys, for people."""
    return tuple(key.replace(SEPARATOR, ", ") for key in keys.drop_duplicates().head(EXAMPLES))


def _values(checked: Validated) -> tuple[str, ...]:
    """A value of each column and rule that failed."""
    cases = checked.failures.itertuples()
    texts = (f"{case.column} = {case.examples[0]} ({case.check})" for case in cases)
    return tuple(texts)[:EXAMPLES]
