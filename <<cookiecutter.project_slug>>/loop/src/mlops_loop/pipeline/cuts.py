"""Cuts of trees, written so that ONNX keeps every row on its side.

ONNX has the cuts of trees as float32. Two converters write the nearest one, which may be greater
than the cut: then a row whose float32 value is just above the cut goes to the other side. The
largest float32 that is not above the cut parts all float32 values as the cut itself does, so
rounding down changes no answer of the model that was trained.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

THRESHOLDS = re.compile(r"^threshold=(.+)$", re.M)  # of a tree in LightGBM's text
SIZES = re.compile(r"^tree_sizes=.*\n", re.M)  # where each tree begins; may be left out


def round_down(cuts: np.ndarray) -> np.ndarray:
    """The largest float32 values that are not above `cuts`, as float64 of the same shape.

    `value <= cut` has the same answer before and after for every float32 value; NaN stays NaN.
    """
    cuts = np.asarray(cuts, dtype=float)
    with np.errstate(over="ignore", under="ignore"):
        nearest = cuts.astype(np.float32)
        below = np.nextafter(nearest, np.float32(-np.inf))
    return np.where(nearest > cuts, below, nearest).astype(float)


@contextmanager
def rounded_down(pipeline: Any) -> Iterator[None]:
    """While this is open, gradient boosting anywhere in a fitted `pipeline` has float32 cuts.

    That is HistGradientBoosting* of scikit-learn and LightGBM. skl2onnx rounds the cuts of other
    trees of scikit-learn down itself, and XGBoost's are float32.
    """
    swaps = [(part, *swap) for part in parts(pipeline) for swap in _swaps(part)]
    before = [getattr(part, name) for part, name, _ in swaps]
    try:
        for part, name, value in swaps:
            setattr(part, name, value)
        yield
    finally:
        for (part, name, _), value in zip(swaps, before, strict=True):
            setattr(part, name, value)


def _swaps(part: Any) -> Iterator[tuple[str, Any]]:
    """Name and new value of the attribute that holds the cuts; nothing where there is none."""
    kind = type(part)
    if kind.__name__ == "TreePredictor":
        nodes = part.nodes.copy()
        nodes["num_threshold"] = round_down(nodes["num_threshold"])
        yield "nodes", nodes
    if kind.__module__.startswith("lightgbm") and getattr(part, "_Booster", None) is not None:
        yield "_Booster", _rounded_booster(part._Booster)


def _rounded_booster(booster: Any) -> Any:
    """A copy of a LightGBM model from its text, in which no number but the cuts is another."""
    text = SIZES.sub("", booster.model_to_string(num_iteration=-1))
    return type(booster)(model_str=THRESHOLDS.sub(_rounded_line, text))


def _rounded_line(line: re.Match[str]) -> str:
    cuts = round_down(np.array(line[1].split(), dtype=float))
    return "threshold=" + " ".join(map(repr, cuts.tolist()))


def parts(whole: Any) -> list[Any]:
    """All objects that a fitted pipeline is made of, itself included, each once."""
    known, waiting = dict[int, Any](), [whole]
    while waiting:
        part = waiting.pop()
        if id(part) not in known:
            known[id(part)] = part
            waiting += _inner(part)
    return list(known.values())


def _inner(part: Any) -> Iterable[Any]:
    if isinstance(part, np.ndarray):
        return part.flat if part.dtype == object else ()
    if isinstance(part, Mapping):
        return part.values()
    if isinstance(part, list | tuple | set):
        return part
    if isinstance(part, type | ModuleType | FunctionType):
        return ()
    return getattr(part, "__dict__", {}).values()
