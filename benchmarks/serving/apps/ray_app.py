"""Ray Serve with its usual adapter."""

import time

import pipeline
import ray
from ray import serve
from starlette.requests import Request
from targets_port import PORT


@serve.deployment
class Model:
    """Rows in, probabilities out."""

    def __init__(self):
        """Load the model."""
        self.model = pipeline.load()

    async def __call__(self, request: Request):
        """Ask the pipeline."""
        return pipeline.answer(self.model, await request.json())


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Model.bind(), route_prefix="/predict")
    while True:
        time.sleep(60)
