#!/usr/bin/env bash
# pandera: drop_invalid_rows drops valid rows that share an index label with an invalid one.
#
# drop_invalid_rows=True drops by label of the index, not by position. After pd.concat of two files
# without ignore_index, labels repeat, and each invalid row takes the valid rows of its label with it;
# nothing reports them.
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

schema = pa.DataFrameSchema({"a": pa.Column(int, pa.Check.gt(0))}, drop_invalid_rows=True)
january, february = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [-1, 4]})
for again in (True, False):
    table = pd.concat([january, february], ignore_index=again)
    found = schema.validate(table, lazy=True)["a"].tolist()
    print(f"ignore_index={again}: {table['a'].tolist()} becomes {found}")
    assert found == ([1, 2, 4] if again else [2, 4])
END
