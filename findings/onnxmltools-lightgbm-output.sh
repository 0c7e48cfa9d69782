#!/usr/bin/env bash
# onnxmltools: what LightGBM does after its trees is only converted for the defaults.
#
# Three options change what LightGBM makes of the sum of its trees: `sigmoid` (the slope of the
# logistic function), `reg_sqrt` (the target's root is learned, and squared again) and the objective
# "multiclassova" (a logistic function for each class). The converted model does what it does by
# default, without a warning. Other options that it does not know are refused, such as the objective
# "fair".
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

KIND = [("x", FloatTensorType([None, 4]))]
y = 5 * np.exp(x[:, 0] / 2)
common = {"n_estimators": 30, "verbose": -1}
cases = {
    "default, two classes": (lightgbm.LGBMClassifier(**common), (y > 5).astype(int)),
    "sigmoid=2": (lightgbm.LGBMClassifier(sigmoid=2.0, **common), (y > 5).astype(int)),
    "multiclassova": (lightgbm.LGBMClassifier(objective="multiclassova", **common),
                      np.digitize(y, [4, 6])),
    "reg_sqrt": (lightgbm.LGBMRegressor(reg_sqrt=True, **common), y),
}
for name, (model, target) in cases.items():
    model.fit(x, target)
    classifier = hasattr(model, "predict_proba")
    onnx = convert_lightgbm(model, initial_types=KIND, **({"zipmap": False} if classifier else {}))
    expected = model.predict_proba(x) if classifier else model.predict(x)[:, None]
    gap = abs(expected - run(onnx, x)).max(axis=1)
    print(f"{name}: {int((gap > 1e-4).sum())} of 600 rows differ, by up to {gap.max():.2g}")
    assert (gap < 1e-4).all() if "default" in name else (gap > 1e-4).mean() > 0.9
END
