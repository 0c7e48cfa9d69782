#!/usr/bin/env bash
# skl2onnx: nearest neighbours with weights="distance" give other answers.
#
# KNeighborsClassifier and KNeighborsRegressor with weights="distance" are converted without a
# warning and give other probabilities and numbers; weights="uniform" agrees.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: probabilities differ by up to
# 0.7, the regressor differs on nearly every row.
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
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

y, asked = np.exp(x[:, 0]), x + np.float32(0.01)
for weights in ("uniform", "distance"):
    number = KNeighborsRegressor(5, weights=weights).fit(x, y)
    group = KNeighborsClassifier(5, weights=weights).fit(x, y > 1)
    onnx = to_onnx(group, x[:1], options={id(group): {"zipmap": False}})
    gaps = [abs(number.predict(asked) - run(to_onnx(number, x[:1]), asked).ravel()).max(),
            abs(group.predict_proba(asked) - run(onnx, asked)).max()]
    print(f"weights={weights}: a number differs by up to {gaps[0]:.2g},"
          f" a probability by up to {gaps[1]:.2g}")
    assert max(gaps) < 1e-4 if weights == "uniform" else min(gaps) > 0.1
END
