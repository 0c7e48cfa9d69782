"""Alarms of other rules and tools, for per_look.py: a program for each Python that has one.

    python peers.py FOLDER ...

Each folder holds pairs `NN-reference.parquet` and `NN-window.parquet`. Prints a row of a table for
each rule that this Python can run: the share of pairs with an alarm, folder by folder.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

Rule = Callable[[pd.DataFrame, pd.DataFrame], bool | tuple[bool, ...]]


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


def evidently_shares(known: pd.DataFrame, new: pd.DataFrame) -> tuple[bool, bool]:
    """Ask evidently's preset whether any column drifts, and whether half of them do.

    Columns without a value in the window are left out: they raise ValueError.
    """
    from evidently import Report
    from evidently.presets import DataDriftPreset

    filled = [name for name in known if new[name].notna().any()]
    result = Report([DataDriftPreset()]).run(new[filled], known[filled]).dict()
    found = next(m for m in result["metrics"] if "DriftedColumnsCount" in m["metric_name"])
    return found["value"]["count"] > 0, found["value"]["share"] >= 0.5


def nannyml_any(known: pd.DataFrame, new: pd.DataFrame) -> bool:
    """Ask for any alarm of nannyml's defaults, the window as one chunk."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # else it calls a host of its maker
    import nannyml

    calculator = nannyml.UnivariateDriftCalculator(column_names=list(known), chunk_size=len(new))
    result = calculator.fit(known).calculate(new).filter(period="analysis")
    alarms = [column for column in result.to_df().columns if column[-1] == "alert"]
    return bool(result.to_df()[alarms].to_numpy().any())


def rules() -> dict[tuple[str, ...], Rule]:
    """Return those that this Python can run, each with the names of its answers."""
    if find_spec("evidently"):
        version = metadata.version("evidently")
        names = f"evidently {version}, any column", f"evidently {version}, half of the columns"
        return {names: evidently_shares}
    if find_spec("nannyml"):
        return {(f"nannyml {metadata.version('nannyml')}, any column",): nannyml_any}
    return {
        ("PSI > 0.2, any column",): psi_alarm,
        ("KS or chi square, p < 0.05",): ks_plain_alarm,
        ("the same, Bonferroni",): ks_alarm,
    }


def _pairs(folder: Path) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    files = sorted(folder.glob("*-reference.parquet"))
    others = [file.with_name(file.name.replace("reference", "window")) for file in files]
    return [(pd.read_parquet(a), pd.read_parquet(b)) for a, b in zip(files, others, strict=True)]


def main() -> None:
    """Print the rows."""
    warnings.simplefilter("ignore")
    for names, rule in rules().items():
        columns = []
        for folder in map(Path, sys.argv[1:]):
            answers = np.array([rule(*pair) for pair in _pairs(folder)], dtype=float)
            columns.append(answers.reshape(-1, len(names)).mean(axis=0))
        for name, shares in zip(names, np.transpose(columns), strict=True):
            cells = " | ".join(f"{share:.2f}" for share in shares)
            print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
