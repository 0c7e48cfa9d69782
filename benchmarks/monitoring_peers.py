"""Alarms of other rules and tools, for monitoring.py: one program for each Python that has one.

    python monitoring_peers.py FOLDER ...

Each folder holds pairs `NN-reference.parquet` and `NN-window.parquet`. Prints a row of a table for
each rule that this Python can run: the share of pairs with an alarm, folder by folder.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

Rule = Callable[[pd.DataFrame, pd.DataFrame], bool]


def _counts(known: pd.Series, new: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Count rows by level, or by tenth of the reference."""
    if pd.api.types.is_numeric_dtype(known):
        edges = np.unique(np.nanquantile(known, np.linspace(0, 1, 11)[1:-1]))
        parts = [np.searchsorted(edges, part.dropna()) for part in (known, new)]
        return tuple(np.bincount(part, minlength=len(edges) + 1) for part in parts)
    levels = sorted({*known.dropna(), *new.dropna()})
    parts = [part.value_counts().reindex(levels, fill_value=0) for part in (known, new)]
    return parts[0].to_numpy(), parts[1].to_numpy()


def psi_alarm(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask for a population stability index above 0.2 in any column; empty bins count 0.0001."""
    for name in known:
        p, q = (np.maximum(c / max(c.sum(), 1), 1e-4) for c in _counts(known[name], new[name]))
        if ((q - p) * np.log(q / p)).sum() > 0.2:
            return True
    return False


def _p_values(known: pd.DataFrame, new: pd.DataFrame) -> list[float]:
    from scipy import stats

    found = []
    for name in known:
        if pd.api.types.is_numeric_dtype(known[name]):
            parts = known[name].dropna(), new[name].dropna()
            found.append(stats.ks_2samp(*parts).pvalue if len(parts[1]) else 1.0)
        else:
            counts = np.array(_counts(known[name], new[name]))
            found.append(stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0]).pvalue)
    return found


def ks_alarm(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask Kolmogorov and Smirnov, or chi square: p < 0.05 / columns in any column."""
    found = _p_values(known, new)
    return min(found) < 0.05 / len(found)


def ks_plain_alarm(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask the same without a correction."""
    return min(_p_values(known, new)) < 0.05


def _evidently(known: pd.DataFrame, new: pd.DataFrame) -> tuple[float, int]:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    filled = [name for name in known if new[name].notna().any()]  # an empty column raises an error
    known, new = known[filled], new[filled]
    result = Report([DataDriftPreset()]).run(new, known).dict()
    first = next(m for m in result["metrics"] if "DriftedColumnsCount" in m["metric_name"])
    return first["value"]["share"], first["value"]["count"]


def evidently_any(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask whether any column drifts by evidently's preset."""
    return _evidently(known, new)[1] > 0


def evidently_dataset(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask whether half of the columns do."""
    return _evidently(known, new)[0] >= 0.5


def nannyml_any(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask for any alarm of nannyml's defaults, the window as one chunk."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # else it calls a host of its maker
    import nannyml

    calculator = nannyml.UnivariateDriftCalculator(column_names=list(known), chunk_size=len(new))
    result = calculator.fit(known).calculate(new).filter(period="analysis")
    alarms = [column for column in result.to_df().columns if column[-1] == "alert"]
    return bool(result.to_df()[alarms].to_numpy().any())


def rules() -> dict[str, Rule]:
    """Return those that this Python can run."""
    if find_spec("evidently"):
        return {"evidently 0.7.23, any column": evidently_any,
                "evidently, dataset drift": evidently_dataset}  # fmt: skip
    if find_spec("nannyml"):
        return {"nannyml 0.13.1, any column": nannyml_any}
    return {"PSI > 0.2, any column": psi_alarm, "KS or chi square, p < 0.05": ks_plain_alarm,
            "the same, Bonferroni": ks_alarm}  # fmt: skip


def main() -> None:
    """Print the rows."""
    warnings.simplefilter("ignore")
    for name, rule in rules().items():
        shares = []
        for folder in map(Path, sys.argv[1:]):
            pairs = sorted(folder.glob("*-reference.parquet"))
            alarms = [rule(*(pd.read_parquet(path) for path in (p, p.with_name(
                p.name.replace("reference", "window"))))) for p in pairs]  # fmt: skip
            shares.append(f"{np.mean(alarms):.2f}")
        print(f"| {name} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
