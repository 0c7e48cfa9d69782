"""Plots: the same numbers give the same files, and odd numbers give no error."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlops_loop.pipeline import plots
from mlops_loop.statistics.bootstrap import Contender
from mlops_loop.statistics.class_metrics import METRICS as CLASSES
from mlops_loop.statistics.number_metrics import METRICS as NUMBERS

KINDS = ["binary", "multi-class", "regression"]


LOSSES = [{"column": f"c$_{i}" * i, "loss": 0.1 - i / 100, "spread": 0.01} for i in range(20)]
METRIC = {"classification": CLASSES["roc_auc"], "regression": NUMBERS["rmse"]}


def write(scored: tuple, contract, folder) -> None:
    metric = METRIC[contract.task]
    plots.write_all(Contender("", "", contract, *scored), LOSSES, metric, folder)


def names(kind: str) -> set[str]:
    plots_of_task = "roc", "precision_recall", "calibration", "confusion"
    if kind == "regression":
        plots_of_task = "predicted", "residuals"
    return {f"{name}.{form}" for name in (*plots_of_task, "importance") for form in ("csv", "svg")}


@pytest.mark.parametrize("kind", KINDS)
def test_every_plot_has_the_same_bytes_every_time(tmp_path, make_scores, make_contract, kind):
    """Tables for DVC and pictures, without a time of day or a random id."""
    for folder in "ab":
        write(make_scores(kind), make_contract(kind), tmp_path / folder)
    found = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert set(found) == names(kind)
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_svg_and_tables_have_rows(tmp_path, make_scores, make_contract, kind):
    """Well-formed, and no table longer than what a browser draws quickly."""
    write(make_scores(kind, 3000), make_contract(kind), tmp_path)
    for path in tmp_path.glob("*.svg"):
        assert ET.parse(path).getroot().tag.endswith("svg")
    for path in set(tmp_path.glob("*.csv")) - {tmp_path / "confusion.csv"}:
        assert 2 <= len(pd.read_csv(path)) <= plots.MAX_POINTS


@pytest.mark.parametrize("kind", KINDS)
def test_axes_have_titles(tmp_path, make_scores, make_contract, kind):
    """Both of each picture, with units; a legend says what a line is."""
    write(make_scores(kind), replace(make_contract(kind), target_unit="EUR"), tmp_path)
    texts = {path.stem: " ".join(_texts(path)) for path in tmp_path.glob("*.svg")}
    titles = {
        "roc": ["false positive rate", "true positive rate", "chance"],
        "precision_recall": ["recall", "precision"],
        "calibration": ["predicted probability of", "observed share of", "a perfect model"],
        "confusion": ["predicted class", "actual class", "share of the actual class"],
        "importance": ["loss of roc_auc when the column is shuffled", "spread of the shuffles"],
    }
    if kind == "regression":
        shuffled = "loss of rmse when the column is shuffled (EUR)"
        titles = {
            "predicted": ["predicted outcome (EUR)", "actual outcome (EUR)", "perfect", "200 rows"],
            "residuals": ["residual of outcome (EUR)", "holdout rows"],
            "importance": [shuffled],
        }
    assert set(texts) == set(titles)
    for name, expected in titles.items():
        assert [title for title in expected if title not in texts[name]] == [], texts[name]


def _texts(path: Path) -> list[str]:
    """What is written in a picture: matplotlib leaves each text beside its outlines."""
    return re.findall("<!-- (.*?) -->", path.read_text(encoding="utf-8"))


def test_a_table_says_its_units(tmp_path, make_scores, make_contract):
    """In a column beside each that has one, for the page of `dvc plots`."""
    contract = replace(make_contract("regression"), target_unit="EUR")
    write(make_scores("regression"), contract, tmp_path)
    units = {}
    for path in tmp_path.glob("*.csv"):
        table = pd.read_csv(path)
        units[path.stem] = {c: set(table[c]) for c in table if c.endswith(" unit")}
    assert units == {
        "predicted": {"predicted unit": {"EUR"}, "actual unit": {"EUR"}},
        "residuals": {"residual unit": {"EUR"}},
        "importance": {"loss unit": {"EUR"}},
    }


def test_one_class_has_no_curves(tmp_path, make_scores, make_contract):
    """The importance is there, so that the stage has its output."""
    y, scores = make_scores()
    write((y * 0, scores), make_contract(), tmp_path / "plots")
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == {"importance"}


def test_a_class_that_does_not_occur_is_no_error(tmp_path, make_scores, make_contract):
    """Three classes known, two measured."""
    y, scores = make_scores("multi-class")
    write((np.minimum(y, 1), scores), make_contract("multi-class"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= names("multi-class")


@pytest.mark.parametrize("gap", [0.0, 5.0], ids=["perfect", "constant error"])
def test_residuals_without_spread_are_no_error(tmp_path, make_scores, make_contract, gap):
    """A model that is always right, or always wrong by the same."""
    y, _ = make_scores("regression")
    write((y, y + gap), make_contract("regression"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == names("regression")


def test_labels_are_text_and_no_formulas(tmp_path, make_scores, make_contract):
    r"""Dollars in class names: '<$50k and >$50k\x'."""
    contract = replace(make_contract(), classes=("<$50k", r"$50k\x$ & more"))
    write(make_scores(), contract, tmp_path)
    assert ET.parse(tmp_path / "confusion.svg")
