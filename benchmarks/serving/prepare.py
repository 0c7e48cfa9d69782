"""Write what the targets read: bodies, the usual pipeline, and the answers to be expected.

Run by the project's own Python, in the project: python prepare.py FOLDER
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import skops.io
from mlops_loop.model import bundle as bundles
from mlops_loop.model.predictor import load_skops, raw_scores
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

SIZES = (1, 100, 10_000)
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
# Every row of the holdout once more, with a value missing or of a category that is not known.
places = [column for column in contract.columns if column.nullable or column.pattern]
for number, row in enumerate(rows[: max(SIZES) - len(rows)]):
    column = places[number % len(places)]
    rows.append(row | {column.name: None if column.nullable else "ZZZ"})
while len(rows) < max(SIZES):
    rows += rows
rows = rows[: max(SIZES)]
# What training says, of tables: none of the code that reads and encodes rows has part in it.
table = pd.DataFrame(rows, columns=names).astype(holdout.dtypes[names].to_dict())
expected = usual.predict_proba(table)[:, 1]
(folder / "expected-pipeline.json").write_text(json.dumps(expected.tolist()))
trained = load_skops(Path("models/trained/pipeline.skops"))
scores = raw_scores(trained, contract.encode_table(table))
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
