"""The project's own stages on a slice of its own data, one after the other, in a new folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pydantic import BaseModel
from threadpoolctl import threadpool_limits

from mlops_loop import cli, files, params, paths, source_params
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
N_ROWS = 3000
QUICK = {"n_iter": 1, "folds": 2}
DECLARED = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]


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


def slice_of_source(own: params.Params) -> pd.DataFrame:
    """Evenly spread rows, so that every season and class is in it."""
    table = ingest.read(own.source)
    return table.iloc[:: max(1, len(table) // N_ROWS)]


@pytest.fixture(scope="module")
def run_all(tmp_path_factory) -> Callable[[str], tuple[Path, dict[str, set[str]]]]:
    """`run_all("a")` runs all stages in a new folder; what each read of the parameters too."""
    own = params.load()
    table = slice_of_source(own)
    source = source_params.Files(
        path="source.parquet", format="parquet", fingerprint="source.parquet"
    )
    quick = own.train.model_copy(update=QUICK)
    small = own.model_copy(update={"source": source, "train": quick})

    def run(name: str) -> tuple[Path, dict[str, set[str]]]:
        folder = tmp_path_factory.mktemp(name)
        read: dict[str, set[str]] = {stage: set() for stage in STAGES}
        with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
            patch.chdir(folder)
            table.to_parquet("source.parquet", index=False)
            for stage, module in STAGES.items():
                module.run(Watched(small, read[stage]))
        return folder, read

    return run


@pytest.fixture(scope="module")
def first(run_all) -> tuple[Path, dict[str, set[str]]]:
    """The folder of a first run and what its stages read."""
    return run_all("first")


def test_the_stages_are_those_of_the_command_line():
    """And in this order."""
    assert list(STAGES) == list(cli.STAGES)


def test_all_stages_end_in_a_bundle_that_loads(first):
    """Served by nothing but the folder."""
    made = bundle.load(first[0] / paths.BUNDLE)
    rows = [line["row"] for line in made.golden()]
    assert len(made.predictor.scores(made.contract.encode_rows(rows))) == len(rows)


def test_no_row_is_lost_between_the_stages(first):
    """Ingested is validated and quarantined; validated is prepared and dropped."""
    n_in = len(files.read_table(first[0] / paths.INGESTED))
    n_valid = len(files.read_table(first[0] / paths.VALIDATED))
    assert n_in == n_valid + len(files.read_table(first[0] / paths.QUARANTINE))
    report = files.read_json(first[0] / paths.PREPARATION_REPORT)
    assert n_valid == sum(report["rows"].values()) + sum(report["dropped"].values())


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
    found = [*facts.get("outs", []), *facts.get("metrics", [])]
    return [path for out in found for path in ([out] if isinstance(out, str) else out)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_what_it_declares(first, stage):
    """And nothing that it does not, but for `build`, which `make clean` removes."""
    facts = DECLARED[stage]
    assert all((first[0] / out).exists() for out in outs(facts))
    written = {path.relative_to(first[0]) for path in first[0].rglob("*.*") if path.is_file()}
    declared = {Path(out) for stage in DECLARED.values() for out in outs(stage)} | {Path("build")}
    assert all(declared & {path, *path.parents} for path in written - {Path("source.parquet")})
