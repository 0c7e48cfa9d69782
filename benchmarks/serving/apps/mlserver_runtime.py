"""The runtime that MLServer loads."""

import pipeline
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec


class Runtime(MLModel):
    """Rows in, probabilities out."""

    async def load(self) -> bool:
        """Load the model."""
        self.model = pipeline.load()
        return True

    async def predict(self, payload):
        """Ask the pipeline."""
        frame = PandasCodec.decode_request(payload)
        scores = self.model.predict_proba(frame)[:, 1]
        output = NumpyCodec.encode_output("scores", scores)
        from mlserver.types import InferenceResponse

        return InferenceResponse(model_name=self.name, outputs=[output])
