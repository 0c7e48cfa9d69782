#!/usr/bin/env bash
# pandera: a missing boolean becomes True or False before nullable=False can refuse it.
#
# Column(bool, coerce=True, nullable=False) takes a missing value: None becomes False, NaN becomes True,
# and no error or warning says so. So the answer depends on how the table was made: the same gap is
# None after a database and NaN after a merge. For float and str the missing value is refused.
#
# Seen with pandera 0.35.0, pandas 3.1.1, numpy 2.4.6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandera==0.35.0 pandas==3.1.1 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'END'
import pandas as pd
import pandera.pandas as pa

schema = pa.DataFrameSchema({"paid": pa.Column(bool, coerce=True, nullable=False)})
for gap, expected in ((None, False), (float("nan"), True)):
    table = pd.DataFrame({"paid": pd.Series([True, gap], dtype=object)})
    found = schema.validate(table)["paid"].tolist()
    print(f"{table['paid'].tolist()} -> {found}")
    assert found == [True, expected]
left, right = pd.DataFrame({"id": [1, 2]}), pd.DataFrame({"id": [1], "paid": [False]})
merged = schema.validate(left.merge(right, how="left"))["paid"].tolist()
print(f"merged with a table that lacks the second row: {merged}")
assert merged == [False, True]
for kind in (float, str):
    try:
        pa.DataFrameSchema({"a": pa.Column(kind, coerce=True)}).validate(
            pd.DataFrame({"a": pd.Series([kind(1), None], dtype=object)})
        )
        raise SystemExit(f"a missing {kind.__name__} passes: this has changed")
    except pa.errors.SchemaError as error:
        print(f"a missing {kind.__name__} is refused: {error.check}")
END
