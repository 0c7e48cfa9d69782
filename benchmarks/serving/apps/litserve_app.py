"""LitServe with its usual adapter."""

import litserve
import pipeline
from targets_port import PORT


class Api(litserve.LitAPI):
    """Rows in, probabilities out."""

    def setup(self, device):
        """Load the model."""
        self.model = pipeline.load()

    def decode_request(self, request):
        """Take the body as it is."""
        return request

    def predict(self, rows):
        """Ask the pipeline."""
        return pipeline.answer(self.model, rows)

    def encode_response(self, output):
        """Give a JSON object."""
        return {"predictions": output}


if __name__ == "__main__":
    litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1).run(
        port=PORT, host="127.0.0.1", log_level="warning", generate_client_file=False
    )
