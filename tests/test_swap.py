"""The sample gives way to more than one class and to numbers, touching only what is the user's.

Two classes are the subject of test_own_data.py.

Edited are schema, features, estimators, params.yaml, gate.yaml and the data; then the whole loop
runs: stages, gate, registry, served golden rows, and the project's own tests.
"""

import json
import re
import shutil
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, TEMPLATE, check, environment_of

SCHEMA = '''"""Tables and their rules, as pandera models. Yours to edit."""

import pandera.pandas as pa
from pandera.typing import Series


class RawRows(pa.DataFrameModel):
    """One row of the source."""

{fields}
    {target_field}

    class Config:
        coerce = True


class ModelInput(pa.DataFrameModel):
    """What the model takes."""

{fields}

    class Config:
        coerce = True
        strict = "filter"
'''

FEATURES = '''"""From raw rows to the model's input. Yours to edit."""

import pandas as pd


def model_rows(raw: pd.DataFrame) -> pd.DataFrame:
    """Return what the source gives."""
    return raw
'''

# Run by the project's own Python, which has scikit-learn and its small data sets.
WRITE_DATA = """
import sys
import numpy as np
from sklearn import datasets

name, path = sys.argv[1:]
table = getattr(datasets, f"load_{name}")(as_frame=True)
rows = table.frame.rename(columns={"target": "outcome"})
if name != "diabetes":
    rows["outcome"] = np.array(table.target_names)[rows["outcome"]]
rows.iloc[::17, 0] = np.nan
rows.to_csv(path, index=False)
print("\\n".join(table.feature_names))
"""


@dataclass(frozen=True)
class Swap:
    """A data set of scikit-learn, and what its owner would write into the parameter files."""

    name: str
    task: str
    target: dict
    scoring: str
    estimator: str
    floors: dict
    slices: tuple = ()


SWAPS = [
    Swap(
        "wine",  # three classes, 178 rows
        "classification",
        {"column": "outcome"},
        "roc_auc",
        "random_forest",
        {"roc_auc": 0.9},
    ),
    Swap(
        "diabetes",  # a number, 442 rows
        "regression",
        {"column": "outcome", "unit": "points"},
        "rmse",
        "linear",
        {"rmse": 90},
    ),
]


def edit(project: Path, swap: Swap, columns: list[str]) -> None:
    """Write the five files as the owner of the data would."""
    package = project / "src" / "flight_delays"
    field = '    c{i}: Series[float] = pa.Field(alias="{name}", nullable=True)'
    fields = "\n".join(field.format(i=i, name=name) for i, name in enumerate(columns))
    kind = "float" if swap.task == "regression" else "str"
    target_field = f"outcome: Series[{kind}] = pa.Field()"
    text = SCHEMA.format(fields=fields, target_field=target_field)
    (package / "schema.py").write_text(text)
    (package / "features.py").write_text(FEATURES)
    own = TEMPLATE / "src" / "<<cookiecutter.__package_name>>" / f"estimators.{swap.task}.py"
    shutil.copy(own, package / "estimators.py")
    edit_yaml(project, swap)


def edit_yaml(project: Path, swap: Swap) -> None:
    """Adapt params.yaml and gate.yaml: target, split at random, estimator, floors, few rows."""
    params = yaml.safe_load((project / "params.yaml").read_text())
    params |= {"task": swap.task, "target": swap.target}
    params["prepare"] = {"key": [], "carry_columns": []}
    params["split"] = {"strategy": "random", "validation": 0.15, "holdout": 0.35}
    params["train"] |= {"estimator": swap.estimator, "grid": None, "n_iter": 2}
    params["train"]["scoring"] = swap.scoring
    if swap.task == "regression" or swap.name == "wine":
        params["train"].pop("threshold", None)
    params["evaluate"] = {"slices": [], "min_slice_rows": 20}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    gate = yaml.safe_load((project / "gate.yaml").read_text())
    gate |= {"task": swap.task, "min_rows": 40, "absolute": swap.floors}
    gate["primary"] |= {"metric": swap.scoring}
    gate["suspicion"] = {"too_good": 1 if swap.task == "classification" else 10, "max_gain": 1}
    for part in ("slices", "fairness", "calibration"):
        gate.pop(part, None)
    (project / "gate.yaml").write_text(yaml.safe_dump(gate, sort_keys=False))


@pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: swap.name)
def test_other_data(baked, loop, tmp_path, swap):
    """The whole loop passes on data of another kind, served golden rows included."""
    project = Path(shutil.copytree(baked(DEFAULTS), tmp_path / "flight-delays"))
    environment = environment_of(project, loop("classification").project)
    shutil.rmtree(project / "data")
    (project / "data" / "raw").mkdir(parents=True)
    script = ["python", "-c", WRITE_DATA, swap.name, "data/raw/rows.csv"]
    names = check(*script, cwd=project, env=environment).splitlines()
    edit(project, swap, names)

    def loop_command(*arguments: str) -> str:
        return check("loop", *arguments, cwd=project, env=environment)

    check("loop", "repro", cwd=project, env=environment)
    assert json.loads(loop_command("gate", "--json"))["decision"] == "PROMOTE"
    check("git", "add", "--all", cwd=project)
    check("git", "commit", "--quiet", "--message", "Other data", cwd=project)
    loop_command("registry", "register")
    loop_command("registry", "assign", "latest", "--why", "first")
    assert "golden rows" in serve_and_smoke(project, environment)
    check("python", "-m", "pytest", "-q", cwd=project, env=environment)


def serve_and_smoke(project: Path, environment: dict[str, str]) -> str:
    """Serve the bundle on a free port, run the smoke test against it, return what that says."""
    server = subprocess.Popen(
        ["loop", "serve", "--port", "0"],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = re.search(r"http://[\d.]+:\d+", server.stdout.readline()).group()
        said = check("loop", "smoke", address, cwd=project, env=environment)
        with urllib.request.urlopen(f"{address}/version", timeout=5) as answer:  # noqa: S310
            assert json.load(answer)["model_version"] == "v1.0.0"
        return said
    finally:
        server.terminate()
        server.communicate(timeout=30)
