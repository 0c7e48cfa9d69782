"""Which rows a model may learn from: train, validation and holdout.

A rule can be applied again later: `part_of` says for any row, also one that arrived after training,
to which part it belongs. So the gate can prove that a champion has not seen a row.

- time:   the newest rows are the holdout, the ones before them validation. Rows of the same
          moment stay together.
- group:  all rows of a group stay together, by a hash of the group.
- random: by a hash of the row's key.
- stratified: by that hash within each class, so that each part has its share of each class.

By group and at random, a row keeps its part when others are added. By time and stratified it may
move; `split.pinned` keeps the rule of an earlier run.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.stage_params import Split
from mlops_loop.tasks.target import TARGET
from mlops_loop.values import formerly, label_of

PARTS = ("train", "validation", "holdout")
KEY, TIME, GROUP = "_key", "_time", "_group"
TEXTS = 1  # keys, groups and labels are written as `values.text_of` says
RESERVED = (KEY, TIME, GROUP, TARGET)


def make_rule(rows: pd.DataFrame, params: Split, seed: int) -> dict[str, Any]:
    """The rule that divides `rows` as `params` says; plain JSON.

    rows: needs `_time` for strategy time (ISO strings or numbers, none missing), `_group` for
    group, `_key` for random, `_key` and `_target` for stratified. Raises DataRefused where a part
    would be empty, UsageError where a pinned rule is not one of this strategy.
    """
    rule: dict[str, Any] = {"strategy": params.strategy, "seed": seed}
    rule |= {"validation": params.validation, "holdout": params.holdout, "texts": TEXTS}
    rule |= _limits(rows, params, seed) if params.pinned is None else params.pinned
    filled = _filled_parts(rows, rule, params)
    if empty := [part for part in PARTS if part not in filled]:
        raise DataRefused(
            f"The split by {params.strategy} leaves no rows for {', '.join(empty)}: "
            f"{len(rows)} rows are too few, or too many share one value. See split in params.yaml."
        )
    return rule


def _limits(rows: pd.DataFrame, params: Split, seed: int) -> dict[str, Any]:
    """The part of a rule that depends on the rows."""
    if params.strategy == "stratified":
        places = _places(rows[KEY], seed).groupby(rows[TARGET])
        return {"limits": {label_of(label): _of_one_class(own, params) for label, own in places}}
    if params.strategy != "time" or rows.empty:
        return {}
    moments, later = sorted(rows[TIME].tolist()), params.holdout + params.validation
    shares = {"holdout_from": params.holdout, "validation_from": later}
    return {key: moments[int(len(moments) * (1 - share))] for key, share in shares.items()}


def _of_one_class(places: pd.Series, params: Split) -> list[float]:
    """Hashes below which a row of one class is held out, and held out or validation."""
    ordered = [*sorted(places), 1.0]
    shares = (params.holdout, params.holdout + params.validation)
    return [ordered[round(len(places) * share)] for share in shares]


def _filled_parts(rows: pd.DataFrame, rule: dict[str, Any], params: Split) -> set[str]:
    try:
        return set(part_of(rows, rule)) if len(rows) else set()
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"split.pinned = {params.pinned} is no rule for strategy {params.strategy!r}: "
            f"{error!r}. Copy it from data/prepared/split.json of the run to keep."
        ) from error


def part_of(rows: pd.DataFrame, rule: dict[str, Any]) -> pd.Series:
    """'train', 'validation' or 'holdout' for each row, by `rule`."""
    late, middle = (_by_time if rule["strategy"] == "time" else _by_hash)(rows, rule)
    parts = np.select([late, middle], ["holdout", "validation"], default="train")
    return pd.Series(parts, index=rows.index)


def _by_time(rows: pd.DataFrame, rule: dict[str, Any]) -> tuple[pd.Series, pd.Series]:
    """Which rows are held out, and which are held out or validation."""
    return rows[TIME] >= rule["holdout_from"], rows[TIME] >= rule["validation_from"]


def _by_hash(rows: pd.DataFrame, rule: dict[str, Any]) -> tuple[pd.Series, pd.Series]:
    """The same by hashes of the group or the key, with limits for each class if stratified."""
    low, high = rule["holdout"], rule["holdout"] + rule["validation"]
    if rule["strategy"] == "stratified":
        known = {label_of(label): limits for label, limits in rule["limits"].items()}
        limits = rows[TARGET].map(lambda label: known.get(label_of(label), [low, high]))
        low, high = limits.str[0], limits.str[1]
    place = _places(rows[GROUP if rule["strategy"] == "group" else KEY], rule["seed"])
    return place < low, place < high


def seen(rows: pd.DataFrame, rule: dict[str, Any]) -> np.ndarray:
    """True for each row that a model under `rule` may have learned from or been tuned on.

    A rule without `texts` is of an earlier version, which may have hashed another text of the same
    key: '5.0' for 5. Then a row is unseen only if it is held out however it was written.
    """
    unseen = part_of(rows, rule) == "holdout"
    column = GROUP if rule["strategy"] == "group" else KEY
    if "texts" not in rule and rule["strategy"] != "time":
        asked = rows.assign(**{column: rows[column].map(formerly)}).explode(column)
        held = (part_of(asked, rule) == "holdout") & asked[column].notna()
        unseen &= held.groupby(level=0).all()
    return (~unseen).to_numpy()


def overlap(rows: pd.DataFrame, parts: pd.Series, columns: list[str]) -> float:
    """The share of holdout rows whose `columns` are all equal to those of another part's row."""
    print_of = pd.util.hash_pandas_object(rows[columns], index=False)
    held = parts == "holdout"
    return float(print_of[held].isin(print_of[~held]).mean())


def _places(keys: pd.Series, seed: int) -> pd.Series:
    return keys.map(lambda key: uniform(str(key), seed)).astype(float)


def uniform(key: str, seed: int) -> float:
    """A number in [0, 1) from a hash of key and seed: the same everywhere and for ever."""
    digest = hashlib.blake2b(f"{seed}|{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
