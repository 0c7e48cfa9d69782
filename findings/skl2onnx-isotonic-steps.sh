#!/usr/bin/env bash
# skl2onnx: an isotonic calibration takes the nearest step and does not interpolate.
#
# CalibratedClassifierCV(method="isotonic") interpolates between the steps that it learned. The
# converted model answers with the value of the nearest step, without a warning, so probabilities
# between two steps differ. method="sigmoid" agrees.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: up to 0.06 off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np, onnxruntime, skl2onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression

rng = np.random.default_rng(0)
x = rng.normal(size=(400, 3)).astype(np.float32)
y = (x.sum(axis=1) + rng.normal(size=400) > 0).astype(int)
for method in ("isotonic", "sigmoid"):
    model = CalibratedClassifierCV(LogisticRegression(), method=method, cv=2).fit(x, y)
    onnx = skl2onnx.to_onnx(model, x[:1], options={id(model): {"zipmap": False}})
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    found = session.run(None, {session.get_inputs()[0].name: x})[1]
    gap = np.abs(model.predict_proba(x) - found).max(axis=1)
    print(f"{method}: {(gap > 1e-5).sum()} of {len(x)} rows differ, by {gap.max():.1e} at most")
    assert gap.max() > 0.01 if method == "isotonic" else gap.max() < 1e-5
END
