"""CPU seconds and peak memory of one look at one table, for cost.py: a program for each tool.

    python one_table.py ours|evidently|nannyml FOLDER

FOLDER holds `reference.parquet` and `window.parquet`, whose columns are those of the model's input,
the score `p`, the outcome `y` and the day; ours alone needs `FOLDER/bundle`, too. Evidently makes
its preset and the page of it, nannyml its univariate drift, ours the reference, the counts of each
day and the verdict. Both tables are in memory before the clock starts. Prints JSON; memory is in MB
of 2^20 bytes, `over_mb` what the look needs beyond what is there before it.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

Look = Callable[[], object]
CHUNK_ROWS = 10_000  # as a look at production reads them


def _memory(name: str) -> float:
    """Return VmRSS or VmHWM of this process in MB."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024


def _ours(folder: Path) -> Look:
    from mlops_loop.daily.day import merge
    from mlops_loop.model import bundle

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from benchmarks.monitoring.flights import POLICY, examine, fold, learn, table_of

    known, new = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "window"))
    model = bundle.load(folder / "bundle")

    def look() -> object:
        reference, days = learn(known, known, model), []
        for start in range(0, len(new), CHUNK_ROWS):
            rows = new.iloc[start : start + CHUNK_ROWS]
            days += fold(reference.frame, table_of(rows, reference.frame))
        return examine(reference, merge(days), POLICY)

    return look


def _tables(folder: Path) -> list[pd.DataFrame]:
    """Without outcome and day, so that 14 columns are left."""
    files = [folder / f"{name}.parquet" for name in ("reference", "window")]
    return [pd.read_parquet(file).drop(columns=["y", "day"]) for file in files]


def _evidently(folder: Path) -> Look:
    from evidently import Report
    from evidently.presets import DataDriftPreset

    known, new = _tables(folder)
    page = str(folder / "page.html")
    return lambda: Report([DataDriftPreset()]).run(new, known).save_html(page)


def _nannyml(folder: Path) -> Look:
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # else it calls a host of its maker
    import nannyml

    known, new = _tables(folder)
    calculator = nannyml.UnivariateDriftCalculator(column_names=list(known), chunk_size=len(new))
    return lambda: calculator.fit(known).calculate(new).to_df()


PEERS = {"evidently": _evidently, "nannyml": _nannyml}
TOOLS = {"ours": _ours, **PEERS}


def main() -> None:
    """Print the cost of the look alone and of the whole process."""
    look = TOOLS[sys.argv[1]](Path(sys.argv[2]))
    Path("/proc/self/clear_refs").write_text("5", "utf-8")  # VmHWM begins anew
    before, start = _memory("VmRSS"), time.process_time()
    look()
    cpu_s, peak = time.process_time() - start, _memory("VmHWM")
    facts = {"cpu_s": cpu_s, "peak_mb": peak, "over_mb": peak - before}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts |= {"process_s": time.process_time(), "process_mb": usage.ru_maxrss / 1024}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
