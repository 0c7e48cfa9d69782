"""A draft of a table as a person has it, read line by line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_loop import paths, project
from mlops_loop.draft import drafting
from mlops_loop.draft.roles import Stated
from mlops_loop.errors import DataRefused, UsageError
from mlops_loop.yaml_text import parse

N = 412


@pytest.fixture
def customers() -> pd.DataFrame:
    """A European table of customers."""
    rng = np.random.default_rng(7)
    return pd.DataFrame({
        "Kunden-Nr": 10**17 + np.arange(N),
        "PLZ": [f"0{value}" for value in rng.choice([1067, 4109, 6108, 7743], N)],
        "Umsatz": [f"{v:.2f}".replace(".", ",") for v in rng.gamma(2, 500, N)],
        "class": rng.choice(["Gold", "Silber"], N),
        "Beginn": rng.choice(pd.date_range("2019-01-01", "2022-12-31").strftime("%d.%m.%Y"), N),
        "Land": "DE",
        "Notiz": [f"Anruf Nummer {value}" for value in range(N)],
        "gekündigt": np.arange(N) % 2,
    })  # fmt: skip


EUROPEAN = {"sep": ";", "encoding": "cp1252"}


def schema_of(draft) -> list[str]:
    """The lines of the drafted schema.py, without what is before its classes."""
    text = draft.files[Path("src", project.package(), "schema.py")]
    return [line.strip() for line in text.partition("class RawRows")[2].splitlines()]


def test_types_ranges_and_categories_of_a_european_table(drafted, customers):
    """An id of 18 digits stays exact, a code keeps its zeros, a date has its format."""
    lines = schema_of(drafted(customers, EUROPEAN, target="gekündigt"))
    raw = lines[: lines.index("class ModelInput(pa.DataFrameModel):")]
    assert 'kunden_nr: Series[int] = pa.Field(alias="Kunden-Nr", ge=0)' in raw
    assert "PLZ: Series[str] = pa.Field(isin=PLZ_LEVELS)" in raw
    assert any(line.startswith("Umsatz: Series[float] = pa.Field(ge=0, le=") for line in raw)
    assert 'column_class: Series[str] = pa.Field(alias="class", isin=COLUMN_CLASS_LEVELS)' in raw
    assert 'Beginn: Series[pd.Timestamp] = pa.Field(metadata={"format": "%d.%m.%Y"})' in raw
    assert 'gekundigt: Series[int] = pa.Field(alias="gekündigt", isin=GEKUNDIGT_LEVELS)' in raw


def test_evidence_stands_beside_each_guess(drafted, customers):
    """As comments in front of the columns."""
    lines = schema_of(drafted(customers, EUROPEAN, target="gekündigt"))
    assert "# 412 of 412 values differ: likely the key" in lines
    assert "# 412 of 412 values are 'DE'" in lines
    assert "# Left out: 'Land' has one value only" in lines
    assert "# Left out: 'Notiz' has 412 different texts in 412 rows: no categories" in lines


def test_the_parameters_read_the_table_as_it_is(drafted, customers):
    """Source, target, key and split; comments of keys that stay, stay."""
    text = drafted(customers, EUROPEAN, target="gekündigt").files[Path("params.yaml")]
    params = parse(text)
    assert params["source"] == {
        "kind": "files", "path": "data/raw/*.csv", "fingerprint": "data/raw",
        "encoding": "cp1252", "separator": ";", "decimal": ",",
    }  # fmt: skip
    assert params["target"] == {"column": "gekündigt", "positive": "1"}
    assert params["prepare"]["key"] == ["Kunden-Nr"]
    assert (params["split"]["strategy"], params["split"]["column"]) == ("time", "Beginn")
    assert params["evaluate"]["slices"] == ["PLZ", "class"]
    assert "carry_columns: [] # raw columns to keep for slices" in text
    assert "airlines" not in text
    assert "wind_gust" not in text


def test_the_gate_asks_nothing_of_the_sample(drafted, customers):
    """Slices and fairness name its columns; limits are its own."""
    draft = drafted(customers, EUROPEAN, target="gekündigt")
    text = draft.files[Path("gate.yaml")]
    gate = parse(text)
    assert {"slices", "fairness", "calibration"} & set(gate) == set()
    assert gate["min_rows"] == int(0.8 * (draft.prepared.parts == "holdout").sum())
    assert gate["absolute"]["roc_auc"] == 0.5
    ceilings = {name: rule["at_most"] for name, rule in gate["budgets"].items()}
    assert ceilings == {"image_mb": 600, "memory_mb": 450}
    assert "# with fewer held-out rows the verdict is HOLD" in text


def test_an_amount_brings_the_files_of_its_task(drafted, customers):
    """Regressors, plots and limits in the unit of the target."""
    draft = drafted(customers, EUROPEAN, target="Umsatz")
    own = Path("src", project.package())
    assert "Ridge" in draft.files[own / "estimators.py"]
    assert "residuals.csv" in draft.files[Path("dvc.yaml")]
    assert "roc.csv" not in draft.files[Path("dvc.yaml")]
    gate, params = (parse(draft.files[Path(name)]) for name in ("gate.yaml", "params.yaml"))
    assert gate["task"] == params["task"] == "regression"
    assert set(gate["absolute"]) == {"rmse", "mae"}
    assert "threshold" not in params["train"]


def test_clusters_have_no_target(drafted, customers):
    """All columns may be inputs; models, plots, limits and the file of names come along."""
    draft = drafted(customers, EUROPEAN, task="clustering")
    assert draft.roles.inputs == ("PLZ", "Umsatz", "class", "gekündigt")
    own, stages = Path("src", project.package()), parse(draft.files[Path("dvc.yaml")])
    assert "KMeans" in draft.files[own / "estimators.py"]
    assert "sizes.csv" in str(stages["plots"])
    assert stages["stages"]["train"]["deps"] == ["data/anchors.json", "data/prepared"]
    assert json.loads(draft.files[paths.ANCHORS]) == {"last": 0, "rows": []}
    gate, params = (parse(draft.files[Path(name)]) for name in ("gate.yaml", "params.yaml"))
    assert gate["task"] == params["task"] == "clustering"
    assert set(gate["absolute"]) == {"silhouette", "smallest_share"}
    assert gate["stability"] == {"at_least": 0.7}
    assert (params["target"], params["train"]["estimator"]) == ({}, "k_means")
    assert params["train"]["scoring"] == "silhouette"
    assert "threshold" not in params["train"]
    lines = schema_of(draft)
    assert not [line for line in lines if "the target" in line or "the outcome" in line]


def test_classes_after_clusters_ask_no_stability(drafted, customers, in_project):
    """What the other task has of its own goes."""
    for name, text in drafted(customers, EUROPEAN, task="clustering").files.items():
        (in_project / name).parent.mkdir(parents=True, exist_ok=True)
        (in_project / name).write_text(text)
    assert "\nstability: {at_least: 0.7}" in (in_project / "gate.yaml").read_text()
    draft = drafted(customers, EUROPEAN, target="gekündigt")
    assert "stability" not in draft.files[Path("gate.yaml")]
    assert parse(draft.files[Path("params.yaml")])["target"]["column"] == "gekündigt"


def test_a_project_of_clusters_is_asked_for_no_target(drafted, customers, in_project):
    """Its task is that of params.yaml; a stated target brings another one."""
    text = (in_project / "params.yaml").read_text().replace("classification", "clustering")
    (in_project / "params.yaml").write_text(text)
    assert drafted(customers, EUROPEAN).roles.task == "clustering"
    assert drafted(customers, EUROPEAN, target="gekündigt").roles.task == "classification"


@pytest.mark.parametrize("row", [{"PLZ": "01067"}, {"Umsatz": 3.0, "carrier": "AA"}])
def test_names_of_another_table_go(drafted, customers, row):
    """Their rows lack a column; their numbers are never given again."""
    before = {"last": 7, "rows": [{"row": row, "name": "cluster 7"}]}
    paths.ANCHORS.write_text(json.dumps(before))
    draft = drafted(customers, EUROPEAN, task="clustering")
    assert json.loads(draft.files[paths.ANCHORS]) == {"last": 7, "rows": []}


def test_names_of_the_same_columns_stay(drafted, customers):
    """Clients know them."""
    row = {"PLZ": "01067", "Umsatz": 3.0, "class": "Gold", "gekündigt": 1, "colour": "red"}
    before = {"last": 7, "rows": [{"row": row, "name": "cluster 7"}]}
    paths.ANCHORS.write_text(json.dumps(before))
    assert paths.ANCHORS not in drafted(customers, EUROPEAN, task="clustering").files


@pytest.mark.parametrize("stated", [{"target": "gekündigt"}, {"positive": "1"}], ids=str)
def test_clusters_take_no_target(drafted, customers, stated):
    """The option is named."""
    option = next(iter(stated))
    with pytest.raises(UsageError, match=f"--{option} .*predicts no column. Next: leave out"):
        drafted(customers, EUROPEAN, task="clustering", **stated)


def test_three_classes_have_no_positive_one(drafted, customers):
    """And no threshold."""
    customers["Art"] = np.resize(["a", "b", "c"], N)
    params = parse(drafted(customers, EUROPEAN, target="Art").files[Path("params.yaml")])
    assert params["target"] == {"column": "Art"}
    assert "threshold" not in params["train"]


def test_a_target_that_cannot_be_guessed_is_asked_for(drafted, customers):
    """With the columns that there are, and what to type."""
    table = customers.drop(columns="class")
    with pytest.raises(
        UsageError, match=r"cannot be guessed.*Two values have: 'gek.ndigt'.*--task clustering"
    ):
        drafted(table, EUROPEAN)


def test_a_split_that_the_rows_do_not_allow_is_another_one(drafted, customers):
    """A class that only the newest rows have; the reason is a comment."""
    customers["Beginn"] = pd.date_range("2019-01-01", periods=N).strftime("%d.%m.%Y")
    customers["Art"] = ["alt"] * 360 + ["neu", "mittel"] * 26
    draft = drafted(customers, EUROPEAN, target="Art")
    assert draft.roles.strategy == "stratified"
    assert "not by time of 'Beginn'" in draft.files[Path("params.yaml")]


def test_rows_that_repeat_are_said(drafted):
    """Coarse columns without an id: the draft passes, and asks."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.integers(0, 3, (300, 4)), columns=[*"abcd"]).assign(
        y=np.arange(300) % 2
    )
    draft = drafted(table, target="y")
    limits = parse(draft.files[Path("params.yaml")])["prepare"]["max_dropped_share"]
    assert limits["repeated_key"] > 0.4
    assert any(line.startswith("key: no column differs in every row") for line in draft.doubts)


def test_rows_without_an_outcome_are_said(drafted, customers):
    """They are dropped."""
    customers["gekündigt"] = customers["gekündigt"].astype("Int64").mask(customers.index < 30)
    draft = drafted(customers, EUROPEAN, target="gekündigt")
    assert "target: missing in 30 of 412 rows, which are dropped" in draft.doubts


def test_ids_that_were_written_as_floats_are_ids(drafted, customers):
    """As pandas writes whole numbers where one is missing; an amount stays a number."""
    customers["Kunden-Nr"] = (1000.0 + np.arange(N)).round()
    customers["Menge"] = 1.0 + np.arange(N) % 7
    customers.loc[3, ["Kunden-Nr", "Menge"]] = None
    draft = drafted(customers, target="gekündigt")
    assert draft.facts["Kunden-Nr"].kind == "integer"
    assert draft.facts["Menge"].kind == "number"
    assert "Kunden-Nr" not in draft.roles.inputs


def test_a_column_that_a_file_has_twice_is_said(drafted, customers):
    """A CSV reader gives the second one a name."""
    table = pd.concat([customers, customers[["PLZ"]]], axis=1)
    draft = drafted(table, EUROPEAN, target="gekündigt")
    assert any(line.startswith("'PLZ.1': is this a second column 'PLZ'?") for line in draft.doubts)


def test_a_wide_table_is_read_without_a_warning(drafted, customers):
    """Two hundred columns; pandas warns of tables that were put together column by column."""
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(N, 200)).round(3)).add_prefix("v")
    draft = drafted(pd.concat([customers, wide], axis=1), target="gekündigt")
    assert len(draft.roles.inputs) > 200


def test_a_few_rows_are_too_few(drafted, customers):
    """Nothing could be held out."""
    with pytest.raises(DataRefused, match="8 rows, too few"):
        drafted(customers.head(8), EUROPEAN, target="gekündigt")


def test_files_that_no_path_names_are_refused(in_project, customers):
    """Three of four files in a folder."""
    paths = [Path(f"data/raw/{n}.csv") for n in range(4)]
    for path in paths:
        customers.to_csv(path, index=False)
    with pytest.raises(UsageError, match="No single path names"):
        drafting.make(paths[:3], Stated(target="gekündigt"))
    assert drafting.make(paths, Stated(target="gekündigt")).table.rows.shape[0] == 4 * N


def test_a_source_of_another_kind_stays(in_project, customers):
    """The table of `loop ingest`; its source is that of params.yaml already."""
    customers.to_parquet("data/ingested.parquet")
    draft = drafting.make([Path("data/ingested.parquet")], Stated(target="gekündigt"))
    assert parse(draft.files[Path("params.yaml")])["source"]["path"] == "data/raw/*.csv"
    assert not draft.table.copies


def test_a_column_that_gives_the_target_away_is_no_input(drafted, customers):
    """Train would refuse it; the draft leaves it out, and says why."""
    customers["Ende"] = np.where(customers["gekündigt"] == 1, "x", None)
    draft = drafted(customers, EUROPEAN, target="gekündigt")
    assert "Ende" not in draft.roles.inputs
    assert (
        "'Ende' alone predicts the target (ROC AUC 1.000): known only afterwards?" in draft.doubts
    )
    assert any(line.startswith("# Left out: 'Ende' alone") for line in schema_of(draft))


def test_a_number_that_ranks_like_the_target_is_no_input(drafted, customers):
    """The project's own tests would refuse it."""
    amount = customers["Umsatz"].str.replace(",", ".").astype(float)
    customers["netto"] = (amount / 1.19).round(1).astype(str).str.replace(".", ",")
    draft = drafted(customers, EUROPEAN, target="Umsatz")
    assert draft.roles.unused["netto"].startswith("alone predicts the target")


def test_a_code_of_few_values_is_a_category(drafted, customers):
    """Postcodes without a zero before them count nothing."""
    customers["PLZ"] = np.resize([10115, 80331, 20095], N)
    lines = schema_of(drafted(customers, EUROPEAN, target="gekündigt"))
    assert "PLZ: Series[str] = pa.Field(isin=PLZ_LEVELS)" in lines


@pytest.mark.parametrize(
    ("values", "style", "keys"),
    [
        (["1.234,5", "2.000,0", "12,25"], {"sep": ";"}, {"decimal": ",", "thousands": "."}),
        (["361.456", "98.200", "110.700"], {"sep": ";"}, {"decimal": ",", "thousands": "."}),
        (["1,234.5", "2,000.0", "12.25"], {}, {"thousands": ","}),
        (["1,5", "2,25", "3,0"], {}, {"decimal": ","}),
        (["1.5", "2.25", "3.125"], {"sep": ";"}, {}),
        (["1'234.5", "2'000", "12"], {"sep": "\t"}, {"thousands": "'"}),
    ],
)
def test_signs_of_numbers_are_found(drafted, customers, values, style, keys):
    """Decimal and thousands sign, as the columns show them."""
    table = customers[["Kunden-Nr", "gekündigt"]].assign(x=np.resize(values, N))
    source = parse(drafted(table, style, target="gekündigt").files[Path("params.yaml")])["source"]
    found = {key: source[key] for key in ("decimal", "thousands") if key in source}
    assert found == keys


def test_a_rare_class_has_no_limit_that_rests_on_a_few_rows(drafted, customers):
    """The log loss of 1 % is that of three rows or four."""
    customers["selten"] = (np.arange(N) % 60 == 0).astype(int)
    gate = parse(drafted(customers, EUROPEAN, target="selten").files[Path("gate.yaml")])
    assert set(gate["absolute"]) == {"roc_auc"}
