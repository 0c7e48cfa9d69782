"""Measure `loop predict FILE` beside a plain program, and write docs/predict-speed.md.

    cd build/flight-delays && make pipeline
    .venv/bin/python ../../benchmarks/predict_file.py 1000000

The plain program reads the same file by pandas at once, makes the model input by features.py where
that is needed, and calls ONNX Runtime: no checks, no reasons, no parts. Both run as processes of
their own, in turns, on the same rows: those of data/raw over and over.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from mlops_loop.columns import texts
from mlops_loop.model import bundle
from mlops_loop.paths import BUNDLE
from mlops_loop.sources.csv_files import read_csv

PAGE = Path(__file__).resolve().parents[1] / "docs" / "predict-speed.md"
RUNS = 3
PLAIN = """
import sys
import numpy as np, onnxruntime, pandas as pd
from mlops_loop.model.contract import Contract
from mlops_loop import project
from pathlib import Path
file, out = sys.argv[1:]
table = pd.read_parquet(file) if file.endswith("parquet") else pd.read_csv(file)
table = project.model_rows(table) if "raw" in file else table
columns = Contract.load(Path("models/bundle/contract.json")).columns
codes = [
    pd.Categorical(table[c.name], c.levels).codes if c.kind == "category" else table[c.name]
    for c in columns
]
matrix = np.column_stack(codes).astype("float32")
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession("models/bundle/model.onnx", options)
scores = session.run(None, {session.get_inputs()[0].name: matrix})[-1]
pd.DataFrame(scores).to_csv(out, index=False)
"""
HEAD = """\
# A file predicted, measured

Made by `python benchmarks/predict_file.py {n}`: the model of the sample, {cores} cores with a load
of {load:.0f} when it began, median of {runs} runs in turns. The plain program reads the file at
once by pandas, makes raw rows into model input by `features.py`, calls ONNX Runtime on one thread
and writes the scores, without a check. Seconds are those of the whole process, with its start;
memory is its peak.

| file | rows | seconds | plain | ratio | rows a second | CPU seconds | plain | peak MB | plain |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
"""
TAIL = """
Rows for a second of one CPU, without the start: by the difference of both sizes. `loop predict`
reads and checks on one core while it predicts and writes on another.

| file | rows a CPU second | plain |
|---|--:|--:|
"""


class Cost(NamedTuple):
    """What a process took: seconds by the clock and of the CPUs, and MB at its peak."""

    seconds: float
    cpu: float
    peak: float


def cost(*command: str) -> Cost:
    """Run a program that must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)[:200]} failed: {status}")
    seconds, cpu = time.perf_counter() - start, used.ru_utime + used.ru_stime
    return Cost(seconds, cpu, used.ru_maxrss / 1024)


def write_files(folder: Path, n: int) -> list[Path]:
    """Raw rows as CSV, and the same rows as model input in both formats."""
    from mlops_loop import project
    from mlops_loop.pipeline.validate import validate

    raw = pd.concat(map(read_csv, sorted(Path("data/raw").glob("*.csv"))), ignore_index=True)
    rows = project.model_rows(validate(raw, project.raw_rows()).rows)
    rows = rows[bundle.load(BUNDLE).contract.names]
    raw, rows = (
        pd.concat([table] * (n // len(table) + 1), ignore_index=True).iloc[:n]
        for table in (raw, rows)
    )
    files = [folder / name for name in ("raw.csv", "input.csv", "input.parquet")]
    raw.apply(texts).to_csv(files[0], index=False)
    rows.to_csv(files[1], index=False)
    rows.to_parquet(files[2])
    return files


def line(file: Path, n: int, folder: Path) -> tuple[str, float, float]:
    """Measure a file by both programs; return a row of the table, and the CPU seconds of both."""
    loop = [str(Path(sys.executable).with_name("loop")), "predict", str(file), "--overwrite"]
    loop += ["--out", str(folder / "out.csv")]
    plain = [sys.executable, "-c", PLAIN, str(file), str(folder / "plain.csv")]
    runs = [(cost(*loop), cost(*plain)) for _ in range(RUNS)]
    ours, its = (
        Cost(*map(statistics.median, zip(*r, strict=True))) for r in zip(*runs, strict=True)
    )
    file.unlink()
    ratio, speed = ours.seconds / its.seconds, n / ours.seconds
    text = (
        f"| {file.name} | {n:,} | {ours.seconds:.1f} | {its.seconds:.1f} | {ratio:.2f} | "
        f"{speed:,.0f} | {ours.cpu:.1f} | {its.cpu:.1f} | {ours.peak:.0f} | {its.peak:.0f} |\n"
    )
    return text, ours.cpu, its.cpu


def main() -> None:
    """Measure a quarter of the rows, then all of them."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    text = HEAD.format(n=n, cores=os.cpu_count(), runs=RUNS, load=os.getloadavg()[0])
    used: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in (n // 4, n):
            for file in write_files(Path(scratch), size):
                row, *cpu = line(file, size, Path(scratch))
                used.setdefault(file.name, []).append(tuple(cpu))
                text += row
                print(row, end="", flush=True)
    text += TAIL
    for name, ((few, its_few), (many, its_many)) in used.items():
        rates = (0.75 * n / (many - few), 0.75 * n / (its_many - its_few))
        text += f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} |\n"
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
