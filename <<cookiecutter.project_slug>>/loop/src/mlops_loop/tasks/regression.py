"""The task `regression`: a number, in the unit of the target. `y` and scores are (n_rows,)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_loop.model.contract import Contract
from mlops_loop.stage_params import Export, Split, Target, Train
from mlops_loop.statistics import number_metrics
from mlops_loop.tasks.number_draft import NumberDraft
from mlops_loop.tasks.plot import Plot
from mlops_loop.tasks.target import TARGET, as_numbers
from mlops_loop.tasks.task import Output, Prediction, Rows, Task
from mlops_loop.text import with_unit

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator


class Regression(Task):
    """A number for each row."""

    name = "regression"
    metrics = number_metrics.METRICS
    gap_metrics = ("bias",)
    skill_metric = "rmse"
    bounded_loss = "mae"
    shallow_name = "a decision tree of depth 3"
    leakage_metric = "R2 of ranks"
    curve = "predicted"
    draft = NumberDraft()

    def check(self, target: Target, split: Split, train: Train, export: Export) -> None:
        super().check(target, split, train, export)
        if split.strategy == "stratified":
            raise ValueError("split.strategy 'stratified' needs classes: choose random or time")
        for key in ("above", "classes", "positive"):
            if getattr(target, key) is not None:
                raise ValueError(f"target.{key} makes classes: leave it out for {self.name}")
        for key in ("class_weight", "calibrate"):
            if getattr(train, key):
                raise ValueError(f"train.{key} is for classes: leave it out for {self.name}")

    def make_target(self, rows: pd.DataFrame, target: Target) -> pd.Series:
        return as_numbers(rows[target.column])

    def contract_facts(self, values: pd.Series, target: Target) -> dict[str, Any]:
        return {"target_unit": target.unit}

    def encode_target(self, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
        return rows[TARGET].to_numpy(dtype=float)

    def describe_outcomes(self, contract: Contract) -> str:
        return contract.target_unit

    def leakage_score(
        self, fitted: Rows, held: Rows, contract: Contract, is_category: bool
    ) -> float:
        from sklearn.tree import DecisionTreeRegressor

        # Few leaves cannot follow a long tail. 16 of them leave R2 of ranks below 0.997.
        known = np.sort(fitted[1])
        ranked = [(x, np.searchsorted(known, y) / len(known)) for x, y in (fitted, held)]
        depth = None if is_category else 6  # codes have no order: every level gets its leaf
        tree = DecisionTreeRegressor(max_depth=depth, min_samples_leaf=3, random_state=0)
        tree.fit(*ranked[0])
        return np.min([self.metrics["r2"](y, tree.predict(x), contract) for x, y in ranked])

    def mutual_information(self) -> Any:
        from sklearn.feature_selection import mutual_info_regression

        return mutual_info_regression

    def forest(self, **params: Any) -> BaseEstimator:
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(**params)

    def constants(self, y: np.ndarray, contract: Contract) -> dict[str, float]:
        """The best numbers for squared and absolute errors, and for the losses of quantiles."""
        low, middle, high = np.quantile(y, [0.1, 0.5, 0.9])
        known = {"the mean": y.mean(), "the median": middle}
        return known | {"the 10 % quantile": low, "the 90 % quantile": high}

    def shallow(self, fitted: Rows, x: np.ndarray, contract: Contract) -> np.ndarray:
        from sklearn.tree import DecisionTreeRegressor

        tree = DecisionTreeRegressor(max_depth=3, min_samples_leaf=20, random_state=0)
        return tree.fit(*fitted).predict(x)

    def plots(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Plot]:
        from mlops_loop.statistics import curves

        pairs, residuals = curves.predicted_and_actual(y, scores), curves.residuals(y, scores)
        dots, bars, unit = {"s": 8, "alpha": 0.4}, {"step": "mid"}, contract.target_unit
        return {
            "predicted": Plot(
                "Predicted and actual", "scatter", pairs, dots, "a perfect model", unit=unit,
                axes=(f"predicted {contract.target}", f"actual {contract.target}"),
            ),
            "residuals": Plot(
                "Residuals: actual - predicted", "fill_between", residuals, bars, unit=unit,
                axes=(f"residual of {contract.target}", "holdout rows"),
            ),
        }  # fmt: skip

    def curve_axis(self, contract: Contract) -> str:
        return with_unit(contract.target, contract.target_unit)

    def card_text(self, contract: Contract, target: Target) -> str:
        return f"Predicts `{contract.target}` as a number ({contract.target_unit or 'no unit'})."

    def predictions(self, scores: np.ndarray, contract: Contract) -> list[Prediction]:
        return [{"prediction": value} for value in scores.tolist()]

    def columns(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        return {"prediction": scores.astype(float)}

    def prediction_fields(self, contract: Contract) -> dict[str, Any]:
        return {"prediction": float}

    def scores_of(self, prediction: Prediction, contract: Contract) -> list[float]:
        return [prediction["prediction"]]

    def about(self, contract: Contract) -> dict[str, str]:
        return {"unit": contract.target_unit}

    def outputs(self, contract: Contract) -> list[Output]:
        return [Output("prediction", "FP64")]

    def outcome(self, value: str | float, contract: Contract) -> float | None:
        fits = not isinstance(value, str | bool) and abs(value) <= sys.float_info.max
        return float(value) if fits else None

    def allowed_outcomes(self, contract: Contract) -> str:
        return "a finite number"

    def headline(self, prediction: Prediction, contract: Contract) -> str:
        """Three digits, or whole, with the unit."""
        value = prediction["prediction"]
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
        return f"{number} {contract.target_unit}".strip()

    def explained(self, scores: np.ndarray) -> np.ndarray:
        return scores

    def explained_name(self, prediction: Prediction, contract: Contract) -> str:
        return "number"

    def describe_change(self, change: float, contract: Contract) -> str:
        return f"{change:+.3g} {contract.target_unit}".strip()


TASK = Regression()
