"""Files that are broken or unusual: read as what they are, or refused by name."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from mlops_loop.model import bundle

TABLE = pd.DataFrame({"id": range(80), "size": [i % 7 / 2 for i in range(80)]})
TABLE["outcome"] = [["no", "yes"][i * i % 11 % 2] for i in range(80)]
CSV = TABLE.to_csv(index=False)
PARQUET = io.BytesIO()
TABLE.to_parquet(PARQUET)
F1 = {"train.threshold": "f1"}  # at 0.5 this weak model calls all rows alike
LATIN = CSV.replace("yes", "größe").encode("latin-1")


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + CSV,
        CSV.replace("\n", "\r\n"),
        CSV.replace("\n", "\r"),
        CSV.replace("\n", "\n\n"),
        CSV.rstrip("\n"),
        CSV.replace("yes", '"y, ""e""\ns"'),
        CSV.replace("outcome", "outcome,size.1").replace("yes", "yes,1").replace("no\n", "no,2\n"),
    ],
    ids=[
        "byte order mark",
        "windows",
        "old mac",
        "empty lines",
        "no end",
        "quotes",
        "more columns",
    ],
)
def test_an_unusual_csv_is_read(run_stages, content):
    """All rows of it."""
    label = 'y, "e"\ns' if '""e""' in content else "yes"
    made = run_stages(content, {"size": "float"}, changes={"target.positive": label} | F1)
    assert isinstance(made, bundle.Bundle), made
    assert len(made.contract.classes) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (CSV.replace(",", ";"), "one column only, 'id;size;outcome'.*Next: set `separator"),
        (LATIN, "raw.csv cannot be read as csv: .*utf-8"),
        (CSV.encode("utf-16"), "raw.csv cannot be read as csv: .*utf-8"),
        (
            CSV.replace("0.5,", "0.5,\x00,", 1),
            "raw.csv has 4 fields in line 3, and 3 columns.*Next: rem",
        ),
        (CSV.replace("1.0,", "1.0,more,", 1), "raw.csv has 4 fields in line 4, and 3 columns"),
        (CSV.replace("3,1.5", '3,"1.5', 1), 'raw.csv has a " in line 5 or below that is not clos'),
        ("", "raw.csv is empty. Next: write the names of the columns"),
        (" \n \n", "."),
        ("\n\n\n", "raw.csv is empty. Next: write the names of the columns"),
        ("id,size,outcome\n", "'raw.csv' has no rows"),
        (PARQUET.getvalue(), "raw.csv cannot be read as csv"),
        (b"\x1f\x8b\x08" + bytes(50), "raw.csv cannot be read as csv"),
    ],
    ids=[
        "semicolons",
        "latin-1",
        "utf-16",
        "nul",
        "ragged",
        "open quote",
        "empty",
        "spaces",
        "lines",
        "header",
        "parquet",
        "zip",
    ],
)
def test_a_csv_that_is_none_is_refused(run_stages, content, sentence, refused):
    """With its name and what is wrong."""
    refused(run_stages(content, {"size": "float"}), sentence)


@pytest.mark.parametrize(
    "content",
    [PARQUET.getvalue()[:-100], PARQUET.getvalue()[100:], b"PAR1", b"", CSV.encode()],
    ids=["no end", "no start", "mark", "empty", "csv"],
)
def test_a_parquet_file_that_is_cut_is_refused(run_stages, content, refused):
    """With its name."""
    own = {"source.format": "parquet"} | F1
    refused(
        run_stages(content, {"size": "float"}, changes=own), "raw.csv cannot be read as parquet"
    )


def test_parquet_is_read(run_stages):
    """With the index that pandas may have put into it."""
    own = {"source.format": "parquet"} | F1
    assert isinstance(run_stages(PARQUET.getvalue(), {"size": "float"}, changes=own), bundle.Bundle)
