"""Each option of pandera in the table of data-rules.md: honoured to the prediction, or refused.

By the stages from a CSV to a bundle, whose golden rows the endpoint's reader takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Optional

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera import extensions
from pandera.typing import Index, Series

from mlops_loop import files, paths
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.rows import RowReader
from mlops_loop.model.bundle import Bundle

PAGE = Path(__file__).parents[2] / "docs" / "data-rules.md"


class Raw(pa.DataFrameModel):
    """Raw rows that most cases extend: inheritance is one of the options."""

    id: Series[int]
    size: Series[float] = pa.Field(nullable=True)
    colour: Series[str]


class Inputs(pa.DataFrameModel):
    """The model input that most cases extend."""

    size: Series[float] = pa.Field(nullable=True)
    colour: Series[str]


@extensions.register_check_method(statistics=["most"])
def is_below_most(values, *, most):
    """A check of an extension, for columns and tables."""
    numbers = values if isinstance(values, pd.Series) else values["size"]
    return numbers < most


def extended(base: type, config: dict[str, Any] | None = None, **members: Any) -> Any:
    """A model with more columns, `name=(type, field)`, methods, or settings."""
    columns = {name: member for name, member in members.items() if isinstance(member, tuple)}
    body = {name: member for name, member in members.items() if name not in columns}
    body |= {name: field for name, (_, field) in columns.items()}
    body["__annotations__"] = {name: kind for name, (kind, _) in columns.items()}
    body["Config"] = type("Config", (), config or {})
    return type("RawRows" if base is Raw else "ModelInput", (base,), body)


class Facts(NamedTuple):
    """What a run left: the report of `validate`, the columns of the contract, and the bundle."""

    report: dict[str, Any]
    columns: dict[str, Any]
    bundle: Bundle

    def takes(self, **changes: Any) -> bool:
        """Whether the API and the web form, which trims text, take a golden row with changes."""
        taken = self.taken(changes)
        assert taken[0] == taken[1] or None not in taken
        return taken[0] is not None

    def taken(self, changes: dict[str, Any]) -> list[dict[str, Any] | None]:
        """A golden row with changes as the API and as the form read it; None: refused."""
        row = self.bundle.golden()[0]["row"] | changes
        reader, taken = RowReader(self.bundle.contract, 1), []
        form = {name: "" if value is None else str(value) for name, value in row.items()}
        for read in (lambda: reader.check([row])[0], lambda: reader.read_form(form)):
            try:
                taken.append(read())
            except RowsRefused:
                taken.append(None)
        return taken


class Case(NamedTuple):
    """An option in RawRows and in ModelInput; what it does, or the words that refuse it."""

    raw: Any
    raw_result: Callable[[Facts], Any] | str
    inputs: Any
    inputs_result: Callable[[Facts], Any] | str


def failed(check: str, column: str = "size") -> Callable[[Facts], bool]:
    """Some rows are in quarantine for this check."""
    return lambda facts: (
        (column, check) in [(item["column"], item["check"]) for item in facts.report["failures"]]
    )


MAYBE = Optional[Series[float]]  # noqa: UP045
BELOW = pa.Field(nullable=True, lt=19)
SIZE = Series[float]
PLAIN = pa.Field(nullable=True)
CASES = {
    "`Optional`, `required=False`": Case(
        extended(Raw, gust=(MAYBE, PLAIN)),
        lambda f: f.report["columns"]["absent"] == ["gust"],
        extended(Inputs, gust=(MAYBE, PLAIN)),
        "Optional of 'gust'.*nullable=True",
    ),
    "`regex=True`": Case(
        extended(Raw, s=(SIZE, pa.Field(alias="siz.", regex=True, lt=19))),
        failed("less_than(19)"),
        extended(Inputs, s=(SIZE, pa.Field(alias="siz.", regex=True))),
        r"regex of 'siz\.'.*one field for each",
    ),
    "`add_missing_columns`": Case(
        extended(Raw, {"add_missing_columns": True}, gust=(SIZE, pa.Field(default=1.0))),
        lambda f: f.report["columns"]["absent"] == ["gust"],
        extended(Inputs, {"add_missing_columns": True}),
        "add_missing_columns.*features.model_rows",
    ),
    "`default`": Case(
        extended(Raw, size=(SIZE, pa.Field(default=5.0))),
        lambda f: f.report["filled"]["size"] > 5,
        extended(Inputs, size=(SIZE, pa.Field(default=5.0))),
        "default of 'size'.*nullable=True",
    ),
    "`@pa.parser`, `@pa.dataframe_parser`": Case(
        extended(Raw, p=pa.parser("size")(lambda cls, values: values.where(values > 3))),
        lambda f: f.report["became_missing"]["size"] > 5,
        extended(Inputs, p=pa.dataframe_parser(lambda cls, rows: rows.assign(size=1.0))),
        "parser.*features.model_rows",
    ),
    "`@pa.check`, checks of an extension": Case(
        extended(Raw, size=(SIZE, pa.Field(nullable=True, is_below_most={"most": 19}))),
        failed("is_below_most(most=19)"),
        extended(Inputs, c=pa.check("size")(lambda cls, values: values < 19)),
        "ModelInput.size has the check .*move it to RawRows",
    ),
    "`@pa.dataframe_check`, the same in `Config`": Case(
        extended(Raw, {"is_below_most": {"most": 19}}, size=(SIZE, pa.Field())),
        lambda f: f.report["n_failed"] > 5,
        extended(Inputs, c=pa.dataframe_check(lambda cls, rows: rows["size"] < 19)),
        "dataframe_check.*move it to RawRows",
    ),
    "`unique`, of a field or in `Config`": Case(
        extended(Raw, {"unique": ["id"]}),
        lambda f: f.report["n_failed"] == 0,
        extended(Inputs, {"unique": ["size", "colour"]}),
        "unique.*prepare.key",
    ),
    "`strict = True`": Case(
        extended(
            Raw,
            {"strict": True},
            count=(Series[int], pa.Field()),
            outcome=(Series[str], pa.Field()),
        ),
        lambda f: f.report["columns"]["extra"] == [],
        extended(Inputs, {"strict": True}),
        'strict = True.*strict = "filter"',
    ),
    '`strict = "filter"`': Case(
        extended(Raw, {"strict": "filter"}, outcome=(Series[str], pa.Field())),
        lambda f: f.report["columns"]["filtered"],
        extended(Inputs, {"strict": "filter"}),
        lambda f: list(f.columns) == ["size", "colour"],
    ),
    "`ordered`": Case(
        extended(Raw, {"ordered": True}),
        lambda f: True,
        extended(Inputs, {"ordered": True}),
        "ordered.*by name",
    ),
    "`ge`, `le`, `in_range`, `isin`, `str_matches`": Case(
        extended(Raw, size=(SIZE, pa.Field(nullable=True, le=19))),
        failed("less_than_or_equal_to(19)"),
        extended(Inputs, size=(SIZE, pa.Field(nullable=True, ge=-10, in_range=(-50, 90)))),
        lambda f: f.takes(size=-10.0) and not f.takes(size=-10.1) and not f.takes(size=91.0),
    ),
    "`$` in `str_matches`": Case(
        extended(Raw, colour=(Series[str], pa.Field(str_matches="^(red|green)$"))),
        lambda f: f.report["n_failed"] > 5,
        extended(Inputs, colour=(Series[str], pa.Field(str_matches="^(red|green|blue)$"))),
        lambda f: f.takes(colour="red") and not f.taken({"colour": "red\n"})[0],
    ),
    "`gt`, `lt`, `in_range` without its ends": Case(
        extended(Raw, size=(SIZE, BELOW)),
        failed("less_than(19)"),
        extended(Inputs, size=(SIZE, BELOW)),
        "'less_than'.*number.*ge and le",
    ),
    "the same of an `int`": Case(
        extended(Raw, id=(Series[int], pa.Field(gt=4))),
        failed("greater_than(4)", "id"),
        extended(Inputs, count=(Series[int], pa.Field(gt=-1, lt=40))),
        lambda f: f.takes(count=39) and not f.takes(count=40) and not f.takes(count=-1),
    ),
    "`eq`, `ne`, `notin`, `str_length`, `str_startswith`, …": Case(
        extended(Raw, colour=(Series[str], pa.Field(str_length=(4, 5)))),
        failed("str_length(4, 5)", "colour"),
        extended(Inputs, colour=(Series[str], pa.Field(str_length=(3, 5)))),
        r"write str_matches='\^\.\{3,5\}\$'",
    ),
    "`nullable`, `alias`, `title`, `description`": Case(
        extended(Raw, s=(SIZE, pa.Field(alias="size", nullable=True))),
        lambda f: f.columns["size"].nullable,
        extended(Inputs, s=(SIZE, pa.Field(alias="size", nullable=True, title="Length"))),
        lambda f: f.columns["size"].title == "Length" and f.takes(size=None),
    ),
    "models that inherit": Case(
        extended(Raw, count=(Series[int], pa.Field(ge=0))),
        lambda f: True,
        extended(Inputs, count=(Series[int], pa.Field(ge=0))),
        lambda f: list(f.columns) == ["size", "colour", "count"] and not f.takes(count=-1),
    ),
    "`coerce`": Case(
        extended(Raw, {"coerce": False}),
        lambda f: f.report["n_failed"] == 0,
        extended(Inputs, {"coerce": False}),
        lambda f: f.columns["size"].kind == "number",
    ),
    "`raise_warning=True`": Case(
        extended(Raw, size=(SIZE, pa.Field(nullable=True, lt=19, raise_warning=True))),
        lambda f: f.report["n_failed"] == 0 and "less_than(19)" in f.report["warnings"][0],
        extended(Inputs, size=(SIZE, pa.Field(nullable=True, le=99, raise_warning=True))),
        "raise_warning of 'size'",
    ),
    "`ignore_na=False`": Case(
        extended(Raw, size=(SIZE, pa.Field(nullable=True, le=999, ignore_na=False))),
        failed("less_than_or_equal_to(999)"),
        extended(Inputs, size=(SIZE, pa.Field(nullable=True, le=999, ignore_na=False))),
        "ignore_na=False of 'size'.*remove nullable",
    ),
    "`n_failure_cases`": Case(
        extended(Raw, size=(SIZE, pa.Field(nullable=True, le=18, n_failure_cases=1))),
        lambda f: f.report["failures"][0]["n_rows"] > 5,
        extended(Inputs, size=(SIZE, pa.Field(nullable=True, le=99, n_failure_cases=1))),
        lambda f: not f.takes(size=100.0),
    ),
    "categories of a type": Case(
        extended(
            Raw,
            colour=(
                Series[pd.CategoricalDtype],
                pa.Field(dtype_kwargs={"categories": ["red", "green"]}),
            ),
        ),
        lambda f: f.report["n_failed"] > 5,
        extended(
            Inputs,
            colour=(Series[pd.CategoricalDtype], pa.Field(dtype_kwargs={"categories": ["red"]})),
        ),
        r"isin=\['red'\]",
    ),
    "`drop_invalid_rows`": Case(
        extended(Raw, {"drop_invalid_rows": True}),
        "RawRows: drop_invalid_rows",
        extended(Inputs, {"drop_invalid_rows": True}),
        "ModelInput: drop_invalid_rows",
    ),
    "`Index`": Case(
        extended(Raw, i=(Index[int], pa.Field())),
        "RawRows: Index",
        extended(Inputs, i=(Index[int], pa.Field())),
        "ModelInput: Index",
    ),
    "`dtype` in `Config`": Case(
        extended(Raw, {"dtype": str}),
        r"RawRows: Config\.dtype",
        extended(Inputs, {"dtype": float}),
        r"ModelInput: Config\.dtype",
    ),
}


def rows_of_page() -> dict[str, tuple[str, str]]:
    """What the table of the page says of each option, in RawRows and in ModelInput."""
    text = PAGE.read_text(encoding="utf-8").partition("\n## Options of pandera\n")[2]
    lines = re.findall(r"^\| (.*) \| (.*) \| (.*) \|$", text.partition("\n## ")[0], re.M)
    return {option: (raw, inputs) for option, raw, inputs in lines[1:]}


def test_the_page_has_each_option_and_says_what_happens():
    """Refused where it is refused here, and nowhere else."""
    said = {
        option: tuple(words.startswith("refused") for words in both)
        for option, both in rows_of_page().items()
    }
    assert said == {
        option: (isinstance(case.raw_result, str), isinstance(case.inputs_result, str))
        for option, case in CASES.items()
    }


@pytest.fixture(scope="module")
def table(make_rows) -> str:
    """A CSV without the columns that would need other settings."""
    rows = make_rows(240)[["id", "size", "colour", "count", "outcome"]]
    return rows.assign(size=rows["size"].round(3)).to_csv(index=False)


@pytest.mark.parametrize("model", ["RawRows", "ModelInput"])
@pytest.mark.parametrize("option", CASES)
def test_it_is_honoured_to_the_prediction_or_refused(
    option, model, table, run_stages, refused, monkeypatch
):
    """A bundle answers its golden rows through the endpoint's reader (`run_stages`)."""
    case, is_raw = CASES[option], model == "RawRows"
    schema, expected = case[:2] if is_raw else case[2:]
    raw, inputs = (schema, Inputs) if is_raw else (Raw, schema)
    limits = {"validate.max_failed_share": 0.9}
    result = run_stages(table, inputs, "binary", limits, raw)
    if isinstance(expected, str):
        refused(result, f"(?s){expected}")
        return
    assert isinstance(result, Bundle), result
    report = files.read_json(result.folder.parents[1] / paths.VALIDATION_REPORT)
    columns = {column.name: column for column in result.contract.columns}
    assert expected(Facts(report, columns, result))
