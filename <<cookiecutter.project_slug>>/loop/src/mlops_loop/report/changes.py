"""How a model differs from the champion: columns, distributions, parameters."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

Change = tuple[str, str, str]  # name, before, now
LONGEST = 200  # characters of a value: a table of changes leaves room for the sections behind it
FROM_ROWS = ("example", "clip")  # facts of a column that change with the rows


def flat(data: Any, name: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names; an empty dictionary is kept as a value."""
    if not isinstance(data, Mapping) or not data:
        return {name: data}
    items = (flat(value, f"{name}.{key}".lstrip(".")) for key, value in data.items())
    return {key: value for item in items for key, value in item.items()}


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Entries that differ, by name and as text, cut to LONGEST; "-" where an entry is missing."""
    rows = ((name, _text(old, name), _text(new, name)) for name in sorted({*old, *new}))
    return [(name, _cut(before), _cut(now)) for name, before, now in rows if before != now]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "-")
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Facts of two `contract.json` that differ, each with the name of its column.

    Of levels only those that one side lacks. FROM_ROWS are not compared.
    """
    before, now = ({column["name"]: column for column in c["columns"]} for c in (old, new))
    for name in dict.fromkeys([*before, *now]):
        if name in before and name in now:
            yield from _facts(name, before[name], now[name])
        else:
            kinds = (part[name]["kind"] if name in part else "-" for part in (before, now))
            yield name, *kinds


def _facts(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for fact, before, now in between(_comparable(old, new), _comparable(new, old)):
        yield f"{name}, {fact}", before, now


def _comparable(column: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a column that are compared; its levels without those of the other."""
    own_levels, other_levels = (set(part.get("levels") or ()) for part in (column, other))
    facts = {fact: value for fact, value in column.items() if fact not in FROM_ROWS}
    return facts | {"levels": sorted(own_levels - other_levels)}


def distance(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """How far apart a column is in two references: 0 where equal, 1 with nothing in common.

    The square root of the Jensen-Shannon divergence to base 2, a metric (Lin 1991,
    doi:10.1109/18.61115; Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506). Unlike the
    population stability index it is defined for empty bins. Numbers are counted in the bins of
    `old`; within a bin of `new` they count as spread evenly. Missing counts as a value.
    """
    if "edges" in old:
        shares = [_in_bins(facts, old["edges"]) for facts in (old, new)]
    else:
        names = sorted({*old["shares"], *new["shares"]})
        shares = [np.array([f["shares"].get(name, 0) for name in names]) for f in (old, new)]
    missing = [facts["missing_share"] for facts in (old, new)]
    pairs = zip(shares, missing, strict=True)
    return _jensen_shannon(*(np.append(s * (1 - m), m) for s, m in pairs))


def _jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """As scipy's, but 0 where rounding makes the divergence of equal shares negative."""
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return math.sqrt(max(divergence, 0) / math.log(2))


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    """The sum of p log(p / q), of all p above 0; scipy's takes longer to load than a report."""
    some = p > 0
    return float(np.sum(p[some] * np.log(p[some] / q[some])))


def _in_bins(facts: Mapping[str, Any], edges: list[float]) -> np.ndarray:
    """Shares of a column's numbers in bins with these inner edges; zeros where it has none."""
    if not facts["shares"]:
        return np.zeros(len(edges) + 1)
    known = [facts["minimum"], *facts["edges"], facts["maximum"]]
    total = np.append(0, np.cumsum(facts["shares"]))
    below = np.interp(edges, known, total, left=0, right=1)
    # Between edges that are closer than a float can divide by, the share of the lower one counts.
    at_left = total[np.searchsorted(known, edges, side="right") - 1]
    below = np.where(np.isfinite(below), below, at_left)
    return np.clip(np.diff([0, *below, 1]), 0, 1)  # rounding can make a share of 0 negative


def distributions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Columns of the same kind in two references by their distance, the largest first.

    Each is name, distance, missing share before and now, mean before and now (None for a category).
    """
    before, now, rows = old["columns"], new["columns"], []
    for name in before.keys() & now.keys():
        pair = before[name], now[name]
        if pair[0]["kind"] == pair[1]["kind"]:
            facts = [part.get(fact) for fact in ("missing_share", "mean") for part in pair]
            rows.append((name, distance(*pair), *facts))
    return sorted(rows, key=lambda row: (-row[1], row[0]))
