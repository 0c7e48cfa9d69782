"""Write what the targets read: bodies, the usual pipeline, and the answers to be expected.

Run by the project's own Python, in the project: python prepare.py FOLDER
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import skops.io
from flight_delays import bundle as bundles
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

SIZES = (1, 100, 200, 10_000)
folder = Path(sys.argv[1])
bundle = bundles.load(Path("models/bundle"))
contract = bundle.contract
names = [column.name for column in contract.columns]
texts = [column.name for column in contract.columns if column.kind == "category"]
train, holdout = (pd.read_parquet(f"data/prepared/{part}.parquet") for part in ("train", "holdout"))

usual = make_pipeline(
    make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts),
        remainder="passthrough",
    ),
    HistGradientBoostingClassifier(max_iter=200, random_state=0),
)
usual.fit(train[names], train["_target"])
skops.io.dump(usual, folder / "usual.skops")
(folder / "versions.txt").write_text(
    " ".join(f"{name}=={version(name)}" for name in ("scikit-learn", "pandas", "numpy", "skops"))
)

rows = json.loads(holdout[names].to_json(orient="records"))
while len(rows) < max(SIZES):
    rows += rows
expected = usual.predict_proba(holdout[names])[:, 1]
(folder / "expected-pipeline.json").write_text(json.dumps(expected[:200].tolist()))
scores = bundle.predictor.scores(contract.encode_rows(rows[:200]))
(folder / "expected-bundle.json").write_text(json.dumps(scores[:, 1].tolist()))
types = {name: "BYTES" if name in texts else "FP64" for name in names}
for size in SIZES:
    some = rows[:size]
    columns = [
        {"name": n, "shape": [size, 1], "datatype": t, "data": [row[n] for row in some]}
        for n, t in types.items()
    ]
    for kind, body in (
        ("rows", some[0] if size == 1 else some),
        ("wrapped", {"rows": some}),
        ("records", {"dataframe_records": some}),
        ("v2", {"parameters": {"content_type": "pd"}, "inputs": columns}),
    ):
        (folder / f"{kind}-{size}.json").write_text(json.dumps(body))

# The same bundle with the pipeline itself in the place of its ONNX form.
copy = folder / "skops-bundle"
if copy.exists():
    for path in copy.iterdir():
        path.unlink()
copy.mkdir(exist_ok=True)
for path in Path("models/bundle").iterdir():
    if path.name not in ("model.onnx", "manifest.json"):
        (copy / path.name).write_bytes(path.read_bytes())
(copy / "model.skops").write_bytes(Path("models/trained/pipeline.skops").read_bytes())
facts = {
    name: value for name, value in bundle.manifest.items() if name not in ("format", "files", "id")
}
bundles.write_manifest(copy, facts)
