"""A bundle that is ready to answer: rows in, the bytes of an answer out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic_core import to_json

from mlops_loop.errors import NoValidBundle
from mlops_loop.inference.batching import Batcher
from mlops_loop.inference.rows import Row, RowReader
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import SkopsPredictor
from mlops_loop.settings import Settings


@dataclass(frozen=True)
class Model:
    """What serves until another takes its place; make one with `load`."""

    bundle: Bundle
    reader: RowReader
    golden: list[Row]
    version: str

    @property
    def contract(self) -> Contract:
        return self.bundle.contract

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Checked rows -> a prediction for each, with probabilities for classification."""
        scores = self.bundle.predictor.scores(self.contract.encode_rows(rows))
        if self.contract.task == "regression":
            return [{"prediction": value} for value in scores.tolist()]
        return _classified(self.contract, scores)

    @cached_property
    def batcher(self) -> Batcher:
        """To predict few rows together with those of other requests."""
        return Batcher(self.predict, isinstance(self.bundle.predictor, SkopsPredictor))

    def about(self) -> dict[str, str]:
        """What every answer says beside its predictions."""
        unit = {"unit": self.contract.target_unit} if self.contract.task == "regression" else {}
        return {**unit, "model_version": self.version}


def _classified(contract: Contract, scores: np.ndarray) -> list[dict[str, Any]]:
    """`probability` is that of the positive class of two, else that of the predicted class."""
    positions = contract.decide(scores).tolist()
    binary = len(contract.classes) == 2
    return [
        {
            "prediction": contract.classes[position],
            "probability": row[1] if binary else row[position],
            "probabilities": dict(zip(contract.classes, row, strict=True)),
        }
        for position, row in zip(positions, scores.tolist(), strict=True)
    ]


def load(settings: Settings, known: str = "") -> Model:
    """Load and try the bundle of `settings.bundle_dir`.

    MODEL_VERSION is that of the bundle `known`, or of any without one; another is told by its id.
    Raises NoValidBundle where it is missing, was changed after training, or cannot answer its
    own golden rows.
    """
    bundle = bundles.load(settings.bundle_dir)
    version = settings.model_version if known in ("", bundle.id) else f"bundle-{bundle.id}"
    try:
        reader = RowReader(bundle.contract, settings.max_rows)
        golden = [line["row"] for line in bundle.golden()]
        model = Model(bundle, reader, golden, version)
        model.predict(reader.read(to_json(golden[: settings.max_rows])))
    except Exception as error:  # whatever the runtime raises: the reason is shown at /ready
        raise NoValidBundle(f"{bundle.folder} cannot answer its golden rows: {error}") from error
    return model
