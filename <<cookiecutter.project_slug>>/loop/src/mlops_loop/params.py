"""The only reader of `params.yaml`: what changes the model, typed and frozen.

A value that is not allowed is a UsageError that names the key, the value and what is allowed.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlops_loop.errors import UsageError
from mlops_loop.paths import SOURCE_STATE
from mlops_loop.text import public_url

SEE = "See loop/docs/sources.md"
Variable = Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")]
Share = Annotated[float, Field(gt=0, lt=1)]
Model = TypeVar("Model", bound=BaseModel)


# Keys of earlier versions, and what they are called now.
RENAMED = {
    "source.watch": "source.fingerprint",
    "prepare.keep": "prepare.carry_columns",
    "prepare.rare_rows": "prepare.min_category_count",
    "train.candidates": "train.n_iter",
    "train.leak_above": "train.leakage_threshold",
}


class Section(BaseModel):
    """A part of a YAML file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Files(Section):
    """Files that fsspec can read, by path, glob or URL."""

    kind: Literal["files"] = "files"
    path: str
    format: Literal["csv", "parquet"] = "csv"
    fingerprint: str  # what DVC looks at for changes: the folder, or data/source.json

    @model_validator(mode="after")
    def _fingerprint_fits(self) -> Files:
        if re.search("://[^/@]*:[^/]*@", self.path):
            raise ValueError(f"path has a password in it, and this file is committed. {SEE}")
        local = "://" not in self.path and PurePath(self.path).is_relative_to(self.fingerprint)
        if not local and self.fingerprint != str(SOURCE_STATE):
            raise ValueError(
                f"fingerprint must be {SOURCE_STATE}, or for local files the folder of {self.name}"
            )
        return self

    @property
    def name(self) -> str:
        """The path; a URL without user and query, which may hold what is secret."""
        return public_url(self.path)


class Sql(Section):
    """Rows of a query; the database's URL is in the environment variable `url_env`."""

    kind: Literal["sql"] = "sql"
    query: str  # path of a file
    url_env: Variable = "DATABASE_URL"
    chunk_rows: Annotated[int, Field(ge=1)] = 50_000
    fingerprint: Literal["data/source.json"]

    @property
    def name(self) -> str:
        """The path of the query."""
        return self.query


class Api(Section):
    """Rows of a JSON API; `rows` and `next` are dotted paths in its answers."""

    kind: Literal["api"] = "api"
    url: str
    rows: str = ""  # empty: the answer itself is the list
    next: str = ""  # empty: the header Link with rel=next, where there is one
    page_param: str = ""  # counts from 1 until a page has no rows
    token_env: Variable | None = None
    fingerprint: Literal["data/source.json"]

    @model_validator(mode="after")
    def _is_usable(self) -> Api:
        if not re.match("https?://[^/@]+(/|$)", self.url):
            raise ValueError(f"url must be http(s)://HOST/PATH, without user or password. {SEE}")
        if self.next and self.page_param:
            raise ValueError("next and page_param are two ways of paging: give one")
        return self

    @property
    def name(self) -> str:
        """The URL without its query."""
        return public_url(self.url)


Source = Annotated[Files | Sql | Api, Field(discriminator="kind")]


class Validate(Section):
    """The share of raw rows that may break the schema before the data are refused."""

    max_failed_share: Annotated[float, Field(ge=0, lt=1)]


class Target(Section):
    """What is predicted: a raw column, as it is or as 'more than `above`'."""

    column: str
    above: float | None = None
    classes: tuple[str, str] | None = None  # labels for `above`, the positive one last
    positive: str | None = None  # without `above`: the value that counts as positive
    unit: str = ""


class Prepare(Section):
    """Columns that identify a row (none: all together), and those to carry along for slices.

    `outliers` says by column what happens to values beyond the `fences` (see outliers.py);
    categories with fewer than `min_category_count` training rows are taken as unseen.
    """

    key: tuple[str, ...] = ()
    carry_columns: tuple[str, ...] = ()
    outliers: dict[str, Literal["flag", "clip", "drop"]] = Field(default_factory=dict)
    fences: Annotated[float, Field(gt=0)] = 3.0
    min_category_count: Annotated[int, Field(ge=1)] = 1


class Split(Section):
    """How rows are divided; shares are of all rows that are left after cleaning.

    `pinned` is (a part of) the rule of an earlier run, as data/prepared/split.json has it.
    """

    strategy: Literal["time", "group", "stratified", "random"]
    column: str | None = None
    validation: Share
    holdout: Share
    pinned: dict[str, Any] | None = None
    max_overlap: Annotated[float, Field(ge=0, le=1)] = 0.01

    @model_validator(mode="after")
    def _needs_column(self) -> Split:
        if self.strategy in ("time", "group") and not self.column:
            raise ValueError(f"strategy {self.strategy!r} needs a column")
        if self.validation + self.holdout >= 0.9:
            raise ValueError("validation and holdout together must stay under 0.9")
        return self


class Select(Section):
    """How many features the model gets, and how they are found on the rows to fit."""

    by: Literal["mutual_information", "importance", "pca"]
    keep: Annotated[int, Field(ge=1)]


class Train(Section):
    """Estimator, search and what is learned around the model: see loop/docs/training.md."""

    estimator: str  # a key of ESTIMATORS in the project's estimators.py
    search: Literal["grid", "random", "halving"] = "random"
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = None  # None: its own
    n_iter: Annotated[int, Field(ge=1)] = 8  # candidates of a random search, at most
    folds: Annotated[int, Field(ge=2)] = 3
    scoring: str
    select: Select | None = None
    class_weight: Literal["balanced"] | None = None
    early_stopping: bool = False
    calibrate: Literal["sigmoid", "isotonic"] | None = None
    threshold: Literal["balanced_accuracy", "f1"] | Share = 0.5
    leakage_threshold: Annotated[float, Field(gt=0, le=1)] = 0.995  # 1: nothing is a leak

    @model_validator(mode="after")
    def _stops_by_the_split(self) -> Train:
        if "early_stopping" in (self.grid or {}):
            raise ValueError("early_stopping would stop by random rows: set train.early_stopping")
        return self


class Export(Section):
    """File format of the exported model, and how far it may be from the pipeline."""

    format: Literal["onnx", "skops"] = "onnx"
    tolerance: Annotated[float, Field(gt=0)] = 1e-5
    golden_rows: Annotated[int, Field(ge=1)] = 50


class Evaluate(Section):
    """Columns whose values are evaluated as slices, and the least rows for one.

    `resamples` are drawn for each interval; 200 suffice for a standard error (Efron and
    Tibshirani 1993, section 6.4). `intended_use` and `limits` are for the model card.
    """

    slices: tuple[str, ...] = ()
    min_slice_rows: Annotated[int, Field(ge=1)] = 50
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 200
    intended_use: str = ""
    limits: str = ""


class Params(Section):
    """`params.yaml`, whole."""

    task: Literal["classification", "regression"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    source: Source
    validate_: Validate = Field(alias="validate")
    target: Target
    prepare: Prepare
    split: Split
    train: Train
    export: Export
    evaluate: Evaluate

    @model_validator(mode="after")
    def _target_fits_task(self) -> Params:
        target = self.target
        if self.task == "regression" and self.split.strategy == "stratified":
            raise ValueError("split.strategy 'stratified' needs classes: choose random or time")
        for name in ("above", "classes", "positive"):
            if self.task == "regression" and getattr(target, name) is not None:
                raise ValueError(f"target.{name} makes classes: leave it out for regression")
        for name in ("class_weight", "calibrate"):
            if self.task == "regression" and getattr(self.train, name):
                raise ValueError(f"train.{name} is for classes: leave it out for regression")
        if self.train.calibrate == "isotonic" and self.export.format == "onnx":
            raise ValueError("ONNX has no train.calibrate: isotonic: set export.format: skops")
        if target.above is not None and target.classes is None:
            raise ValueError("target.above needs target.classes: [NEGATIVE, POSITIVE]")
        if target.classes is not None and target.above is None:
            raise ValueError("target.classes names the sides of target.above: give both or none")
        if target.positive is not None and target.above is not None:
            raise ValueError("target.positive is the last of target.classes: leave it out")
        return self


def load(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`; raises UsageError."""
    return read_yaml(path, Params)


def read_yaml(path: Path, model: type[Model]) -> Model:
    """A YAML file as `model`; raises UsageError naming the file, the key and the value."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing. Run this in the project's root folder.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(path, item) for item in error.errors())) from error


def _explain(path: Path, item: Any) -> str:
    parts, shown = item["loc"], f" = {item['input']!r}"
    if source := parts[:1] == ("source",):
        parts = ("source", *parts[2:])  # without the kind, which is no level of the file
    # A password in the wrong place is under an unknown key, or where a variable's name should be.
    secret = source and item["type"] in ("extra_forbidden", "string_pattern_mismatch")
    if secret or isinstance(item["input"], dict):
        shown = ""
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "extra_forbidden" and (new := RENAMED.get(".".join(map(str, parts)))):
        message = f"it is called {new} now: rename it"
    if item["type"] == "union_tag_not_found":
        message = "kind is missing: 'files', 'sql' or 'api'"
    return f"{path}: {'.'.join(map(str, parts)) or 'file'}{shown}: {message}."
