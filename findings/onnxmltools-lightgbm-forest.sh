#!/usr/bin/env bash
# onnxmltools: a LightGBM random forest is the sum of its trees, not their mean.
#
# LightGBM with boosting_type="rf" averages its trees. The converted model adds them up, without a
# warning, for numbers and for probabilities. boosting_type="gbdt" and "dart" agree.
#
# Seen with lightgbm 4.7.0, onnxmltools 1.16.0, onnxruntime 1.32.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check lightgbm==4.7.0 onnxmltools==1.16.0 scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime


def run(onnx, x):
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})[-1]


rng = np.random.default_rng(0)
x = rng.normal(size=(600, 4)).astype(np.float32)

import lightgbm
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

y = 5 * np.exp(x[:, 0] / 2)
for kind in ("gbdt", "rf"):
    model = lightgbm.LGBMRegressor(
        boosting_type=kind, n_estimators=30, bagging_freq=1, bagging_fraction=0.7, verbose=-1
    ).fit(x, y)
    onnx = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))])
    gap = abs(model.predict(x) - run(onnx, x).ravel()).max()
    print(f"{kind}: largest difference {gap:.2g}")
    assert gap < 1e-4 if kind == "gbdt" else gap > 1
END
