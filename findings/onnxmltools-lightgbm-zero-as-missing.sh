#!/usr/bin/env bash
# onnxmltools: zero_as_missing of LightGBM is not converted.
#
# With zero_as_missing=True, LightGBM sends 0 to the side that it learned for missing values. The
# converted model compares 0 as a number, without a warning: only rows that hold a zero differ.
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

table = np.where(abs(x) < 0.5, np.float32(0), x)
y = (x[:, 0] + x[:, 1] > 0).astype(int)
model = lightgbm.LGBMClassifier(zero_as_missing=True, n_estimators=30, verbose=-1).fit(table, y)
onnx = convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], zipmap=False)
gap, zero = abs(model.predict_proba(table) - run(onnx, table)).max(axis=1), (table == 0).any(axis=1)
print(f"{int((gap[zero] > 1e-4).sum())} of {int(zero.sum())} rows with a zero differ,"
      f" {int((gap[~zero] > 1e-4).sum())} of {int((~zero).sum())} without")
assert (gap[~zero] < 1e-4).all() and (gap[zero] > 1e-4).mean() > 0.5
END
