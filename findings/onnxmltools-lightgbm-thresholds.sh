#!/usr/bin/env bash
# onnxmltools: LightGBM's thresholds are rounded to the nearest float32, and rows change their side.
#
# LightGBM splits at a float64 between two values of training, often a decimal such as 15.85. As the
# nearest float32 it may be greater, and equal to a value that other rows have: "x <= threshold" is
# false in LightGBM and true in the converted model, without a warning. Rounding down would keep every
# float32 on its side, as XGBoost's thresholds do, which are float32 from the start.
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
import lightgbm
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType


def run(onnx, x):
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    return session.run(None, {session.get_inputs()[0].name: x})[-1]


# Times of day in hours, by two minutes: splits lie at odd minutes, which later rows have.
x = (np.arange(720) / 30).round(4).astype(np.float32).reshape(-1, 1)
y = np.sin(x[:, 0])
model = lightgbm.LGBMRegressor(
    n_estimators=50, min_child_samples=1, min_data_in_bin=1, max_bin=1000, verbose=-1
).fit(x, y)
onnx = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 1]))])
assert abs(model.predict(x) - run(onnx, x).ravel()).max() < 1e-5
later = ((np.arange(720) + 0.5) / 30).round(4).astype(np.float32).reshape(-1, 1)
gap = abs(model.predict(later) - run(onnx, later).ravel())
print(f"{int((gap > 1e-5).sum())} of {len(later)} rows differ, by up to {gap.max():.2g}")
assert (gap > 1e-5).any()
END
