"""Distances to the centres of k-means, written so that ONNX keeps the small ones.

skl2onnx takes them from x² - 2xc + c² in float32. Beside a centre that is the difference of equal
numbers: a distance loses its digits, and is NaN where the sum falls below 0. Here each centre is
subtracted first.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def register_converters() -> None:
    """Let skl2onnx know the converter of KMeans and MiniBatchKMeans."""
    from skl2onnx import update_registered_converter
    from skl2onnx.shape_calculators.k_means import calculate_sklearn_kmeans_output_shapes
    from sklearn.cluster import KMeans, MiniBatchKMeans

    for kind in (KMeans, MiniBatchKMeans):
        name = f"MlopsLoop{kind.__name__}"
        update_registered_converter(kind, name, calculate_sklearn_kmeans_output_shapes, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """The nearest centre (n_rows,), and the distances to all, (n_rows, n_clusters).

    One centre at a time, so that no array is larger than the rows themselves.
    """
    from skl2onnx.algebra import onnx_ops as ops
    from skl2onnx.common.data_types import DoubleTensorType

    version, x = {"op_version": container.target_opset}, operator.inputs[0]
    kind = np.float64 if isinstance(x.type, DoubleTensorType) else np.float32
    x = ops.OnnxCast(x, to=1 if kind is np.float32 else 11, **version)
    parts = []
    for centre in operator.raw_operator.cluster_centers_.astype(kind):
        apart = ops.OnnxSub(x, centre[None, :], **version)
        parts.append(ops.OnnxReduceSumSquareApi18(apart, axes=[1], keepdims=1, **version))
    squares = ops.OnnxConcat(*parts, axis=1, **version)
    labels, distances = operator.outputs
    nearest = ops.OnnxArgMin(squares, axis=1, keepdims=0, output_names=[labels], **version)
    nearest.add_to(scope, container)
    ops.OnnxSqrt(squares, output_names=[distances], **version).add_to(scope, container)
