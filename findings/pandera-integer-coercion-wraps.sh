#!/usr/bin/env bash
# pandera: coercion to an integer turns a large number into a negative one.
#
# Column(int, coerce=True) makes -9223372036854775808 of every float of 2**63 and more, and passes:
# no error, no warning. A check such as greater_than sees the negative number. For int8, 300 is
# refused ("coerce_dtype"), so the missing refusal is not what one expects.
#
# Seen with pandera 0.35.0, pandas 3.1.1, numpy 2.4.6 on x86-64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandera==0.35.0 pandas==3.1.1 numpy==2.4.6
"$folder/env/bin/python" -W ignore - <<'END'
import pandas as pd
import pandera.pandas as pa

column = pa.DataFrameSchema({"a": pa.Column(int, coerce=True)})
found = column.validate(pd.DataFrame({"a": [1e19, float(2**63)]}))["a"].tolist()
print(f"1e19 and 2**63 as int: {found}")
assert found == [-(2**63), -(2**63)]
try:
    pa.DataFrameSchema({"a": pa.Column("int8", coerce=True)}).validate(
        pd.DataFrame({"a": [300]}), lazy=True
    )
    raise SystemExit("300 passes as int8: this has changed")
except pa.errors.SchemaErrors as error:
    print(f"300 as int8 is refused: {error.failure_cases['check'].tolist()[0]}")
END
