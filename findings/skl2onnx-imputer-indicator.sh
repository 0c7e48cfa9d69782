#!/usr/bin/env bash
# skl2onnx drops the indicator columns of SimpleImputer.
#
# SimpleImputer(add_indicator=True) gives the imputed columns and one more column for each that had
# missing values. The converted step gives the imputed columns alone, without a warning; a pipeline
# with a model behind it then fails only when it runs, or not at all where the model takes any width.
#
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnxruntime 1.32.0: 8 columns become 4.
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
from sklearn.impute import SimpleImputer

holes = np.where(rng.random(x.shape) < 0.2, np.float32("nan"), x)
model = SimpleImputer(add_indicator=True).fit(holes)
expected, found = model.transform(holes).shape, run(to_onnx(model, x[:1]), holes).shape
print(f"scikit-learn gives {expected}, the converted model {found}")
assert (expected, found) == ((600, 8), (600, 4))
END
