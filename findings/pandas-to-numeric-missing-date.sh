#!/usr/bin/env bash
# pandas: to_numeric with errors="coerce" makes -9223372036854775808 of a missing date, not NaN.
#
# A column of datetimes, or of timedeltas, becomes the integers by which pandas stores it: NaT with them.
# The same values as objects are coerced to NaN. So a column of numbers that a source typed as dates gives
# numbers without an error, in a unit that depends on how the column came about, and its missing values
# are the smallest integer that there is. A missing month of a PeriodIndex does the same.
#
# Seen with pandas 3.1.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/env/bin/python" - <<'END'
import pandas as pd

texts = ["2024-01-31", None]
for values in (pd.to_datetime(texts), pd.to_timedelta(["1s", None]), pd.PeriodIndex(texts, freq="D")):
    column = pd.Series(values)
    typed = pd.to_numeric(column, errors="coerce").tolist()
    objects = pd.to_numeric(column.astype(object), errors="coerce")
    print(f"{column.dtype}: typed {typed}, as objects {objects.tolist()}")
    assert typed[1] == -(2**63) and objects.isna().all()
END
