"""The stages on a made-up world, one after the other, in a new folder; and dvc.yaml about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest
import yaml
from pandera.typing import Series
from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from mlops_loop import cli, files, paths, project
from mlops_loop.errors import UsageError
from mlops_loop.model import bundle
from mlops_loop.pipeline import evaluate, export, ingest, prepare, train, validate

STAGES = {
    "ingest": ingest,
    "validate": validate,
    "prepare": prepare,
    "train": train,
    "export": export,
    "evaluate": evaluate,
}
ROOT = Path(__file__).parents[3]  # of the project, or of its template, which is YAML as well
DECLARED = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
CHANGES = {
    "source": {"kind": "files", "path": "source.parquet", "fingerprint": "source.parquet"},
    "source.format": "parquet",
    "prepare.outliers": {"size": "clip"},
    "split.max_overlap": 1,
    "train.grid": None,
}


class RawRows(pa.DataFrameModel):
    """A rule that some rows break."""

    count: Series[int] = pa.Field(ge=0)


class Watched:
    """A section of the parameters that notes which of its values are read."""

    def __init__(self, section: BaseModel, read: set[str], path: str = "") -> None:
        self._section, self._read, self._path = section, read, path

    def __getattr__(self, name: str):
        value, path = getattr(self._section, name), f"{self._path}{name.rstrip('_')}"
        if isinstance(value, BaseModel):
            return Watched(value, self._read, f"{path}.")
        self._read.add(path)
        return value


def odd_rows(make_rows: Callable[..., pd.DataFrame], kind: str) -> pd.DataFrame:
    """Rows of which one breaks the schema, one has no target, and one comes twice."""
    rows = make_rows(600, kind)
    rows = rows[[name for name in rows if not name.startswith("_")]]
    rows.loc[3, "count"] = -1
    rows.loc[4, "outcome"] = np.nan if kind == "regression" else None
    return pd.concat([rows, rows.loc[[5]]], ignore_index=True)


@pytest.fixture(scope="module", params=["binary", "regression"])
def run_all(
    request, tmp_path_factory, make_params, make_rows, model_input, estimators
) -> Callable[[str], tuple[Path, dict[str, set[str]]]]:
    """`run_all("a")` runs all stages in a new folder; what each read of the parameters too."""
    rows, own = odd_rows(make_rows, request.param), make_params(request.param, CHANGES)

    def run(name: str) -> tuple[Path, dict[str, set[str]]]:
        folder = tmp_path_factory.mktemp(name)
        read: dict[str, set[str]] = {stage: set() for stage in STAGES}
        with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
            patch.chdir(folder)
            patch.setattr(project, "estimators", estimators)
            patch.setattr(project, "raw_rows", lambda: RawRows)
            patch.setattr(project, "model_rows", lambda raw: raw)
            patch.setattr(project, "model_input", lambda: model_input)
            rows.to_parquet("source.parquet", index=False)
            for stage, module in STAGES.items():
                module.run(Watched(own, read[stage]))
        return folder, read

    return run


@pytest.fixture(scope="module")
def first(run_all) -> tuple[Path, dict[str, set[str]]]:
    """The folder of a first run and what its stages read."""
    return run_all("first")


def test_the_stages_are_those_of_the_command_line():
    """And in this order."""
    assert list(STAGES) == [name for name in cli.MODULES["pipeline"] if name in STAGES]


def test_all_stages_end_in_a_bundle_that_loads(first):
    """Served by nothing but the folder."""
    made = bundle.load(first[0] / paths.BUNDLE)
    rows = [line["row"] for line in made.golden()]
    assert len(made.predictor.scores(made.contract.encode_rows(rows))) == len(rows)


def test_no_row_is_lost_between_the_stages(first):
    """Ingested is validated and quarantined; validated is prepared and dropped."""
    n_in = len(files.read_table(first[0] / paths.INGESTED))
    n_valid = len(files.read_table(first[0] / paths.VALIDATED))
    assert n_in == n_valid + len(files.read_table(first[0] / paths.QUARANTINE)) == n_valid + 1
    report = files.read_json(first[0] / paths.PREPARATION_REPORT)
    assert n_valid == sum(report["rows"].values()) + sum(report["dropped"].values())
    assert {reason: n for reason, n in report["dropped"].items() if n} == {
        "target is missing": 1,
        "key came before": 1,
    }


def test_the_same_inputs_give_the_same_bytes_in_another_folder(first, run_all):
    """Every file of every stage: what DVC needs to say 'nothing changed'."""
    contents = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (first[0], run_all("a_second_one")[0])
    ]
    assert [name for name in contents[0] if contents[0][name] != contents[1].get(name)] == []
    assert contents[0].keys() == contents[1].keys()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_every_parameter_that_it_reads(first, stage):
    """Otherwise a change of it would leave old files that look up to date."""
    declared = tuple(DECLARED[stage].get("params", []))
    hidden = {
        key for key in first[1][stage] if not any(f"{key}.".startswith(f"{d}.") for d in declared)
    }
    assert not hidden


def outs(facts: dict) -> list[str]:
    """Paths; one with options of DVC is a mapping from the path to them."""
    listed = [*facts.get("outs", []), *facts.get("metrics", [])]
    return [path for out in listed for path in ([out] if isinstance(out, str) else out)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_what_it_declares(first, stage):
    """And nothing that it does not, but for `build`, which `make clean` removes."""
    facts = DECLARED[stage]
    assert all((first[0] / out).exists() for out in outs(facts))
    written = {path.relative_to(first[0]) for path in first[0].rglob("*.*") if path.is_file()}
    declared = {Path(out) for stage in DECLARED.values() for out in outs(stage)} | {Path("build")}
    assert all(declared & {path, *path.parents} for path in written - {Path("source.parquet")})


@pytest.mark.parametrize("stage", [export, evaluate])
def test_a_stage_that_is_called_too_early_says_so(stage, tmp_path, monkeypatch, make_params):
    """As `loop export` by hand where `train` has not run: no bug of the loop's own."""
    monkeypatch.chdir(tmp_path)
    files.write_table(pd.DataFrame({"size": [1.0]}), paths.HOLDOUT)
    with pytest.raises(UsageError, match=r"an earlier stage has not run\. Next: make pip"):
        stage.run(make_params("binary"))
