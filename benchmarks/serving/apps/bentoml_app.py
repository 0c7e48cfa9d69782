"""BentoML with its usual adapter."""

import bentoml
import pipeline


@bentoml.service(workers=1)
class Model:
    """Rows in, probabilities out."""

    def __init__(self):
        """Load the model."""
        self.model = pipeline.load()

    @bentoml.api
    def predict(self, rows: list[dict]) -> list[float]:
        """Ask the pipeline."""
        return pipeline.answer(self.model, rows)
