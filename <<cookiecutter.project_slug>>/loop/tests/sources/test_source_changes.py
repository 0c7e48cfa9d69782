"""A source outside of the project under a real `dvc repro`: changed, unchanged, failing."""

from __future__ import annotations

import hashlib
import os
import shutil
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
from mlops_loop.sources import fingerprint as watch

OUT = Path("data/ingested.parquet")
SOURCE = {"kind": "sql", "query": "rows.sql", "fingerprint": str(paths.SOURCE_STATE)}


def changed() -> bool:
    """Whether the verb `watch` wrote another state."""
    before = (
        Path(str(paths.SOURCE_STATE)).read_bytes()
        if Path(str(paths.SOURCE_STATE)).exists()
        else None
    )
    watch.run(params.load())
    return Path(str(paths.SOURCE_STATE)).read_bytes() != before


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
    found = {}
    for path in Path(".dvc/cache/files/md5").glob("??/*"):
        if path.read_bytes()[:4] == b"PAR1":
            found[path.parent.name + path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    return found


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The stage `ingest` alone, on a database; what DVC keeps is linked, not copied."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    own = yaml.safe_load(Path("params.yaml").read_text()) | {"source": SOURCE}
    shutil.copytree("src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(".gitignore", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "src")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///hidden.db")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": {"ingest": stages["ingest"]}}))
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
    assert "hidden" not in Path("dvc.lock").read_text() + Path(str(paths.SOURCE_STATE)).read_text()


def test_the_note_is_committed_and_the_rows_are_not():
    """As `.gitignore` says."""
    command = [
        "git",
        "check-ignore",
        "--no-index",
        str(paths.SOURCE_STATE),
        str(OUT),
        f"{OUT}.part",
    ]
    ignored = subprocess.run(command, capture_output=True, text=True)
    assert ignored.stdout.split() == [str(OUT), f"{OUT}.part"]
