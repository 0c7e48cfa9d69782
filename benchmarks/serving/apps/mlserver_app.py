"""MLServer with a runtime of its own kind; its settings are written where it looks for them."""

import json
import os
from pathlib import Path

from targets_port import PORT

folder = Path(os.environ["WORK"]) / "mlserver"
folder.mkdir(exist_ok=True)
(folder / "settings.json").write_text(
    json.dumps({"http_port": PORT, "grpc_port": PORT + 1, "metrics_port": PORT + 2,
                "host": "127.0.0.1", "parallel_workers": 0, "debug": False})
)  # fmt: skip
(folder / "model-settings.json").write_text(
    json.dumps({"name": "model", "implementation": "mlserver_runtime.Runtime"})
)
here = str(Path(__file__).parent)
os.environ["PYTHONPATH"] = here
os.execvp("mlserver", ["mlserver", "start", str(folder)])  # noqa: S606
