"""What is different from the champion: columns, distributions, parameters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon

Change = tuple[str, str, str]  # name, before, now
LEFT_OUT = ("example", "clip")


def flat(data: Any, name: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names; an empty one is a value like any other."""
    if not isinstance(data, Mapping) or not data:
        return {name: data}
    items = (flat(value, f"{name}.{key}".lstrip(".")) for key, value in data.items())
    return {key: value for item in items for key, value in item.items()}


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Entries that differ, by name and as text; "-" for what only the other has."""
    pairs = {name: [_text(part, name) for part in (old, new)] for name in sorted({*old, *new})}
    return [(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "-")
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Facts of two `contract.json` that differ, each with the name of its column.

    Of levels those that only one has. `example` and `clip` follow from the rows: left out.
    """
    was, now = ({column["name"]: column for column in c["columns"]} for c in (old, new))
    for name in dict.fromkeys([*was, *now]):
        if name not in now or name not in was:
            yield name, *(part[name]["kind"] if name in part else "-" for part in (was, now))
            continue
        pair = [{k: v for k, v in part[name].items() if k not in LEFT_OUT} for part in (was, now)]
        levels = [set(part.get("levels") or ()) for part in pair]
        pair = [part | {"levels": sorted(own - other)}
                for part, own, other in zip(pair, levels, levels[::-1], strict=True)]  # fmt: skip
        yield from ((f"{name}, {fact}", *change) for fact, *change in between(*pair))


def distance(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """How far apart a column is in two references: 0 where alike, 1 where nothing is shared.

    The square root of the Jensen-Shannon divergence to base 2, a metric (Lin 1991,
    doi:10.1109/18.61115; Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506). Unlike the
    population stability index it is defined for empty bins. Numbers are counted in the bins of
    `old`; within a bin of `new` they are taken as spread evenly. Missing is a value too.
    """
    if "edges" in old:
        shares = [_in_bins(facts, old["edges"]) for facts in (old, new)]
    else:
        names = sorted({*old["shares"], *new["shares"]})
        shares = [[facts["shares"].get(name, 0) for name in names] for facts in (old, new)]
    missing = [facts["missing_share"] for facts in (old, new)]
    pairs = zip(shares, missing, strict=True)
    return float(jensenshannon(*(np.append(np.multiply(s, 1 - m), m) for s, m in pairs), base=2))


def _in_bins(facts: Mapping[str, Any], edges: list[float]) -> np.ndarray:
    """Shares of a column's numbers in bins with these inner edges; zeros where it has none."""
    if not facts["shares"]:
        return np.zeros(len(edges) + 1)
    known = [facts["minimum"], *facts["edges"], facts["maximum"]]
    below = np.interp(edges, known, [0, *np.cumsum(facts["shares"])], left=0, right=1)
    return np.diff([0, *below, 1])


def distributions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Columns of the same kind in two references by how far they moved, the farthest first.

    Each is name, distance, missing share before and now, mean before and now (None for a category).
    """
    was, now, found = old["columns"], new["columns"], []
    for name in was.keys() & now.keys():
        pair = was[name], now[name]
        if pair[0]["kind"] != pair[1]["kind"]:
            continue
        facts = [part.get(fact) for fact in ("missing_share", "mean") for part in pair]
        found.append((name, distance(*pair), *facts))
    return sorted(found, key=lambda item: (-item[1], item[0]))
