"""The task `classification`: one of two or more classes, with the probability of each.

`y` are positions of classes (n_rows,), scores are probabilities (n_rows, n_classes) in the order of
the contract's `classes`. With two classes the second is the positive one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mlops_loop.errors import DataRefused
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import raw_scores
from mlops_loop.stage_params import Export, Split, Target, Train
from mlops_loop.statistics import class_metrics
from mlops_loop.tasks import class_labels
from mlops_loop.tasks.class_draft import ClassDraft
from mlops_loop.tasks.plot import Plot
from mlops_loop.tasks.target import TARGET, as_numbers
from mlops_loop.tasks.task import Output, Prediction, Rows, Task, typed_dict
from mlops_loop.text import listed, short
from mlops_loop.values import label_of

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

LEAST_OF_CLASS = 5  # validation rows, to learn a calibration from
UNIT_SQUARE = {"xlim": (0, 1), "ylim": (0, 1.02)}
Share = Annotated[float, Field(ge=0, le=1)]


class Classification(Task):
    """A class for each row; labels are texts."""

    name = "classification"
    metrics = class_metrics.METRICS
    gap_metrics = ("recall",)  # equal opportunity (Hardt et al. 2016)
    skill_metric = "roc_auc"
    bounded_loss = "brier"
    shallow_name = "a decision tree of depth 3"
    leakage_metric = "ROC AUC"
    curve = "calibration"
    draft = ClassDraft()

    def gives_chances(self, contract: Contract) -> bool:
        return len(contract.classes) == 2

    def check(self, target: Target, split: Split, train: Train, export: Export) -> None:
        super().check(target, split, train, export)
        if train.calibrate == "isotonic" and export.format == "onnx":
            raise ValueError("ONNX has no train.calibrate: isotonic: set export.format: skops")
        if target.above is not None and target.classes is None:
            raise ValueError("target.above needs target.classes: [NEGATIVE, POSITIVE]")
        if target.classes is not None and target.above is None:
            raise ValueError("target.classes names the sides of target.above: give both or none")
        if target.positive is not None and target.above is not None:
            raise ValueError("target.positive is the last of target.classes: leave it out")

    def make_target(self, rows: pd.DataFrame, target: Target) -> pd.Series:
        """Values as `values.label_of`, or the side of `target.above`; the limit is not above."""
        from mlops_loop.columns import labels as labels_of

        values = rows[target.column]
        if target.above is None or target.classes is None:
            return labels_of(values)
        numbers = as_numbers(values)
        labels = (numbers > target.above).map(dict(zip((False, True), target.classes, strict=True)))
        return labels.astype(object).where(numbers.notna(), None)

    def check_parts(self, values: pd.Series, parts: pd.Series, target: Target) -> None:
        """Each class has a training row; of two, the parameters say which is the positive one."""
        class_labels.check_parts(values, parts, target)

    def contract_facts(self, values: pd.Series, target: Target) -> dict[str, Any]:
        """In alphabetical order, the positive class last."""
        labels, positive = class_labels.to_learn(values), target.positive
        if target.classes:
            return {"classes": target.classes}
        class_labels.require_positive(labels, target)
        return {"classes": tuple(sorted(labels, key=lambda label: (label == positive, label)))}

    def encode_target(self, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
        positions = {label: i for i, label in enumerate(class_labels.known(contract))}
        labels = rows[TARGET].map(label_of)
        if new := sorted(set(labels) - set(positions)):
            raise DataRefused(
                f"Classes {listed(new)} do not occur in training: {listed(contract.classes)}."
            )
        return labels.map(positions).to_numpy(dtype=int)

    def describe_outcomes(self, contract: Contract) -> str:
        return ", ".join(class_labels.known(contract))

    def folds(self, n: int, seed: int) -> Any:
        from sklearn.model_selection import StratifiedKFold

        return StratifiedKFold(n, shuffle=True, random_state=seed)

    def can_fit(self, y: np.ndarray, contract: Contract) -> bool:
        return len(np.unique(y)) >= len(contract.classes)

    def leakage_score(
        self, fitted: Rows, held: Rows, contract: Contract, is_category: bool
    ) -> float:
        from sklearn.tree import DecisionTreeClassifier

        depth = None if is_category else 4  # codes have no order: every level gets its leaf
        tree = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=3, random_state=0)
        tree.fit(*fitted)
        auc = self.metrics["roc_auc"]
        return np.min([auc(y, tree.predict_proba(x), contract) for x, y in (fitted, held)])

    def mutual_information(self) -> Any:
        from sklearn.feature_selection import mutual_info_classif

        return mutual_info_classif

    def forest(self, **params: Any) -> BaseEstimator:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(**params)

    def learn_from_validation(
        self, pipeline: Pipeline, contract: Contract, held: Rows, train: Train
    ) -> tuple[Pipeline, Contract]:
        """A calibration of the probabilities, then the threshold of two classes."""
        if train.calibrate:
            pipeline = self._calibrate(pipeline, train.calibrate, held, contract)
        threshold = self._threshold(pipeline, contract, held, train.threshold)
        return pipeline, replace(contract, threshold=threshold)

    def _calibrate(
        self, pipeline: Pipeline, method: str, held: Rows, contract: Contract
    ) -> Pipeline:
        from mlops_loop.statistics.calibration import calibrate

        counts = np.bincount(held[1], minlength=len(contract.classes))
        if counts.min() < LEAST_OF_CLASS:
            raise DataRefused(
                f"train.calibrate needs {LEAST_OF_CLASS} validation rows of every class, and "
                f"{contract.classes[counts.argmin()]!r} has {counts.min()}. Set calibrate: null."
            )
        return calibrate(pipeline, method, *held)

    def _threshold(
        self, pipeline: Pipeline, contract: Contract, held: Rows, rule: str | float
    ) -> float:
        if not _is_binary(contract):
            return contract.threshold
        from mlops_loop.statistics.calibration import choose_threshold, refuse_one_sided

        positive = raw_scores(pipeline, held[0])[:, 1]
        if isinstance(rule, str):
            return choose_threshold(rule, held[1], positive)
        refuse_one_sided(rule, held[1], positive, contract.classes[1])
        return rule

    def constants(self, y: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        """The shares of the classes; and always the most frequent one, or the second of two."""
        n_classes = len(contract.classes)
        counts, sure = np.bincount(y, minlength=n_classes), np.eye(n_classes)
        always = {int(counts.argmax()), *([1] if n_classes == 2 else [])}
        named = {f"always {contract.classes[k]!r}": sure[k] for k in sorted(always)}
        return {"the shares of the classes": counts / len(y), **named}

    def shallow(self, fitted: Rows, x: np.ndarray, contract: Contract) -> np.ndarray:
        """The shares in each leaf, with one more row of the shares of all (Cestnik 1990)."""
        from sklearn.tree import DecisionTreeClassifier

        tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=20, random_state=0).fit(*fitted)
        scores = np.zeros((len(x), len(contract.classes)))
        n_rows = tree.tree_.n_node_samples[tree.apply(x)][:, None]
        whole = tree.tree_.value[0]
        scores[:, tree.classes_] = (tree.predict_proba(x) * n_rows + whole) / (n_rows + 1)
        return scores

    def onnx_options(self) -> dict[str, Any]:
        return {"zipmap": False}

    def plots(self, y: np.ndarray, scores: np.ndarray, contract: Contract) -> dict[str, Plot]:
        """Curves are of the last class against the others; there are none without both."""
        from mlops_loop.statistics import curves

        positive, share, labels = y == len(contract.classes) - 1, scores[:, -1], contract.classes
        if len(np.unique(positive)) < 2:
            return {}
        decided = {"predicted": class_metrics.decide(scores, contract.threshold), "actual": y}
        decided = {name: np.array(labels)[codes] for name, codes in decided.items()}
        roc, recall = curves.roc(positive, share), curves.precision_recall(positive, share)
        calibration, dots = curves.calibration(positive, share), {"marker": "o"}
        one = f"“{labels[-1]}”"
        axes = f"predicted probability of {one}", f"observed share of {one}"
        return {
            "roc": Plot(f"ROC curve of {one}", "plot", roc, {}, "chance", UNIT_SQUARE),
            "precision_recall": Plot(
                f"Precision and recall of {one}", "plot", recall, limits=UNIT_SQUARE,
            ),
            "calibration": Plot(
                "Calibration", "plot", calibration, dots, "a perfect model", UNIT_SQUARE, axes=axes
            ),
            "confusion": Plot(
                "Decisions", "matrix", decided, labels=labels,
                axes=("predicted class", "actual class"),
            ),
        }  # fmt: skip

    def curve_axis(self, contract: Contract) -> str:
        return f"share of {contract.classes[-1]}"

    def card_text(self, contract: Contract, target: Target) -> str:
        text = f"Classifies by `{contract.target}`"
        if target.above is not None:
            text += f" (more than {f'{target.above:g} {target.unit}'.rstrip()})"
        text += f" into `{'`, `'.join(contract.classes)}`."
        if _is_binary(contract):
            limit = short(contract.threshold, 1)
            text += f" `{contract.classes[1]}` from a probability of {limit} on."
        return text

    def decision_rule(self, contract: Contract) -> str:
        if not _is_binary(contract):
            return ""
        limit = f"{short(100 * contract.threshold, 100)} %"
        return f"“{contract.classes[1]}” is predicted where its probability is {limit} or more."

    def predictions(self, scores: np.ndarray, contract: Contract) -> list[Prediction]:
        """`probability` is that of the positive class of two, else that of the predicted class."""
        positions = class_metrics.decide(scores, contract.threshold).tolist()
        binary = _is_binary(contract)
        return [
            {
                "prediction": contract.classes[position],
                "probability": row[1] if binary else row[position],
                "probabilities": dict(zip(contract.classes, row, strict=True)),
            }
            for position, row in zip(positions, scores.tolist(), strict=True)
        ]

    def columns(self, scores: np.ndarray, contract: Contract) -> dict[str, np.ndarray]:
        positions, scores = class_metrics.decide(scores, contract.threshold), scores.astype(float)
        rows, chosen = np.arange(len(scores)), 1 if _is_binary(contract) else positions
        shares = {f"probability_{name}": scores[:, i] for i, name in enumerate(contract.classes)}
        labels = np.array(contract.classes, dtype=object)[positions]
        return {"prediction": labels, "probability": scores[rows, chosen]} | shares

    def prediction_fields(self, contract: Contract) -> dict[str, Any]:
        meaning = "Probability of the predicted class."
        if _is_binary(contract):
            meaning = f"Probability of “{contract.classes[1]}”. {self.decision_rule(contract)}"
        return {
            "prediction": Literal[contract.classes],
            "probability": Annotated[Share, Field(description=meaning)],
            "probabilities": typed_dict("Probabilities", dict.fromkeys(contract.classes, Share)),
        }

    def scores_of(self, prediction: Prediction, contract: Contract) -> list[float]:
        return [prediction["probabilities"][name] for name in contract.classes]

    def outputs(self, contract: Contract) -> list[Output]:
        shares = Output("probabilities", "FP64", (len(contract.classes),))
        return [Output("prediction", "BYTES"), Output("probability", "FP64"), shares]

    def outcome(self, value: str | float, contract: Contract) -> str | None:
        """The class of the contract that the value names, as at training: 1.0 is '1'."""
        named = dict(zip(class_labels.known(contract), contract.classes, strict=True))
        return named.get(label_of(value) or "")

    def allowed_outcomes(self, contract: Contract) -> str:
        return " or ".join(contract.classes)

    def headline(self, prediction: Prediction, contract: Contract) -> str:
        return prediction["prediction"]

    def shares(self, prediction: Prediction) -> dict[str, float]:
        return prediction["probabilities"]

    def explained(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities of the positive class of two, or of the class predicted for the first."""
        return scores[:, 1 if scores.shape[1] == 2 else int(scores[0].argmax())]

    def explained_name(self, prediction: Prediction, contract: Contract) -> str:
        name = contract.classes[1] if _is_binary(contract) else prediction["prediction"]
        return f"probability of “{name}”"

    def describe_change(self, change: float, contract: Contract) -> str:
        return f"{100 * change:+.1f} points"


def _is_binary(contract: Contract) -> bool:
    return len(contract.classes) == 2


TASK = Classification()
