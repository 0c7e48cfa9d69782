#!/usr/bin/env bash
# skl2onnx leaves out the log link of gradient boosting: predictions are logarithms.
#
# HistGradientBoostingRegressor with loss="poisson" or "gamma" predicts exp(sum of trees). The
# converted model returns the sum itself, without a warning; loss="squared_error" is right. The
# linear models with the same link (PoissonRegressor, GammaRegressor) are converted correctly.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: log(prediction) equals the
# output of the ONNX model to 1e-5 on every row.
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
from sklearn.ensemble import HistGradientBoostingRegressor

y = 5 * np.exp(x[:, 0] / 2)
for loss in ("poisson", "gamma"):
    model = HistGradientBoostingRegressor(loss=loss, max_iter=30).fit(x, y)
    expected, found = model.predict(x), run(to_onnx(model, x[:1]), x).ravel()
    print(f"{loss}: largest difference {abs(expected - found).max():.2f},"
          f" of the logarithm {abs(np.log(expected) - found).max():.1e}")
    assert abs(expected - found).max() > 1
    assert abs(np.log(expected) - found).max() < 1e-4
END
