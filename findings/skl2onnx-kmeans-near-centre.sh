#!/usr/bin/env bash
# skl2onnx: KMeans gives NaN as the distance of a row that is at its centre, or near to it.
#
# KMeans.transform gives distances to the centres. The converted model takes them from
# x² - 2xc + c² in float32: beside a centre that is the difference of nearly equal numbers, and where
# rounding brings it below 0, its root is NaN. Duplicate rows and columns of few values have rows
# at their centre as a rule. Where it is above 0, the distance may have no correct digit.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.cluster import KMeans

spots = np.array([[30.1, -7.3, 0.7], [-11.9, 5.3, 40.3], [3.3, 21.7, -9.1]], np.float32)
model = KMeans(3, random_state=0).fit(spots.repeat(40, axis=0))
session = onnxruntime.InferenceSession(to_onnx(model, spots[:1]).SerializeToString())
near = spots + np.array([1e-3, 0, 0], np.float32)
rows = np.vstack([spots, near])
found = session.run(None, {session.get_inputs()[0].name: rows})[-1].min(axis=1)
known = model.transform(rows).min(axis=1)
print(f"scikit-learn {known}\nconverted    {found}")
assert np.allclose(known, [0] * 3 + [1e-3] * 3, atol=2e-5)
assert np.isnan(found).any()
END
