"""MLflow's own server of a model that it saved."""

import os
import sys
from pathlib import Path

import mlflow
import pipeline
from targets_port import PORT

folder = Path(os.environ["WORK"]) / "mlflow"
if not folder.exists():
    form = {"serialization_format": "cloudpickle", "pyfunc_predict_fn": "predict_proba"}
    mlflow.sklearn.save_model(pipeline.load(), folder, **form)
os.execvp(  # noqa: S606
    sys.executable,
    [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(folder),
     "--env-manager", "local", "--port", str(PORT), "--workers", "1"],
)  # fmt: skip
