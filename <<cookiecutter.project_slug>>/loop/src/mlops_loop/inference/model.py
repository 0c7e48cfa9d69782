"""A loaded bundle: checked rows in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic_core import to_json

from mlops_loop import tasks
from mlops_loop.errors import NoValidBundle
from mlops_loop.inference.batching import Batcher
from mlops_loop.inference.by_column import ColumnReader, Table
from mlops_loop.inference.rows import Row, RowReader
from mlops_loop.inference.usage import Usage
from mlops_loop.model import bundle as bundles
from mlops_loop.model.bundle import Bundle
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import SkopsPredictor
from mlops_loop.settings import Settings
from mlops_loop.tasks.task import Task


@dataclass(frozen=True)
class Model:
    """Serves until another replaces it; made by `load`. `version` is what answers report.

    reader, columns: of rows, and of the same by column. examples: golden rows with rounded numbers,
    for forms and documentation. usage: what it was asked since it was loaded.
    """

    bundle: Bundle
    reader: RowReader
    columns: ColumnReader
    examples: list[Row]
    version: str
    usage: Usage = field(default_factory=Usage)

    @property
    def contract(self) -> Contract:
        return self.bundle.contract

    @cached_property
    def task(self) -> Task:
        return tasks.of(self.contract)

    def predict(self, rows: Sequence[Mapping[str, Any]] | Table) -> list[dict[str, Any]]:
        """Checked rows -> a prediction for each, as the task of the model writes it."""
        coded = rows.matrix if isinstance(rows, Table) else self.contract.encode_rows(rows)
        scores = self.bundle.predictor.scores(coded)
        return self.task.predictions(scores, self.contract)

    @cached_property
    def profiles(self) -> dict[str, dict[str, Any]]:
        """By group of rows, and for all rows, what `pipeline/profiles.py` says; {} without any."""
        path = self.bundle.folder / bundles.PROFILES
        return {p["group"]: p for p in self.bundle.read_json(path.name)} if path.exists() else {}

    @cached_property
    def batcher(self) -> Batcher:
        """Predicts few rows together with those of other requests."""
        return Batcher(self.predict, isinstance(self.bundle.predictor, SkopsPredictor))

    def metadata(self) -> dict[str, str]:
        """What every answer has beside its predictions: the version, and what the task adds."""
        return {**self.task.about(self.contract), "model_version": self.version}


def load(settings: Settings, first_bundle: str = "") -> Model:
    """Load the bundle of `settings.bundle_dir` and predict its golden rows once.

    MODEL_VERSION applies to the bundle with the id `first_bundle`, the first that this process
    loaded (empty: this one); later ones report `bundle-<id>`. Raises NoValidBundle where the
    bundle is missing, was changed after training, or cannot predict its own golden rows.
    """
    bundle = bundles.load(settings.bundle_dir)
    is_first = first_bundle in ("", bundle.id)
    version = settings.model_version if is_first else f"bundle-{bundle.id}"
    try:
        reader = RowReader(bundle.contract, settings.max_rows)
        golden = [line["row"] for line in bundle.golden()]
        examples = [bundle.contract.example(row) for row in golden]
        model = Model(bundle, reader, ColumnReader(reader, settings.max_rows), examples, version)
        rows = reader.read(to_json(golden[: settings.max_rows]))
        model.predict(rows if isinstance(rows, list) else [rows])
    except Exception as error:  # whatever the runtime raises: the reason is shown at /ready
        raise NoValidBundle(f"{bundle.folder} cannot answer its golden rows: {error}") from error
    return model
