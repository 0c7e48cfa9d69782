"""Whatever a table holds, what is drafted from it passes `validate` and `prepare` with it."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlops_loop import params, project
from mlops_loop.draft import drafting, verify
from mlops_loop.draft.drafting import Draft
from mlops_loop.draft.roles import Stated
from mlops_loop.pipeline.derive import derive_contract

RUFF = ["--line-length", "100", "--target-version", "py311"]
RULES = ["--select", "B,C4,E,F,I,PT,RUF,SIM,UP,W"]
NAMES = [
    "x",
    "Größe (m²)",
    "class",
    "def",
    "mean area",
    "a.b",
    "1st",
    "_hidden",
    "validate",
    "self",
]
NAMES += [
    "int",
    "Config",
    "pd",
    "customer_id",
    "Kunden-Nr",
    "quote'\"s",
    "naïve",
    "Umsatz in €",
    "é",
    "e",
]
NAMES += ["Unnamed: 0", "very " * 20 + "long", "back\\slash", "price {x}", "items", "empty", "日付"]


def numbers(rng, n):
    return np.round(rng.normal(rng.uniform(-50, 500), rng.uniform(0.1, 300), n), 3)


def texts(*values):
    return lambda rng, n: rng.choice(np.array(values, dtype=object), n)


POOLS = {
    "numbers": numbers,
    "tiny": lambda rng, n: rng.normal(0, 1e-7, n),
    "huge": lambda rng, n: rng.normal(0, 1e12, n),
    "whole": lambda rng, n: rng.integers(-5, 300, n),
    "flag": lambda rng, n: rng.integers(0, 2, n),
    "ids": lambda rng, n: rng.permutation(np.arange(10**17, 10**17 + n)),
    "zeros": lambda rng, n: [f"{value:05d}" for value in rng.integers(0, 3000, n)],
    "long": lambda rng, n: [f"{10**20 + int(value)}" for value in rng.integers(0, 30, n)],
    "levels": texts("a", "b", "über", "NA", "it's", 'a "b"'),
    "words": texts("true", "FALSE"),
    "one": texts("DE"),
    "free": lambda rng, n: [f"Text {value}, und mehr" for value in rng.integers(0, 10**6, n)],
    "dates": lambda rng, n: [f"{d:02d}.{m:02d}.2021" for d, m in rng.integers(1, 13, (n, 2))],
    "iso": lambda rng, n: [
        f"2021-03-{d:02d}T{h:02d}:00:00Z" for d, h in rng.integers(1, 24, (n, 2))
    ],
    "nothing": lambda rng, n: [None] * n,
}
TARGETS = {
    "flag": (lambda rng, n: np.arange(n) % 2, "classification"),
    "three": (lambda rng, n: np.array(["lo", "mid", "hi"], dtype=object)[np.arange(n) % 3], None),
    "words": (lambda rng, n: np.array(["yes", "no"], dtype=object)[np.arange(n) % 2], None),
    "amount": (numbers, "regression"),
}
STYLES = [
    {},
    {"sep": ";", "decimal": ","},
    {"sep": "\t"},
    {"sep": "|"},
    {"encoding": "cp1252", "sep": ";"},
]


@st.composite
def tables(draw):
    """A table with a target `ziel`, and how its CSV is written."""
    n, rng = draw(st.sampled_from([60, 150, 400])), np.random.default_rng(draw(st.integers(0, 999)))
    style = draw(st.sampled_from(STYLES))
    names = [
        name for name in NAMES if name.isascii() or "encoding" not in style or name[0] in "Gné"
    ]
    picked = draw(st.lists(st.sampled_from(names), min_size=1, max_size=6, unique=True))
    columns = {name: POOLS[draw(st.sampled_from([*POOLS]))](rng, n) for name in picked}
    columns |= {"menge": numbers(rng, n)}  # one column that the model can have
    table = pd.DataFrame(columns)
    for name in picked:
        if draw(st.integers(0, 3)) == 0:
            table[name] = with_gaps(table[name], rng.random(n) < 0.2)
    kind = draw(st.sampled_from([*TARGETS]))
    table["ziel"] = TARGETS[kind][0](rng, n)
    return table, style, TARGETS[kind][1]


def with_gaps(values: pd.Series, gaps: np.ndarray) -> pd.Series:
    """Numbers stay numbers, so that their decimal sign is that of the others."""
    whole = pd.api.types.is_integer_dtype(values)
    return (values.astype("Int64") if whole else values).mask(gaps)


@pytest.fixture
def home(in_project):
    """Hypothesis calls a test many times in the one project."""
    return in_project


@settings(
    deadline=None,
    max_examples=30,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=tables())
def test_a_draft_passes_the_stages_with_its_table(home, case):
    """And pandera's models give a contract; the code is as `make lint` wants it."""
    table, style, task = case
    with tempfile.TemporaryDirectory(dir=home) as folder:
        path = Path(folder).relative_to(home) / "own.csv"
        table.to_csv(path, index=False, **style)
        draft = drafting.make([path], Stated(target="ziel"))
    assert task in (None, draft.roles.task)
    assert {"menge"} <= {*draft.roles.inputs}
    lost = {item.reason: item.n for item in draft.prepared.dropped if item.reason != "repeated_key"}
    assert sum(lost.values()) == 0
    contract_of(draft)
    code = draft.files[Path("src", project.package(), "schema.py")]
    is_clean(code)


def contract_of(draft: Draft):
    """The contract of the training rows."""
    texts = {path.name: text for path, text in draft.files.items()}
    with verify.as_package({n: t for n, t in texts.items() if n.endswith(".py")}):
        Path("params.draft").write_text(texts["params.yaml"], encoding="utf-8")
        own = params.load(Path("params.draft"))
        rows = draft.prepared.rows[draft.prepared.parts == "train"]
        return derive_contract(project.model_input().to_schema(), rows, own)


def is_clean(code: str) -> None:
    """By the rules of the generated project."""
    for command in (["format", "--diff", *RUFF, "-"], ["check", *RUFF, *RULES, "-"]):
        done = subprocess.run(["ruff", *command], input=code, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
