"""Stage 5, `export`: the trained pipeline in the form that is served, proven on every row.

The exported model must give the same scores as the pipeline on every held-out row, within
`export.tolerance`; otherwise the stage fails (exit code 4) and nothing is passed on.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from mlops_loop import files, paths
from mlops_loop.errors import ExportDisagrees
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import load_predictor, load_skops, raw_scores
from mlops_loop.params import Params


def write_onnx(pipeline: Pipeline, contract: Contract, folder: Path) -> None:
    """`model.onnx` with one float32 input (n_rows, n_columns) and the scores as last output.

    Raises ExportDisagrees where skl2onnx cannot convert a step.
    """
    from skl2onnx import to_onnx

    try:
        with warnings.catch_warnings():
            # skl2onnx hands protobuf numpy's booleans as numbers, which numpy deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            model = to_onnx(
                pipeline,
                np.zeros((1, len(contract.columns)), np.float32),
                name=contract.task,
                options={id(pipeline): {"zipmap": False}} if contract.classes else None,
            )
        # skl2onnx lists the domains in the order of a set, which is another in every process.
        model.opset_import.sort(key=lambda opset: opset.domain)
        (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        load_predictor(folder)
    except Exception as error:  # skl2onnx has an error of its own for every step
        error = error.__cause__ or error
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise ExportDisagrees(
            f"ONNX cannot express this pipeline: {reason} Set export.format: skops in params.yaml."
        ) from error


def copy_skops(pipeline: Pipeline, contract: Contract, folder: Path) -> None:
    """`model.skops`: the pipeline as it was trained."""
    shutil.copyfile(paths.TRAINED_PIPELINE, folder / "model.skops")


FORMATS = {"onnx": write_onnx, "skops": copy_skops}


def check_parity(expected: np.ndarray, found: np.ndarray, tolerance: float) -> float:
    """The largest difference on any row; raises ExportDisagrees beyond `tolerance`.

    For regression the tolerance is relative to the largest score, as float32 holds seven
    digits whatever the unit. A score that is not finite never agrees.
    """
    if not len(expected):
        raise ExportDisagrees("There is no holdout row to prove the exported model on.")
    with np.errstate(invalid="ignore"):
        gap = np.abs(expected - found).reshape(len(expected), -1).max(axis=1)
        if expected.ndim == 1:
            gap /= max(1.0, np.abs(expected).max())
    if n_bad := int((~(gap <= tolerance)).sum()):
        worst = int(np.nan_to_num(gap, nan=np.inf).argmax())
        raise ExportDisagrees(
            f"The exported model differs from the pipeline on {n_bad} of {len(gap)} holdout rows "
            f"(row {worst}: {expected[worst]} against {found[worst]}, allowed {tolerance:g}). "
            "Trees must get unscaled numbers (features.NUMBERS), or set export.format: skops."
        )
    return float(gap.max())


def run(params: Params) -> None:
    """Write `models/exported/` and the report; remove the folder when the proof fails."""
    contract, pipeline = Contract.load(paths.TRAINED_CONTRACT), load_skops(paths.TRAINED_PIPELINE)
    x = contract.encode_table(files.read_table(paths.HOLDOUT))
    shutil.rmtree(paths.EXPORTED, ignore_errors=True)
    paths.EXPORTED.mkdir(parents=True)
    try:
        FORMATS[params.export.format](pipeline, contract, paths.EXPORTED)
        found = load_predictor(paths.EXPORTED).scores(x)
        largest = check_parity(raw_scores(pipeline, x), found, params.export.tolerance)
    except ExportDisagrees:
        shutil.rmtree(paths.EXPORTED)
        raise
    shutil.copyfile(paths.TRAINED_CONTRACT, paths.EXPORTED / "contract.json")
    report = {"format": params.export.format, "n_rows": len(x), "largest_difference": largest}
    files.write_json(
        report | {"tolerance": params.export.tolerance}, paths.EXPORT_REPORT, digits=12
    )
    print(f"export: {params.export.format}, equal on {len(x):,} holdout rows to {largest:.1e}")
