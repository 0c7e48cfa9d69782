"""What is different from the champion: columns, distributions, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy.spatial.distance import jensenshannon

Change = tuple[str, Any, Any]  # name, before, now


def flat(data: Any, name: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names; an empty one is a value like any other."""
    if not isinstance(data, Mapping) or not data:
        return {name: data}
    items = (flat(value, f"{name}.{key}".lstrip(".")) for key, value in data.items())
    return {key: value for item in items for key, value in item.items()}


def between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Entries that differ, by name; "not there" for what only the other has."""
    names = sorted({*old, *new})
    changes = [(name, old.get(name, "not there"), new.get(name, "not there")) for name in names]
    return [change for change in changes if change[1] != change[2]]


def columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Facts of two `contract.json` that differ, each with the name of its column.

    `example` and `clip` are left out: they follow from the rows.
    """
    was, now = ({column["name"]: column for column in c["columns"]} for c in (old, new))
    for name in dict.fromkeys([*was, *now]):
        if name not in now:
            yield name, was[name]["kind"], "removed"
        elif name not in was:
            yield name, "added", now[name]["kind"]
        else:
            for fact, before, after in between(was[name], now[name]):
                if fact not in ("example", "clip"):
                    yield f"{name}, {fact}", before, after


def distance(old: Mapping[str, Any], new: Mapping[str, Any]) -> float:
    """How far apart a column is in two references: 0 where alike, 1 where nothing is shared.

    The square root of the Jensen-Shannon divergence to base 2, a metric (Lin 1991,
    doi:10.1109/18.61115; Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506). Unlike the
    population stability index it is defined for empty bins. Numbers are compared in the bins of
    `old`; within a bin of `new` they are taken as spread evenly. Missing is a value too.
    """
    if "edges" in old and "edges" in new:
        shares = [np.diff(_below(facts, old["edges"]), prepend=0) for facts in (old, new)]
    else:
        levels = [
            facts["shares"] if isinstance(facts["shares"], dict) else {} for facts in (old, new)
        ]
        names = sorted({*levels[0], *levels[1]})
        shares = [np.array([level.get(name, 0) for name in names]) for level in levels]
    missing = [facts["missing_share"] for facts in (old, new)]
    parts = [np.append(share * (1 - gap), gap) for share, gap in zip(shares, missing, strict=True)]
    return float(jensenshannon(*parts, base=2))


def _below(facts: Mapping[str, Any], edges: list[float]) -> np.ndarray:
    """Share of the numbers up to each edge, and up to infinity; zeros where there are none."""
    if not facts["shares"]:
        return np.zeros(len(edges) + 1)
    known = [facts["minimum"], *facts["edges"], facts["maximum"]]
    return np.append(np.interp(edges, known, [0, *np.cumsum(facts["shares"])], left=0, right=1), 1)


def distributions(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Columns of two references by how far they moved, the farthest first.

    Each is name, distance, missing share before and now, mean before and now (None for a category).
    """
    was, now, found = old["columns"], new["columns"], []
    for name in was.keys() & now.keys():
        pair = was[name], now[name]
        facts = [part.get(fact) for fact in ("missing_share", "mean") for part in pair]
        found.append((name, distance(*pair), *facts))
    return sorted(found, key=lambda item: (-item[1], item[0]))
