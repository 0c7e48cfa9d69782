"""Own sources, metrics and gate checks, by name. Yours to edit.

Each table is empty until you add to it; loop/docs/extensions.md has an example for each. Import
inside a function what only training has, such as pandas: a container with a skops model reads this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mlops_loop.statistics.metrics import Metric

if TYPE_CHECKING:
    import pandas as pd

    from mlops_loop.gate.comparison import Check, Comparison

Options = Mapping[str, Any]

# source.kind in params.yaml: a function of the other keys of `source` that returns a table
SOURCES: dict[str, Callable[[Options], pd.DataFrame]] = {}

# a metric in params.yaml and gate.yaml, by its own name
METRICS: dict[str, Metric] = {}

# own_checks in gate.yaml: a function of both models and its options that yields checks
CHECKS: dict[str, Callable[[Comparison, Options], Iterable[Check]]] = {}

# types of models that no estimator in estimators.py makes any more, as "package.module.Type"
TRUSTED_TYPES: list[str] = []
