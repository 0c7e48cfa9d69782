"""A source outside of the project under a real `dvc repro`: changed, unchanged, failing."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.exceptions import ReproductionError
from dvc.repo import Repo

from mlops_loop import params, paths
from mlops_loop.sources import fingerprint

ROOT = Path(__file__).parents[3]  # of the project
OUT, STATE = paths.INGESTED, paths.SOURCE_STATE
SOURCE = {"kind": "sql", "query": "rows.sql", "fingerprint": str(STATE)}


def changed() -> bool:
    """Whether the source is in another state than `data/source.json` had."""
    before = STATE.read_bytes() if STATE.exists() else None
    result = fingerprint.run(params.load())
    assert result.changed == (STATE.read_bytes() != before)
    return result.changed


def repro() -> list[str]:
    """The stages that `dvc repro` ran, in a process each."""
    with Repo() as repo:
        return [stage.name for stage in repo.reproduce()]


def insert(value: int) -> None:
    with closing(sqlite3.connect("hidden.db")) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        database.execute("INSERT INTO t VALUES (?)", [value])


def cached() -> dict[str, str]:
    """Hash of the content by the hash that the name says, for all that DVC keeps of tables."""
    contents = {}
    for path in Path(".dvc/cache/files/md5").glob("??/*"):
        if path.read_bytes()[:4] == b"PAR1":
            contents[path.parent.name + path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    return contents


SCHEMA = """
import pandera.pandas as pa

class RawRows(pa.DataFrameModel):
    pass

class ModelInput(pa.DataFrameModel):
    pass
"""
ESTIMATORS = """
from mlops_loop.pipeline.model_pipeline import Estimator
from sklearn.linear_model import LogisticRegression

ESTIMATORS = {"linear": Estimator(LogisticRegression)}
"""


@pytest.fixture
def project(tmp_path, monkeypatch, make_params, own_package):
    """The project's own stage `ingest`, on a database; what DVC keeps is linked, not copied."""
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["ingest"]
    stage["deps"] = [dep for dep in stage["deps"] if not dep.startswith(("src/", "loop/"))]
    own = make_params("binary", {"source": SOURCE}).model_dump(mode="json", by_alias=True)
    package = own_package(estimators=ESTIMATORS, schema=SCHEMA)
    shown = (str(package.parent), os.environ.get("PYTHONPATH"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, shown)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///hidden.db")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"ingest": stage}}))
    Path("params.yaml").write_text(yaml.safe_dump(own))
    Path("rows.sql").write_text("SELECT n, abs(n) AS m FROM t ORDER BY n DESC\n")
    subprocess.run(["git", "init", "-q"], check=True)
    Repo.init().close()
    Path(".dvc/config").write_text("[cache]\n    type = symlink\n")


@pytest.mark.filterwarnings("ignore:_NoneStep.value")  # DVC's own use of pygtrie
@pytest.mark.usefixtures("project")
def test_a_changed_source_is_read_again_and_a_failing_one_leaves_the_old_rows(capfd):
    """Nothing is read where nothing changed; nothing is lost, in place or in DVC's cache."""
    insert(1)
    assert changed()
    assert repro() == ["ingest"]
    assert OUT.is_symlink()
    assert not changed()
    assert repro() == []

    insert(2)
    assert changed()
    before = OUT.read_bytes()
    insert(-(2**63))  # its absolute value is an error of SQLite, after the rows before it
    with pytest.raises(ReproductionError):
        repro()
    assert "DataRefused: rows.sql on DATABASE_URL: integer overflow" in capfd.readouterr().err
    assert OUT.read_bytes() == before

    Path("rows.sql").write_text("SELECT n FROM t WHERE n > 0 ORDER BY n\n")
    assert repro() == ["ingest"]
    assert pd.read_parquet(OUT)["n"].tolist() == [1, 2]
    assert len(cached()) == 2
    assert all(name == content for name, content in cached().items())
    assert "hidden" not in Path("dvc.lock").read_text() + STATE.read_text()


def test_the_state_is_committed_and_the_rows_are_not():
    """As `.gitignore` of the project says."""
    names = [str(STATE), str(OUT), f"{OUT}.part"]
    command = ["git", "check-ignore", "--no-index", *names]
    ignored = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert ignored.stdout.split() == names[1:]
