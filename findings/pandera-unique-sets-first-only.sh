#!/usr/bin/env bash
# pandera: of several sets of unique columns, lazy validation reports the first that fails only.
#
# DataFrameSchema(unique=[["a"], ["b"]]) with lazy=True is to list all failures. Where both sets have
# repeated rows, failure_cases has those of the first set, and none of the second: rows that are
# quarantined by this list leave others behind, which fail the next validation. Checks of single
# columns are all listed.
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

table = pd.DataFrame({"a": [1, 1, 2, 3], "b": [1, 2, 3, 3]})


def failed(schema):
    try:
        schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        return {(row.column, row.index_) for row in
                error.failure_cases.rename(columns={"index": "index_"}).itertuples()}
    return set()


sets = failed(pa.DataFrameSchema(unique=[["a"], ["b"]]))
columns = failed(pa.DataFrameSchema({n: pa.Column(int, unique=True) for n in "ab"}))
print(f"unique=[['a'], ['b']]:   {sorted(sets)}")
print(f"unique=True of a and b: {sorted(columns)}")
assert sets == {("a", 0), ("a", 1)}
assert columns == {("a", 0), ("a", 1), ("b", 2), ("b", 3)}
END
