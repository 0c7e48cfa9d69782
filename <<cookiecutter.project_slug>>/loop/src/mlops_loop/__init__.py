"""The loop: data to bundle, gate, registry, deployment, endpoint, monitoring. Start at `cli.py`.

In a notebook: `from mlops_loop import load`, then `load().predict(frame)`; see docs/predict.md.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    """`load`, imported when it is asked for: it needs pandas, which the container lacks."""
    if name in __all__:
        return getattr(importlib.import_module("mlops_loop.batch.find"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
