"""Stage 5, `export`: the trained pipeline in the form that is served, proven on many rows.

The exported model must give the same scores as the pipeline on every held-out row, and on made ones
(see `parity` and `probes`). A difference beyond `export.tolerance` fails the stage (exit code 4),
and nothing is passed on. Converters are wrong in places that a complete holdout does not show:
loop/docs/onnx.md.
"""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from mlops_loop import files, paths, project, tasks
from mlops_loop.errors import ExportDisagrees, ProjectError, UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import load_predictor, load_skops
from mlops_loop.params import Params
from mlops_loop.pipeline.cuts import rounded_down
from mlops_loop.pipeline.model_pipeline import find_estimator
from mlops_loop.pipeline.parity import Parity, check_parity

TYPE = re.compile("'?<class '([^']*)'>'?")  # as Python writes a type
LONGEST = 200  # characters of what a converter says
OTHER_WAYS = (
    "set export.format: skops in params.yaml, or give the estimator a converter (onnx= in "
    "estimators.py). See loop/docs/onnx.md"
)


def write_onnx(
    pipeline: Pipeline, contract: Contract, folder: Path, opset: Mapping[str, int] | None = None
) -> None:
    """`model.onnx` with one float32 input (n_rows, n_columns) and the scores as last output.

    opset: the version to convert to by domain, None for the newest. Raises ExportDisagrees where
    skl2onnx cannot convert a step.
    """
    try:
        model = _to_onnx(pipeline, contract, opset)
        # skl2onnx lists the domains in the order of a set, which is another in every process.
        model.opset_import.sort(key=lambda domain: domain.domain)
        (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        load_predictor(folder)
    except Exception as error:  # skl2onnx has an error of its own for every step
        raise ExportDisagrees(f"{why_not(pipeline, error)}. Next: {OTHER_WAYS}.") from error


def why_not(pipeline: Pipeline, error: BaseException) -> str:
    """What skl2onnx said of a pipeline that it cannot convert, on one line."""
    cause = error.__cause__ or error
    reason = TYPE.sub(r"\1", (str(cause).strip() or repr(cause)).splitlines()[0])[:LONGEST]
    return (
        f"ONNX cannot express a pipeline with {type(pipeline[-1]).__name__}: {reason.strip('. ')}"
    )


def _to_onnx(pipeline: Pipeline, contract: Contract, opset: Mapping[str, int] | None) -> Any:
    import skl2onnx

    options = tasks.of(contract).onnx_options()
    if opset:
        opset = {"": skl2onnx.get_latest_tested_opset_version(), **opset}
    with warnings.catch_warnings(), rounded_down(pipeline):
        # skl2onnx hands protobuf numpy's booleans as numbers, which numpy deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        return skl2onnx.to_onnx(
            pipeline,
            np.zeros((1, len(contract.columns)), np.float32),
            name=contract.task,
            options={id(pipeline): options} if options else None,
            target_opset=opset,
        )


def copy_skops(
    pipeline: Pipeline, contract: Contract, folder: Path, opset: Mapping[str, int] | None = None
) -> None:
    """`model.skops`: the pipeline as it was trained."""
    shutil.copyfile(paths.TRAINED_PIPELINE, folder / "model.skops")


FORMATS = {"onnx": write_onnx, "skops": copy_skops}


def register_converters(params: Params) -> Mapping[str, int] | None:
    """Let the estimator register its converters to ONNX; the opset by domain that they can write.

    None for the newest opset, and for another format. Raises UsageError where the function of
    the user fails.
    """
    name = params.train.estimator
    if params.export.format != "onnx":
        return None
    try:
        return find_estimator(name).register_converters()
    except (ModuleNotFoundError, ProjectError):  # the command line says which
        raise
    except Exception as error:  # whatever the user's code raises
        reason = project.failure(error)
        raise UsageError(f"The converter of {name!r} cannot be registered: {reason}.") from error


def run(params: Params) -> None:
    """Write `models/exported/` and the report; remove the folder where the models disagree."""
    contract = Contract.load(files.existing(paths.TRAINED_CONTRACT))
    pipeline = load_skops(paths.TRAINED_PIPELINE)
    x = contract.encode_table(files.read_table(paths.HOLDOUT))
    shutil.rmtree(paths.EXPORTED, ignore_errors=True)
    paths.EXPORTED.mkdir(parents=True)
    try:
        parity = _export(pipeline, contract, x, params)
    except ExportDisagrees:
        shutil.rmtree(paths.EXPORTED)
        raise
    shutil.copyfile(paths.TRAINED_CONTRACT, paths.EXPORTED / "contract.json")
    name, tolerance = params.export.format, params.export.tolerance
    report = {"format": name, "tolerance": tolerance} | asdict(parity)
    files.write_json(report, paths.EXPORT_REPORT, digits=12)
    rows = f"{parity.n_rows:,} holdout rows and {parity.n_probes:,} made rows"
    print(f"export: {name}, equal on {rows} to {parity.overall:.1e}")


def _export(pipeline: Pipeline, contract: Contract, x: np.ndarray, params: Params) -> Parity:
    """Write the model, and prove it on the held-out rows `x` and on made ones."""
    opset = register_converters(params)
    FORMATS[params.export.format](pipeline, contract, paths.EXPORTED, opset)
    predictor, tolerance = load_predictor(paths.EXPORTED), params.export.tolerance
    return check_parity(pipeline, predictor, x, contract, tolerance)
