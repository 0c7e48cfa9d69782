#!/usr/bin/env bash
# skl2onnx: Normalizer("max") divides by the largest value, not by the largest size.
#
# Normalizer(norm="max") divides a row by its largest absolute value. The converted model divides
# by its largest value: rows whose largest absolute value is negative come out differently, without a
# warning, and a row of small positives and a large negative is blown up.
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


def run(onnx, x):
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})[-1]


rng = np.random.default_rng(0)
x = rng.normal(size=(600, 4)).astype(np.float32)

from skl2onnx import to_onnx
from sklearn.preprocessing import Normalizer

model = Normalizer("max").fit(x)
row = np.array([[0.5, -4, 0, 1]], np.float32)
found = run(to_onnx(model, x[:1]), row)
print(f"{row[0]}: scikit-learn {model.transform(row)[0]}, converted {found[0]}")
assert np.allclose(model.transform(row), row / 4)
assert np.allclose(found, row / 1)
END
