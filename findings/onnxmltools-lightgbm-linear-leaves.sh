#!/usr/bin/env bash
# onnxmltools: the linear models in the leaves of LightGBM are left out.
#
# LightGBM with linear_tree=True has a linear model in each leaf. The converted model has a constant
# in each leaf, without a warning.
#
# Seen with lightgbm 4.7.0, onnxmltools 1.16.0, onnxruntime 1.32.0: every row differs.
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
model = lightgbm.LGBMRegressor(linear_tree=True, n_estimators=30, verbose=-1).fit(x, y)
onnx = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))])
gap = abs(model.predict(x) - run(onnx, x).ravel())
print(f"{int((gap > 1e-4).sum())} of 600 rows differ, by up to {gap.max():.2g}")
assert (gap > 1e-4).mean() > 0.9
END
