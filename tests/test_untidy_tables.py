"""Tables that nobody made tidy: from the file by `loop schema` to the gate and predictions."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import DEFAULTS, check, environment_of, give_environment, run
from untidy import TABLES, Table, write

# `dvc repro` starts a process for each stage, which test_own_data.py has; this is one for all.
STAGES = """
from mlops_loop.cli import cli
for name in "ingest validate prepare train export evaluate".split():
    cli([name], standalone_mode=False)
"""
SOURCE = "source:\n  kind: sql\n  query: queries/rows.sql\n  fingerprint: data/source.json\n\n"
QUERY = "SELECT * FROM customers ORDER BY id\n"


@dataclass(frozen=True)
class Done:
    """A project after the commands: what `schema` and the last `gate` said, and what there is."""

    folder: Path
    schema: str
    gate: subprocess.CompletedProcess

    def read(self, path: str) -> dict:
        """Return a JSON file of the project."""
        return json.loads((self.folder / path).read_text(encoding="utf-8"))

    def columns(self) -> dict[str, dict]:
        """Return the columns of the contract by name."""
        contract = self.read("models/bundle/contract.json")
        return {column["name"]: column for column in contract["columns"]}

    def predictions(self) -> list[dict[str, str]]:
        """Return the rows of the one file in predictions/."""
        [path] = (self.folder / "predictions").iterdir()
        separator = ";" if ";" in path.read_text(encoding="utf-8-sig").splitlines()[0] else ","
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter=separator))


@pytest.fixture
def take(baked, loop, tmp_path) -> Callable[[Table], Done]:
    """Return a function that takes a table through the commands of the page."""

    def run_all(table: Table) -> Done:
        folder = tmp_path / "flight-delays"
        shutil.copytree(baked(DEFAULTS), folder)
        give_environment(folder, loop("classification").project)
        shutil.rmtree(folder / "data" / "raw")
        shutil.rmtree(folder / "data" / "later")
        env = environment_of(folder) | {"OMP_NUM_THREADS": "1"}
        given = place(table, folder, env)
        said = check(
            "bash", "-c", f"loop schema {given} {table.options} --replace", cwd=folder, env=env
        )
        check("python", "-c", STAGES, cwd=folder, env=env)
        verdict = run("loop", "gate", cwd=folder, env=env)
        if verdict.returncode == 2:
            reason = "few cases, each looked at"
            verdict = run("loop", "gate", "--override", reason, cwd=folder, env=env)
        check("bash", "-c", f"loop predict {given}", cwd=folder, env=env)
        return Done(folder, said, verdict)

    return run_all


def place(table: Table, folder: Path, env: dict[str, str]) -> str:
    """Write the table where the commands read it, and return what `loop schema` is given."""
    if not table.file.endswith(".db"):
        write(table, folder / "data" / "raw")
        return f'"data/raw/{table.file}"'
    env["DATABASE_URL"] = f"sqlite:///{write(table, folder.parent / 'warehouse')}"
    (folder / "queries").mkdir()
    (folder / "queries" / "rows.sql").write_text(QUERY)
    params = folder / "params.yaml"
    text = re.sub(r"(?s)^source:.*?\n\n", SOURCE, params.read_text(), count=1, flags=re.M)
    params.write_text(text)
    check("git", "add", "--all", cwd=folder)
    check("git", "commit", "--quiet", "--message", "Customers of the warehouse", cwd=folder)
    check("loop", "fingerprint", cwd=folder, env=env)
    check("loop", "ingest", cwd=folder, env=env)
    return "data/ingested.parquet"


def trees(done: Done) -> None:
    """Three classes, in the order of their names; measurements may be missing."""
    assert done.read("models/bundle/contract.json")["classes"] == ["mild", "none", "severe"]
    assert all(column["nullable"] for column in done.columns().values())
    assert {row["prediction"] for row in done.predictions()} == {"mild", "none", "severe"}
    assert done.columns()["soil_ph"]["kind"] == "number"


def flats(done: Done) -> None:
    """Each name is what it was, in the contract and in the schema."""
    names = ["Surface habitable (m²)", "Année de construction", "Étage", "Größe Balkon/Terrasse"]
    assert list(done.columns()) == [*names, "% humidité", "class"]
    assert done.read("models/bundle/contract.json")["target"] == "Loyer mensuel (€)"
    assert done.columns()["Étage"]["levels"][0] == "1er étage"
    assert done.read("reports/metrics.json")["r2"] > 0.7
    assert all(float(row["prediction"]) > 100 for row in done.predictions())


def orders(done: Done) -> None:
    """Ids keep all digits, and codes their zeros: no row is taken for another one."""
    ids = [row["order_id"] for row in done.predictions()]
    assert ids == [str(100_000_000_000_000_000 + number) for number in range(900)]
    assert "order_id" not in done.columns()
    assert done.columns()["article"]["kind"] == "category"
    assert all(re.fullmatch(r"\d{5}", level) for level in done.columns()["article"]["levels"])


def meters(done: Done) -> None:
    """Decimal commas and points of thousands are numbers, umlauts are umlauts, dates are dates."""
    columns = done.columns()
    assert [columns[name]["kind"] for name in ("Verbrauch kWh", "Druck")] == ["number"] * 2
    assert 500 < columns["Verbrauch kWh"]["example"] < 1500
    assert columns["Straße"]["levels"] == ["Am Bühl", "Müllerstraße", "Schloßallee"]
    rule = done.read("data/prepared/split.json")
    assert rule["strategy"] == "time"
    assert rule["holdout_from"].startswith("2023-")
    assert re.fullmatch(r"[01],\d+(e-\d+)?|[01]", done.predictions()[0]["probability"])


def payments(done: Done) -> None:
    """Find the rare class by the threshold; seven cases decide nothing, so a person does."""
    assert done.gate.stdout.startswith("PROMOTE: HOLD overridden")
    assert "It rests on 7 cases, fewer than 10" in done.gate.stdout
    assert done.read("models/bundle/contract.json")["threshold"] < 0.2
    found = [row["prediction"] for row in done.predictions()]
    assert 27 < found.count("1") < 900


def customers(done: Done) -> None:
    """NULL is missing, also in a column of integers, and no integer became a float."""
    assert all(column["nullable"] for column in done.columns().values())
    assert done.columns()["calls"]["kind"] == "integer"
    assert done.columns()["monthly_fee"]["kind"] == "number"
    assert [row["id"] for row in done.predictions()] == [str(n) for n in range(1, 801)]


CHECKS = dict(zip(TABLES, (trees, flats, orders, meters, payments, customers), strict=True))


@pytest.mark.parametrize("name", TABLES)
def test_an_untidy_table_gets_to_gated_predictions(take, name):
    """By the commands of the page and no edit of Python; no row is lost without a word."""
    table = TABLES[name]
    done = take(table)
    assert done.gate.returncode == 0, done.gate.stdout
    assert done.gate.stdout.startswith("PROMOTE")
    assert sum(done.read("reports/preparation.json")["rows"].values()) >= table.least
    assert done.read("reports/validation.json")["n_failed"] == 0
    assert {row["reason"] for row in done.predictions()} == {""}
    CHECKS[name](done)
