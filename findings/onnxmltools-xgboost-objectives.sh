#!/usr/bin/env bash
# onnxmltools: XGBoost objectives with a link of their own lose it.
#
# XGBRegressor with objective="reg:logistic" answers probabilities, with "survival:cox" hazard
# ratios. The converted models answer the sum of the trees (and the base score), without a warning:
# numbers below 0 and above 1 for probabilities. "count:poisson", "reg:gamma" and "reg:tweedie", whose
# link is a logarithm as well, agree.
#
# Seen with xgboost 3.2.0, onnxmltools 1.16.0, onnxruntime 1.32.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check xgboost==3.2.0 onnxmltools==1.16.0 scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime


def run(onnx, x):
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})[-1]


rng = np.random.default_rng(0)
x = rng.normal(size=(600, 4)).astype(np.float32)

import xgboost
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

y = 5 * np.exp(x[:, 0] / 2)
for objective in ("count:poisson", "reg:logistic", "survival:cox"):
    target = (y > 5).astype(float) if objective == "reg:logistic" else y
    model = xgboost.XGBRegressor(objective=objective, n_estimators=30).fit(x, target)
    onnx = convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    expected, found = model.predict(x), run(onnx, x).ravel()
    wrong = abs(expected - found) > 1e-3 * np.maximum(1, abs(expected))
    print(f"{objective}: {int(wrong.sum())} of 600 rows differ,"
          f" answers from {found.min():.3g} to {found.max():.3g},"
          f" right is {expected.min():.3g} to {expected.max():.3g}")
    assert not wrong.any() if objective == "count:poisson" else wrong.mean() > 0.9
END
