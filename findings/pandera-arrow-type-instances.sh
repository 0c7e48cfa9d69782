#!/usr/bin/env bash
# pandera: Column(pyarrow.int64()) is a column of bytes, and Column(pyarrow.float32()) one of float64.
#
# A type of pyarrow is an instance: pyarrow.int64(). Given as the type of a column, most numbers become
# fixed_size_binary of their width, large_string becomes binary, and float32 becomes numpy's float64, so
# that data of the type that was written are refused, or validated as another type. The function
# without its brackets (pyarrow.int64) and pandas.ArrowDtype(pyarrow.int64()) are right; no error tells
# these apart.
#
# Seen with pandera 0.35.0, pandas 3.1.1, pyarrow 26.0.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandera==0.35.0 pandas==3.1.1 numpy==2.4.6 pyarrow==26.0.1
"$folder/env/bin/python" -W ignore - <<'END'
import pandas as pd
import pandera.pandas as pa
import pyarrow

seen = {
    pyarrow.int64(): "fixed_size_binary[8][pyarrow]",
    pyarrow.uint8(): "fixed_size_binary[1][pyarrow]",
    pyarrow.date32(): "fixed_size_binary[4][pyarrow]",
    pyarrow.float64(): "fixed_size_binary[8][pyarrow]",
    pyarrow.float32(): "float64",
    pyarrow.large_string(): "binary[pyarrow]",
}
for kind, expected in seen.items():
    found, right = pa.Column(kind).dtype, pa.Column(pd.ArrowDtype(kind)).dtype
    print(f"{kind}: {found}; as pandas.ArrowDtype: {right}")
    assert str(found) == expected
    assert str(right) == f"{kind}[pyarrow]"
numbers = pd.DataFrame({"a": pd.array([1, 2], dtype=pd.ArrowDtype(pyarrow.int64()))})
pa.DataFrameSchema({"a": pa.Column(pyarrow.int64)}).validate(numbers)
try:
    pa.DataFrameSchema({"a": pa.Column(pyarrow.int64())}).validate(numbers)
    raise SystemExit("int64 is taken: this has changed")
except pa.errors.SchemaError as error:
    print(error)
END
