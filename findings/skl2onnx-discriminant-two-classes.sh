#!/usr/bin/env bash
# skl2onnx: linear discriminant analysis of two classes has wrong probabilities.
#
# LinearDiscriminantAnalysis with two classes is converted without a warning and gives other
# probabilities; with three classes they agree. The predicted class is the same in both, so only
# what looks at probabilities (a threshold, a calibration, a log loss) sees it.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: up to 0.15 off.
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
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

for limits in ([0], [-0.5, 0.5]):
    y = np.digitize(x[:, 0] + rng.normal(size=600), limits)
    model = LinearDiscriminantAnalysis().fit(x, y)
    found = run(to_onnx(model, x[:1], options={id(model): {"zipmap": False}}), x)
    gap = abs(model.predict_proba(x) - found).max()
    same = (found.argmax(axis=1) == model.predict(x)).all()
    print(f"{len(limits) + 1} classes: a probability differs by up to {gap:.2g}, same class: {same}")
    assert same
    assert gap > 0.05 if len(limits) == 1 else gap < 1e-5
END
