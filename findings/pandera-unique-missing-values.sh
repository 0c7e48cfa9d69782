#!/usr/bin/env bash
# pandera: two missing values in a unique column are an error that names no row.
#
# A column with unique=True and nullable=True that holds two missing values raises SchemaErrors, and
# the table `failure_cases` is empty: duplicates of other values are listed there by row. Code that
# takes the failing rows out and validates again, until nothing fails, never ends.
#
# Seen with pandera 0.35.0, pandas 3.1.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandera==0.35.0 pandas==3.1.1 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'END'
import pandas as pd
import pandera.pandas as pa

schema = pa.DataFrameSchema({"a": pa.Column(float, unique=True, nullable=True)})
for values, rows in (([1.0, 1.0, 2.0], [0, 1]), ([float("nan"), float("nan"), 2.0], [])):
    try:
        schema.validate(pd.DataFrame({"a": values}), lazy=True)
        raise SystemExit("no error: this has changed")
    except pa.errors.SchemaErrors as error:
        named = error.failure_cases["index"].tolist() if len(error.failure_cases) else []
        print(f"{values}: {error.schema_errors[0].check}, rows named: {named}")
        assert named == rows
END
