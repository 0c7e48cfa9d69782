"""Stage 5, `export`: the trained pipeline in the form that is served, proven on every row.

The exported model must give the same scores as the pipeline on every held-out row, within
`export.tolerance`; otherwise the stage fails (exit code 4) and nothing is passed on.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from ..contract import Contract
from ..errors import ExportDisagrees
from ..params import Params
from ..predictor import load_predictor, load_skops, raw_scores
from . import files
from .prepare import FOLDER as PREPARED
from .train import CONTRACT, PIPELINE

FOLDER = Path("models/exported")
REPORT = Path("reports/export.json")


def write_onnx(pipeline: Pipeline, contract: Contract, folder: Path) -> None:
    """`model.onnx` with one float32 input (n_rows, n_columns) and the scores as last output.

    Raises ExportDisagrees where skl2onnx cannot convert a step.
    """
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    options = {id(pipeline): {"zipmap": False}} if contract.classes else None
    try:
        with warnings.catch_warnings():
            # skl2onnx hands protobuf numpy's booleans as numbers, which numpy deprecates.
            warnings.simplefilter("ignore", DeprecationWarning)
            model = convert_sklearn(
                pipeline,
                name=contract.task,
                initial_types=[("rows", FloatTensorType([None, len(contract.columns)]))],
                options=options,
            )
    except Exception as error:  # skl2onnx has an error of its own for every step
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise ExportDisagrees(
            f"ONNX cannot express this pipeline: {reason} Set export.format: skops in params.yaml."
        ) from error
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def copy_skops(pipeline: Pipeline, contract: Contract, folder: Path) -> None:
    """`model.skops`: the pipeline as it was trained."""
    shutil.copyfile(PIPELINE, folder / "model.skops")


FORMATS: dict[str, Callable[[Pipeline, Contract, Path], None]] = {
    "onnx": write_onnx,
    "skops": copy_skops,
}


def disagreement(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Largest |difference| of scores per row, (n_rows,); infinite where one is not finite."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.asarray(expected, float) - np.asarray(found, float))
    gap = np.where(np.isfinite(gap), gap, np.inf)
    return gap.reshape(len(gap), -1).max(axis=1)


def prove(expected: np.ndarray, found: np.ndarray, tolerance: float) -> float:
    """The largest difference on any row; raises ExportDisagrees beyond `tolerance`.

    For regression the tolerance is relative to the largest score, as float32 holds seven
    digits whatever the unit.
    """
    if not len(expected):
        raise ExportDisagrees("There is no holdout row to prove the exported model on.")
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    scale = 1.0 if expected.ndim == 2 else float(largest)
    gap = disagreement(expected, found) / scale
    if n_bad := int((gap > tolerance).sum()):
        worst = int(gap.argmax())
        raise ExportDisagrees(
            f"The exported model differs from the pipeline on {n_bad} of {len(gap)} holdout rows "
            f"(row {worst}: {expected[worst]} against {found[worst]}, allowed {tolerance:g}). "
            "Trees must get unscaled numbers (features.NUMBERS), or set export.format: skops."
        )
    return float(gap.max())


def run(params: Params) -> None:
    """Write `models/exported/` and the report; remove the folder when the proof fails."""
    holdout = files.read_table(PREPARED / "holdout.parquet")
    contract = Contract.load(CONTRACT)
    pipeline = load_skops(PIPELINE)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    FORMATS[params.export.format](pipeline, contract, FOLDER)
    x = contract.encode_table(holdout)
    found = load_predictor(FOLDER).scores(x)
    try:
        largest = prove(raw_scores(pipeline, x), found, params.export.tolerance)
    except ExportDisagrees:
        shutil.rmtree(FOLDER)
        raise
    shutil.copyfile(CONTRACT, FOLDER / "contract.json")
    report = {
        "format": params.export.format,
        "n_rows": len(x),
        "largest_difference": largest,
        "tolerance": params.export.tolerance,
    }
    files.write_json(report, REPORT, digits=12)
    print(f"export: {params.export.format}, equal on {len(x):,} holdout rows to {largest:.1e}")
