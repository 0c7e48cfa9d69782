"""The interface of a task: all that differs between kinds of prediction.

Stages, gate, report, endpoint and page ask a `Task` and know none by name. It has no state: what a
model learned is in its contract. Shapes: `y` has a row for each row of the table and `scores` what
the model gives for it; beyond that both are the task's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from typing_extensions import TypedDict

from mlops_loop.errors import UsageError
from mlops_loop.model.contract import Contract
from mlops_loop.stage_params import Export, Split, Target, Train
from mlops_loop.statistics.metrics import Metric
from mlops_loop.tasks.plot import Plot
from mlops_loop.tasks.task_draft import TaskDraft
from mlops_loop.tasks.task_names import TaskNames
from mlops_loop.tasks.task_refits import TaskRefits

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

Rows = tuple[np.ndarray, np.ndarray]  # the encoded columns (n_rows, n_columns), and y
MOST_WATCHED = 20  # scores of a row
typed_dict: Any = TypedDict  # made from a contract, which no type checker can follow
Prediction = dict[str, Any]  # what the endpoint answers for one row


class Output(NamedTuple):
    """An output tensor of the Open Inference Protocol; `shape` is that of the values of one row."""

    key: str  # of a prediction; a dict of several values is taken in its order
    datatype: str  # FP64, INT64, BOOL or BYTES
    shape: tuple[int, ...] = ()


class Task(ABC):
    """A kind of prediction; make one by a module in this folder that holds it as `TASK`."""

    name: str
    """What `task` in params.yaml and gate.yaml says."""
    metrics: Mapping[str, Metric]
    """By name all metrics of the task; the user's own join them in `metrics.py`."""
    gap_metrics: tuple[str, ...] = ()
    """Metrics that are compared between groups, beside the metric of the search."""
    skill_metric: str = ""
    """What baselines are compared by where a constant can be perfect in the gate's metric."""
    bounded_loss: str = ""
    """A metric that is a mean of losses: its daily mean is watched in production."""
    shallow_name: str = ""
    """What `shallow` fits, for messages."""
    leakage_metric: str = ""
    """What the number of `leakage_score` is, for its message."""
    leak_hint: str = "Look for a column that contains the answer."
    """What a person looks for where a result is too good to be true."""
    curve: str = ""
    """Name of the plot whose table (columns `predicted` and another) the report draws; or none."""

    refits: TaskRefits | None = None
    """What is fitted again to compare the model with; None: nothing is."""
    names: TaskNames | None = None
    """How names are kept that the model gives to what it finds; None: outcomes have theirs."""
    draft: TaskDraft | None = None
    """What `loop schema` drafts of the task; None: it does not offer it."""

    def gives_chances(self, contract: Contract) -> bool:
        """Whether a score is the probability of the second of two outcomes."""
        return False

    # Parameters and target

    def check(self, target: Target, split: Split, train: Train, export: Export) -> None:
        """Raise ValueError, with the key, for parameters that do not fit the task.

        Here: where `target.column` is left out. A task without a target overrides that.
        """
        if not target.column:
            raise ValueError("target.column is missing: name the column to predict")

    def check_model(self, model: BaseEstimator, name: str) -> None:
        """Raise UsageError for a model that does not fit the task; name: `train.estimator`."""
        return

    @abstractmethod
    def make_target(self, rows: pd.DataFrame, target: Target) -> pd.Series:
        """The target of each row, as it is stored in `_target`; missing stays missing.

        Raises DataRefused for a value that can be no target.
        """

    def check_parts(self, values: pd.Series, parts: pd.Series, target: Target) -> None:
        """Raise, before the search, for targets that no model of this split could be fitted to.

        values: `_target` of all clean rows. parts: 'train', 'validation' or 'holdout' for each.
        Raises DataRefused, and UsageError where `target` has to say more. Here: nothing.
        """
        return

    @abstractmethod
    def contract_facts(self, values: pd.Series, target: Target) -> dict[str, Any]:
        """`classes` or `target_unit` of the contract, from the targets of the training rows.

        `target`, too, where the parameters name no column.

        Raises DataRefused where these are too few or too alike to learn from.
        """

    @abstractmethod
    def encode_target(self, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
        """`y` of the rows, from `_target`: what models are fitted to and metrics compare with.

        Raises DataRefused for a target that the contract does not know.
        """

    def title(self, contract: Contract) -> str:
        """What a model does, in a few words."""
        return f"{self.name} of {contract.target}"

    @abstractmethod
    def describe_outcomes(self, contract: Contract) -> str:
        """The unit or the classes; two models that differ in it answer different questions."""

    # Training

    def folds(self, n: int, seed: int) -> Any:
        """A splitter of scikit-learn for `n` folds of rows in any order."""
        from sklearn.model_selection import KFold

        return KFold(n, shuffle=True, random_state=seed)

    def can_fit(self, y: np.ndarray, contract: Contract) -> bool:
        """Whether these rows, of a fold, are enough to fit a model of the contract."""
        return len(y) > 0

    def leakage_score(
        self, fitted: Rows, held: Rows, contract: Contract, is_category: bool
    ) -> float | None:
        """How well one column, (n_rows, 1) in both, predicts the target; 1 is perfectly.

        A simple model is fitted on `fitted`; the lower score on both counts. NaN: not defined.
        None: there is nothing that could leak.
        """
        return None

    def mutual_information(self) -> Any:
        """The function of scikit-learn for `train.select: mutual_information`."""
        raise UsageError(f"train.select needs a target, which {self.name} has not: leave it out.")

    def forest(self, **params: Any) -> BaseEstimator:
        """The forest whose importances decide for `train.select: importance`."""
        raise UsageError(f"train.select needs a target, which {self.name} has not: leave it out.")

    def learn_from_validation(
        self, pipeline: Pipeline, contract: Contract, held: Rows, train: Train
    ) -> tuple[Pipeline, Contract]:
        """Pipeline and contract with what the validation rows `held` teach, as a threshold.

        Raises DataRefused where these rows are too few or too alike.
        """
        return pipeline, contract

    @abstractmethod
    def constants(self, y: np.ndarray, contract: Contract) -> Mapping[str, Any]:
        """Scores of a row by models that know no column, from the training rows' `y` alone.

        By name, for messages, the scores that every row gets: (), or (n_scores,). A model has to
        beat the best of them for the metric, so name one that is good for each kind of metric.
        """

    def shallow(self, fitted: Rows, x: np.ndarray, contract: Contract) -> np.ndarray | None:
        """Scores of the rows `x` by a model of a few leaves or weights that `shallow_name` names.

        It is fitted on `fitted`; a missing value is NaN, a category its code. None: there is none.
        """
        return None

    def onnx_options(self) -> dict[str, Any] | None:
        """Options of skl2onnx for the pipeline, so that the scores are its last output."""
        return None

    # Reports

    def groups(self, scores: np.ndarray, contract: Contract) -> np.ndarray | None:
        """The group of each row, (n_rows,) texts, whose sizes and typical values are reported."""
        return None

    def watched(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        """The numbers of each row that the monitor watches, by name, each (n_rows,).

        A number as `score`, and so the probability of the second of two classes. Else each of the
        first scores, as `score:CLASS`.
        """
        if scores.ndim == 1:
            return {"score": scores.astype(float)}
        if scores.shape[1] == 2:
            return {"score": scores[:, 1].astype(float)}
        names: Sequence[Any] = contract.classes
        if len(names) != scores.shape[1]:
            names = range(scores.shape[1])
        shown = list(names)[:MOST_WATCHED]
        return {f"score:{name}": scores[:, i].astype(float) for i, name in enumerate(shown)}

    @abstractmethod
    def plots(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Plot]:
        """Plots of the holdout by name; those that these rows do not define are left out."""

    def curve_axis(self, contract: Contract) -> str:
        """What both lines of the report's curve show."""
        return contract.target

    @abstractmethod
    def card_text(self, contract: Contract, target: Target) -> str:
        """A sentence or two in Markdown for the model card: what is predicted."""

    def decision_rule(self, contract: Contract) -> str:
        """A sentence that says how scores become a prediction; empty where that is plain."""
        return ""

    # Predictions

    @abstractmethod
    def predictions(self, scores: np.ndarray, contract: Contract) -> list[Prediction]:
        """What the endpoint answers for each row; `prediction` is one of the keys."""

    def columns(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        """The same as columns of a table, each (n_rows,); of several values one column for each."""
        found: dict[str, list[Any]] = {}
        for prediction in self.predictions(scores, contract):
            for key, value in prediction.items():
                parts = value.items() if isinstance(value, dict) else [("", value)]
                for part, number in parts:
                    found.setdefault(f"{key}_{part}" if part else key, []).append(number)
        return {name: np.array(values) for name, values in found.items()}

    @abstractmethod
    def prediction_fields(self, contract: Contract) -> dict[str, Any]:
        """The type of each key of a prediction, as pydantic writes it into OpenAPI."""

    @abstractmethod
    def scores_of(self, prediction: Prediction, contract: Contract) -> list[float]:
        """The scores of one row out of its prediction, to compare them with the golden ones."""

    def about(self, contract: Contract) -> dict[str, str]:
        """What an answer says once, beside its predictions."""
        return {}

    @abstractmethod
    def outputs(self, contract: Contract) -> list[Output]:
        """The keys of a prediction as tensors of the Open Inference Protocol."""

    @abstractmethod
    def outcome(self, value: str | float, contract: Contract) -> str | float | None:
        """What came true, out of a text, number or boolean of `/feedback`; None: not allowed."""

    @abstractmethod
    def allowed_outcomes(self, contract: Contract) -> str:
        """In words, what `outcome` takes."""

    # The page

    @abstractmethod
    def headline(self, prediction: Prediction, contract: Contract) -> str:
        """The prediction as the page shows it."""

    def shares(self, prediction: Prediction) -> Mapping[str, float]:
        """Shares in [0, 1] that the page draws as bars, by name."""
        return {}

    @abstractmethod
    def explained(self, scores: np.ndarray) -> np.ndarray:
        """One number a row, (n_rows,), whose changes explain the prediction of the first row."""

    @abstractmethod
    def explained_name(self, prediction: Prediction, contract: Contract) -> str:
        """What the number of `explained` is, as in 'How much higher the ... is'."""

    @abstractmethod
    def describe_change(self, change: float, contract: Contract) -> str:
        """A change of that number with its sign and unit."""
