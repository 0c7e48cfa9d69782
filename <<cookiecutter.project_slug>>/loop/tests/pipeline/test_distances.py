"""The exported k-means keeps the distances of rows beside a centre."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import skl2onnx
from sklearn.cluster import KMeans, MiniBatchKMeans

from mlops_loop.pipeline.model_pipeline import Estimator


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_beside_a_centre_are_exact(kind, dtype):
    """In float32: those of rows at a centre and 0.001 beside it."""
    spots = np.array([[30.1, -7.3, 0.7], [-11.9, 5.3, 40.3], [3.3, 21.7, -9.1]], dtype)
    near = spots + np.array([1e-3, 0, 0], dtype)
    model = kind(3, random_state=0).fit(spots.repeat(40, axis=0))
    Estimator(kind).register_converters()
    onnx = skl2onnx.to_onnx(model, spots[:1])
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    rows = np.vstack([spots, near])
    labels, found = session.run(None, {session.get_inputs()[0].name: rows})
    assert labels.tolist() == model.predict(rows).tolist()
    apart = rows.astype(float)[:, None] - model.cluster_centers_.astype(float)
    assert found == pytest.approx(np.linalg.norm(apart, axis=2), rel=1e-5, abs=1e-5)
