#!/usr/bin/env bash
# skl2onnx ignores encoded_missing_value and min_frequency of OrdinalEncoder.
#
# OrdinalEncoder(encoded_missing_value=-5) codes NaN as -5, and with min_frequency it codes all rare
# categories alike. The converted model gives another code for NaN and a code of its own for each
# rare category, without a warning. OneHotEncoder with min_frequency, for comparison, is refused:
# "Infrequent categories are not implemented".
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0.
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
from sklearn.preprocessing import OrdinalEncoder

codes = rng.integers(0, 9, size=(600, 2)).astype(np.float32)
holes = codes.copy()
holes[::7, 0] = np.nan
for table, options in ((holes, {"encoded_missing_value": -5}), (codes, {"min_frequency": 70})):
    model = OrdinalEncoder(**options).fit(table)
    expected, found = model.transform(table), run(to_onnx(model, codes[:1]), table)
    wrong = (expected != found).any(axis=1)
    print(f"{options}: {int(wrong.sum())} of 600 rows differ,"
          f" such as {expected[wrong][0]} against {found[wrong][0]}")
    assert wrong.sum() > 50
END
