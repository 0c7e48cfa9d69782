"""Which rows a model may learn from: train, validation and holdout.

A rule can be asked again later: `part_of` says for any row, also one that came after training, to
which part it belongs. So the gate can prove that a champion has not seen a row.

- time:   the newest rows are the holdout, the ones before them validation. Rows of the same
          moment stay together.
- group:  all rows of a group stay together, by a hash of the group.
- random: by a hash of the row's key. A row keeps its part when others are added.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataRefused
from ..params import Split

PARTS = ("train", "validation", "holdout")
RESERVED = KEY, TIME, GROUP, TARGET = ("_key", "_time", "_group", "_target")


def make_rule(rows: pd.DataFrame, params: Split, seed: int) -> dict[str, Any]:
    """The rule that divides `rows` as `params` says; plain JSON.

    rows: needs `_time` for strategy time (ISO strings or numbers, none missing), `_group` for
    group, `_key` for random. Raises DataRefused where a part would be empty.
    """
    rule: dict[str, Any] = {"strategy": params.strategy, "seed": seed}
    if params.strategy == "time" and len(rows):
        moments = sorted(rows[TIME].tolist())
        n = len(moments)
        rule["holdout_from"] = moments[int(n * (1 - params.holdout))]
        rule["validation_from"] = moments[int(n * (1 - params.holdout - params.validation))]
    else:
        rule |= {"validation": params.validation, "holdout": params.holdout}
    found = set(part_of(rows, rule)) if len(rows) else set()
    if empty := [part for part in PARTS if part not in found]:
        raise DataRefused(
            f"The split by {params.strategy} leaves no rows for {', '.join(empty)}: "
            f"{len(rows)} rows are too few, or too many share one value. See split in params.yaml."
        )
    return rule


def part_of(rows: pd.DataFrame, rule: dict[str, Any]) -> pd.Series:
    """'train', 'validation' or 'holdout' for each row, by `rule`."""
    if rule["strategy"] == "time":
        late = rows[TIME] >= rule["holdout_from"]
        middle = rows[TIME] >= rule["validation_from"]
    else:
        name = GROUP if rule["strategy"] == "group" else KEY
        place = rows[name].map(lambda key: uniform(str(key), rule["seed"])).astype(float)
        late = place < rule["holdout"]
        middle = place < rule["holdout"] + rule["validation"]
    parts = np.select([late, middle], ["holdout", "validation"], default="train")
    return pd.Series(parts, index=rows.index)


def seen(rows: pd.DataFrame, rule: dict[str, Any]) -> np.ndarray:
    """True for each row that a model under `rule` may have learned from or been tuned on."""
    return (part_of(rows, rule) != "holdout").to_numpy()


def uniform(key: str, seed: int) -> float:
    """A number in [0, 1) from a hash of key and seed: the same everywhere and for ever."""
    digest = hashlib.blake2b(f"{seed}|{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
