"""Write dvc.yaml as a pipeline of Kubeflow, by kfp in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

from mlops_loop.errors import UsageError
from mlops_loop.kubeflow import stages

COMPILER = Path(__file__).with_name("compiler.py")
DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
HEAD = """\
# Made by `loop kubeflow compile`; do not edit. A file like this was run by kfp's local runner on a
# Docker engine. It was not run on a cluster's backend.
"""
DESCRIPTION = "The stages of dvc.yaml. The last one's output `lock` is the dvc.lock to commit."


def compile_pipeline(root: Path, name: str, image: str, store: str, out: Path) -> int:
    """Write the pipeline to `out`; the number of its stages.

    image: NAME@sha256:..., made by loop/tools/training.Dockerfile. store: the address that the
    parameter `store_url` of the pipeline has as default, empty for that of .dvc/config. Raises
    UsageError for another image, where uv is missing, and where kfp cannot be had or refuses.
    """
    if not DIGEST.fullmatch(image):
        raise UsageError(
            f"--image {image}: name the training image by its digest, NAME@sha256:<64 digits>, as "
            "docker push prints it. Next: git archive HEAD | docker build --file "
            "loop/tools/training.Dockerfile --tag NAME - && docker push NAME"
        )
    known = stages.read(root)
    facts = {"name": name, "description": DESCRIPTION, "image": image, "store": store}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "pipeline.yaml"
        _compile({**facts, "stages": [asdict(stage) for stage in known]}, made)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(HEAD + made.read_text("utf-8"), encoding="utf-8")
    return len(known)


def _compile(facts: dict[str, object], made: Path) -> None:
    """Run the compiler; uv makes its environment, once, and keeps it in its cache."""
    uv = shutil.which("uv") or shutil.which("uv", path=".uv/bin")
    if not uv:
        raise UsageError("uv is not installed, and kfp runs in an environment that uv makes.")
    call = [uv, "run", "--quiet", "--no-project", "--script", str(COMPILER), str(made)]
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH",)}
    done = subprocess.run(call, input=json.dumps(facts), env=env, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UsageError(f"kfp cannot compile dvc.yaml: {reason}. Next: {' '.join(call[:-1])}")
