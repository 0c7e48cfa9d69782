#!/usr/bin/env bash
# onnxmltools: XGBoost with several trees a round mixes up its classes.
#
# XGBClassifier with three classes and num_parallel_tree=2 grows two trees for each class and round.
# The converted model gives each tree to another class than its own, without a warning. Two targets
# of one XGBRegressor come out wrong as well. One tree a round and class agrees.
#
# Seen with xgboost 3.2.0, onnxmltools 1.16.0, onnxruntime 1.32.0: nearly every row differs.
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

KIND = [("x", FloatTensorType([None, 4]))]
y = np.digitize(x[:, 0], [-0.5, 0.5])
for trees in (1, 2):
    model = xgboost.XGBClassifier(n_estimators=20, num_parallel_tree=trees).fit(x, y)
    gap = abs(model.predict_proba(x) - run(convert_xgboost(model, initial_types=KIND), x))
    wrong = (gap > 1e-3).any(axis=1)
    print(f"num_parallel_tree={trees}: {int(wrong.sum())} of 600 rows differ, by up to {gap.max():.2g}")
    assert not wrong.any() if trees == 1 else wrong.mean() > 0.9
model = xgboost.XGBRegressor(n_estimators=20).fit(x, x[:, :2] * 2)
expected, found = model.predict(x), run(convert_xgboost(model, initial_types=KIND), x)
wrong = (abs(expected - found.reshape(len(x), -1)) > 1e-3).any(axis=1)
print(f"two targets: {int(wrong.sum())} of 600 rows differ")
assert wrong.mean() > 0.9
END
