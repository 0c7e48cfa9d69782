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
    """When raw data are refused."""

    # of raw rows; with more that break RawRows the data are refused
    max_failed_share: Annotated[float, Field(ge=0, lt=1)]
    extra_columns: Extra = "ignore"  # what becomes of columns that RawRows does not name


class Target(Section):
    """What is predicted: a raw column, as it is or as 'more than `above`'. The task checks it."""

    column: str = ""  # the raw column that is predicted
    above: float | None = None  # makes two classes of a number: more than this, or not
    classes: tuple[Label, Label] | None = None  # labels for `above`, the positive one last
    positive: Label | None = None  # without `above`: the value that counts as positive
    unit: str = ""  # of a number, shown with it


class MaxDropped(Section):
    """The largest share of rows that `prepare` may drop for each reason before it refuses them.

    Of the rows that it reads; of the training rows for outliers.
    """

    left_out: Limit = 0.05  # rows that features.model_rows leaves out
    missing_target: Limit = 0.1  # rows whose target is missing
    repeated_key: Limit = 0.05  # rows whose key came before
    impossible_value: Limit = 0.05  # rows with a value that ModelInput does not allow
    beyond_float32: Limit = 0.05  # rows with a number that float32 cannot hold
    outlier: Limit = 0.1  # training rows, where prepare.outliers says drop


class Prepare(Section):
    """How raw rows become rows of the model: see outliers.py for `outliers` and `fences`."""

    key: tuple[str, ...] = ()  # columns that identify a row; none: all of them
    # raw columns to keep for slices, which the model does not see
    carry_columns: tuple[str, ...] = ()
    # by column of the model input what happens beyond the fences
    outliers: dict[str, Literal["flag", "clip", "drop"]] = Field(default_factory=dict)
    # quartile distances beyond the quartiles from which a number is an outlier
    fences: Annotated[float, Field(gt=0)] = 3.0
    # training rows; a category with fewer is taken as unseen
    min_category_count: Annotated[int, Field(ge=1)] = 1
    max_dropped_share: MaxDropped = MaxDropped()


class Split(Section):
    """How rows are divided; shares are of all rows that are left after cleaning."""

    strategy: Literal["time", "group", "stratified", "random"]  # how rows are divided
    column: str | None = None  # of the moment or the group, for `time` and `group`
    validation: Share  # the part that thresholds are chosen on
    holdout: Share  # the part that no model learns from
    # the rule of an earlier run, as in data/prepared/split.json: new rows do not move it
    pinned: dict[str, Any] | None = None
    # more of the holdout that may equal training rows than by chance
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

    by: Literal["mutual_information", "importance", "pca"]  # how features are ranked
    keep: Annotated[int, Field(ge=1)]  # how many the model gets


class Train(Section):
    """Estimator, search and what is learned around the model: see loop/docs/training.md."""

    estimator: str  # a key of ESTIMATORS in the project's estimators.py
    # how candidates are chosen from the grid
    search: Literal["grid", "random", "halving", "optuna"] = "random"
    # of candidates; null: that of estimators.py
    grid: dict[str, Annotated[list[Any], Field(min_length=1)]] | None = None
    n_iter: Annotated[int, Field(ge=1)] = 8  # candidates of `random` and `optuna`, at most
    folds: Annotated[int, Field(ge=2)] = 3  # of cross-validation
    scoring: str  # the metric by which candidates are compared
    select: Select | None = None
    # balanced: rare classes count as much as others
    class_weight: Literal["balanced"] | None = None
    early_stopping: bool = False  # whether training stops where validation gets no better
    # how probabilities are corrected, on the validation rows
    calibrate: Literal["sigmoid", "isotonic"] | None = None
    # from which probability on two classes are decided, or by which metric it is chosen
    threshold: Literal["balanced_accuracy", "f1"] | Share = 0.5
    # score of one feature alone that is a leak; 1: never
    leakage_threshold: Annotated[float, Field(gt=0, le=1)] = 0.995

    @model_validator(mode="after")
    def _stops_by_the_split(self) -> Train:
        if "early_stopping" in (self.grid or {}):
            raise ValueError("early_stopping would stop by random rows: set train.early_stopping")
        return self


class Export(Section):
    """File format of the exported model, and how far it may be from the pipeline."""

    format: Literal["onnx", "skops"] = "onnx"  # of the model's file
    # the largest difference of a score between the pipeline and its export
    tolerance: Annotated[float, Field(gt=0)] = 1e-5
    # rows with their scores, which every endpoint must repeat
    golden_rows: Annotated[int, Field(ge=1)] = 50


class Evaluate(Section):
    """Columns whose values are evaluated as slices, and the least rows for one.

    `resamples`, `confidence` and `cluster` are the rule of every interval, the gate's too: see
    statistics/resampling.py. 500 resamples give a standard error within 3 % (Efron and Tibshirani
    1993, section 6.4).
    """

    slices: tuple[str, ...] = ()  # columns whose values are evaluated one by one
    min_slice_rows: Annotated[int, Field(ge=1)] = 50  # of a value, to be evaluated
    resamples: Annotated[int, Field(ge=100, le=100_000)] = 500  # bootstrap draws of every interval
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95  # of every interval, the gate's too
    cluster: str | None = None  # a column of the holdout; rows with the same value are alike
    intended_use: str = ""  # a text for the model card
    limits: str = ""  # a text for the model card
