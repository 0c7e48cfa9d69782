"""What is measured: how each server is started, where it is asked, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

PORT = 8391  # also in apps/targets_port.py, which other environments import
UVICORN = ("python", "-m", "uvicorn", "--port", str(PORT), "--no-access-log", "--log-level=warning")
OURS = ("loop", "serve", "--port", str(PORT))


@dataclass(frozen=True)
class Target:
    """One server; `{rows}` in `body` is the number of rows, `many` the path for more than one."""

    name: str
    command: tuple[str, ...]
    path: str = "/predict"
    many: str = ""
    body: str = "rows-{rows}.json"
    env: dict[str, str] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    expected: str = "expected-pipeline.json"
    read: Callable[[Any], list[float]] | None = None


def _ours(answer: Any) -> list[float]:
    return [row["probability"] for row in answer["predictions"]]


def _plain(answer: Any) -> list[float]:
    return answer["predictions"] if isinstance(answer, dict) else answer


def _pairs(answer: Any) -> list[float]:
    return [pair[1] for pair in answer["predictions"]]


# As the image has them; metrics are always on.
LOGGED = {
    "PYTHONUNBUFFERED": "1",
    "ACCESS_LOG": "true",
    "LOG_URL": "sqlite:///{work}/predictions-{round}.db",
}
QUIET = {"LOG_URL": "", "ACCESS_LOG": "false"}
BUNDLE = "expected-bundle.json"
TARGETS = [
    Target(
        "limit: FastAPI, pydantic, a constant",
        (*UVICORN, "--app-dir={apps}", "limit:app"),
        many="/predict/many",
    ),
    Target("ours: ONNX, logs and metrics on", OURS, env=LOGGED, expected=BUNDLE, read=_ours),
    Target("ours: ONNX, logs off", OURS, env=QUIET, expected=BUNDLE, read=_ours),
    Target(
        "ours: skops, micro-batching", OURS,
        env=LOGGED | {"BUNDLE_DIR": "{work}/skops-bundle"}, expected=BUNDLE, read=_ours,
    ),
    Target(
        "ours: by columns (v2)", OURS, path="/v2/models/flight_delays/infer",
        body="v2-{rows}.json", env=LOGGED, expected=BUNDLE,
        read=lambda answer: answer["outputs"][1]["data"],
    ),
    Target(
        "usual: pydantic, DataFrame, Pipeline",
        (*UVICORN, "--app-dir={apps}", "usual:app"),
        many="/predict/many", read=_plain,
    ),
]  # fmt: skip
PEERS = [
    Target(
        "LitServe", ("python", "{apps}/litserve_app.py"),
        requires=("litserve", "skops"), read=_plain,
    ),
    Target(
        "BentoML", ("python", "-m", "bentoml", "serve", "bentoml_app:Model", "--port", str(PORT)),
        body="wrapped-{rows}.json", requires=("bentoml", "skops"), read=_plain,
        env={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{work}/bentoml"},
    ),
    Target(
        "MLflow", ("python", "{apps}/mlflow_app.py"), path="/invocations",
        body="records-{rows}.json", requires=("mlflow", "skops"), read=_pairs,
    ),
    Target(
        "MLServer", ("python", "{apps}/mlserver_app.py"), path="/v2/models/model/infer",
        body="v2-{rows}.json", requires=("mlserver", "skops"),
        read=lambda answer: answer["outputs"][0]["data"],
    ),
    Target(
        "Ray Serve", ("python", "{apps}/ray_app.py"), requires=("ray[serve]", "skops"), read=_plain
    ),
]  # fmt: skip
