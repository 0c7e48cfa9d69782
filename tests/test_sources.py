"""A real PostgreSQL as source of a generated project: rows in chunks, and no password anywhere."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, environment_of, run
from postgres import PASSWORD, WRITTEN, Postgres

N_ROWS = 50_000  # in the query below
ROWS = """
SELECT i AS n, i::bigint << 33 AS big, i % 2 = 0 AS even, 'tön %s :x ' || i AS name,
  CASE WHEN i > 25000 THEN i END AS late, CASE WHEN i > 1 THEN (1::bigint << 53) + i END AS wide,
  i % 2 = 0 OR NULL AS maybe, i::numeric(20, 0) * 1000000000000001 AS exact,
  CASE WHEN i % 7 > 0 THEN 0.5 * i END AS cost,
  timestamptz '2024-01-01 00:00Z' + i * interval '1 min' AS at, date '2024-01-01' + i % 366 AS day,
  json_build_object('i', i) AS facts, ARRAY[i, 1] AS list, gen_random_uuid() AS id
FROM generate_series(1, 50000) AS i WHERE 'like' LIKE 'li%'
"""
# Run by the project's own Python.
SUMMARY = """
import json, pandas as pd
table = pd.read_parquet("data/ingested.parquet")
types = {name: str(kind) for name, kind in table.dtypes.items()}
found = {"rows": len(table), "n": int(table["n"].sum()), "late": int(table["late"].count())}
found |= {"wide": int(table["wide"].iloc[-1]), "exact": table["exact"].iloc[-1]}
print(json.dumps(found | {"name": table["name"].iloc[-1], "types": types}))
"""
LENGTH = "import pandas as pd; print(len(pd.read_parquet('data/ingested.parquet')), 'rows')"


@pytest.fixture
def ingest(baked, loop, tmp_path: Path, postgres: Postgres):
    """Return a function that calls a program in a project whose source is the server."""
    project = Path(shutil.copytree(baked(DEFAULTS), tmp_path / "flight-delays"))
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["source"] = {"kind": "sql", "query": "queries/rows.sql", "chunk_rows": 1000}
    params["source"] |= {"fingerprint": "data/source.json"}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    (project / "queries").mkdir()
    environment = environment_of(project, loop("classification").project)

    def call(*command: str, query: str = ROWS, url: str = postgres.url()):
        (project / "queries" / "rows.sql").write_text(query)
        done = run(*command, cwd=project, env=environment | {"DATABASE_URL": url})
        said = done.stdout + done.stderr
        assert not [secret for secret in (PASSWORD, WRITTEN, "pa55", "w/rd") if secret in said]
        assert "Traceback" not in said
        return done

    return call


FINGERPRINT, INGEST = ("loop", "fingerprint"), ("loop", "ingest")


def test_tens_of_thousands_of_rows_in_chunks(ingest, postgres):
    """A cursor of the server gives them under `dvc repro`; lock and note hold no password."""
    # The ids are other ones each time: the note is of one reading, the table of the next.
    assert "changed" in ingest(*FINGERPRINT).stdout
    done = ingest("dvc", "repro", "ingest")
    assert f"ingest: {N_ROWS:,} rows, 14 columns" in done.stdout
    log = postgres.log.read_text()
    assert "DECLARE" in log
    assert log.count("FETCH FORWARD 1000") >= 2 * N_ROWS / 1000  # fingerprint and ingest
    summary = json.loads(ingest("python", "-c", SUMMARY).stdout)
    types = summary.pop("types")
    assert summary == {
        "rows": N_ROWS,
        "n": N_ROWS * (N_ROWS + 1) // 2,
        "late": N_ROWS // 2,
        "wide": 2**53 + N_ROWS,
        "exact": str(N_ROWS * 1_000_000_000_000_001),
        "name": f"tön %s :x {N_ROWS}",
    }
    assert [types[name] for name in ("n", "big", "even", "late", "wide", "maybe", "cost")] == [
        *("int64", "int64", "bool", "Int64", "Int64", "boolean", "float64")
    ]
    assert [types[name] for name in ("exact", "name", "facts", "list", "id")] == ["str"] * 5
    assert types["at"].startswith("datetime64")
    assert ingest("grep", "-rlE", "pa55|127.0.0.1", "dvc.lock", "data/source.json").stdout == ""


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT 1 / (n - 40000) FROM generate_series(1, 50000) AS n", "division by zero"),
        ("DROP TABLE nowhere", "syntax error"),
        ("SELECT 1; SELECT 2", "multiple commands"),
    ],
    ids=["in the middle", "no SELECT", "two of them"],
)
def test_a_query_that_fails(ingest, query, reason):
    """Even in the middle: one sentence, exit code 3, and the old rows stay."""
    assert ingest(*INGEST, query="SELECT 1 AS n").returncode == 0
    done = ingest(*INGEST, query=query)
    assert done.returncode == 3
    assert reason in done.stderr.splitlines()[-1]
    assert "1 rows" in ingest("python", "-c", LENGTH).stdout


def test_a_database_that_refuses(ingest, postgres):
    """A wrong password, a server that is not there."""
    wrong = ingest(*INGEST, url=postgres.url("pa55wrong"))
    nobody = ingest(*INGEST, url=postgres.url().replace(str(postgres.port), "9"))
    assert 'password authentication failed for user "me"' in wrong.stderr
    assert "onnection refused" in nobody.stderr
    assert (wrong.returncode, nobody.returncode) == (3, 3)
