"""The sections of `params.yaml` that the stages and the tasks read; `params.py` reads the file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mlops_loop.sections import Section
from mlops_loop.values import label_of

Share = Annotated[float, Field(gt=0, lt=1)]
Limit = Annotated[float, Field(ge=0, le=1)]
Extra = Literal["ignore", "refuse"]


def _label(value: Any) -> Any:
    """The class that a scalar of YAML names: 0 and '0' are the same one."""
    return (isinstance(value, str | float | int) and label_of(value)) or value


Label = Annotated[str, BeforeValidator(_label)]


class Validate(Section):
    """The share of raw rows that may break the schema before the data are refused.

    And what becomes of columns that RawRows does not name, as a new one in a later file.
    """

    max_failed_share: Annotated[float, Field(ge=0, lt=1)]
    extra_columns: Extra = "ignore"


class Target(Section):
    """What is predicted: a raw column, as it is or as 'more than `above`'. The task checks it."""

    column: str = ""
    above: float | None = None
    classes: tuple[Label, Label] | None = None  # labels for `above`, the positive one last
    positive: Label | None = None  # without `above`: the value that counts as positive
    unit: str = ""


class MaxDropped(Section):
    """The largest share of rows that `prepare` may drop for each reason before it refuses them.

    Of the rows that it reads; of the training rows for outliers.
    """

    left_out: Limit = 0.05  # by features.model_rows
    missing_target: Limit = 0.1
    repeated_key: Limit = 0.05
    impossible_value: Limit = 0.05  # of the model input
    beyond_float32: Limit = 0.05
    outlier: Limit = 0.1  # where prepare.outliers says drop


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
    max_dropped_share: MaxDropped = MaxDropped()


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
    """How many features the model gets, and how they are selected on the rows to fit."""

    by: Literal["mutual_information", "importance", "pca"]
    keep: Annotated[int, Field(ge=1)]


class Train(Section):
    """Estimator, search and what is learned around the model: see loop/docs/training.md."""

    estimator: str  # a key of ESTIMATORS in the project's estimators.py
    search: Literal["grid", "random", "halving", "optuna"] = "random"
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = None  # None: its own
    n_iter: Annotated[int, Field(ge=1)] = 8  # candidates of `random` and `optuna`, at most
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

    `resamples`, `confidence` and `cluster` are the rule of every interval, the gate's too: see
    statistics/resampling.py. 500 resamples give a standard error within 3 % (Efron and Tibshirani
    1993, section 6.4). `intended_use` and `limits` are for the model card.
    """

    slices: tuple[str, ...] = ()
    min_slice_rows: Annotated[int, Field(ge=1)] = 50
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 500
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    cluster: str | None = None  # a column of the holdout; rows with the same value are alike
    intended_use: str = ""
    limits: str = ""
