#!/usr/bin/env bash
# pandas: to_datetime with format="ISO8601" reads the words "now" and "today" as the time of the call.
#
# Naming a format asks for a strict reader, and errors="coerce" for NaT where a text is none of it. A
# column of dates in which a person wrote "now" gets another moment in every run, and nothing is coerced.
# An explicit format does the same. Other words, such as "yesterday", are refused.
#
# Seen with pandas 3.1.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6
"$folder/env/bin/python" - <<'END'
import pandas as pd

column = pd.Series(["2013-01-31", "now", "today", "yesterday"])
year = pd.Timestamp.now().year
for format in ("ISO8601", "%Y-%m-%d"):
    years = pd.to_datetime(column, format=format, errors="coerce").dt.year
    print(f"{format}: {dict(zip(column, years))}")
    assert years[:3].tolist() == [2013, year, year] and years.isna().tolist() == [False] * 3 + [True]
END
