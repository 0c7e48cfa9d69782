#!/usr/bin/env bash
# skl2onnx converts the categorical splits of gradient boosting to numeric ones.
#
# HistGradientBoostingClassifier with `categorical_features` splits a category by a set of its
# values. The converter writes such a split as a comparison with a number, without a warning, and
# nearly every probability is another one. The same table without `categorical_features` is right.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: probabilities differ by more
# than 0.1 on some rows.
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
from sklearn.ensemble import HistGradientBoostingClassifier

codes = rng.integers(0, 9, size=(600, 2)).astype(np.float32)
y = (codes[:, 0] % 3 == 0).astype(int)
for categories in (None, [0]):
    model = HistGradientBoostingClassifier(max_iter=20, categorical_features=categories)
    model.fit(codes, y)
    onnx = to_onnx(model, codes[:1], options={id(model): {"zipmap": False}})
    gap = abs(model.predict_proba(codes) - run(onnx, codes)).max()
    print(f"categorical_features={categories}: largest difference of a probability {gap:.2g}")
    assert gap < 1e-5 if categories is None else gap > 0.1
END
