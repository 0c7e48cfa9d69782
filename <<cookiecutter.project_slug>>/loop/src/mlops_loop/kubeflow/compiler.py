# /// script
# requires-python = ">=3.11"
# dependencies = ["kfp==2.17.3"]
#
# [tool.uv]
# exclude-newer = "2026-11-14T00:00:00Z"
# ///
"""Compile a pipeline of Kubeflow: JSON on standard input, the file to write as the argument.

A program of its own: kfp needs protobuf 6 and other pins than training, so `loop kubeflow compile`
runs this by `uv run --script`, in an environment that holds nothing else.
"""

import json
import sys
from typing import Any

from kfp import compiler, dsl

# $1: the store, empty for that of .dvc/config; $2: the stage; $3: where its dvc.lock goes; $4: the
# text of that of the stage before. A container makes the parent folder of its output itself.
# dvc.lock is a parameter: kfp's local runner drops artifacts that a plain container writes.
SCRIPT = """
if [ -n "$1" ]; then export STORE_URL="$1"; fi
if [ -n "${4:-}" ]; then printf %s "$4" > dvc.lock; fi
loop store pull --checkout
dvc repro --single-item "$2"
loop store push
mkdir -p "$(dirname "$3")"
cp dvc.lock "$3"
"""
OUTPUT: Any = dsl.OutputPath(str)
COMMAND = ["sh", "-euc", SCRIPT, "loop"]


def component(image: str, stage: dict, first: bool) -> dsl.base_component.BaseComponent:
    """A container that runs one stage; data go through the store, dvc.lock through Kubeflow."""
    name = stage["name"]

    def begin(store_url: str, lock: OUTPUT) -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image=image, command=COMMAND, args=[store_url, name, lock])

    def go_on(store_url: str, before: str, lock: OUTPUT) -> dsl.ContainerSpec:
        args = [store_url, name, lock, before]
        return dsl.ContainerSpec(image=image, command=COMMAND, args=args)

    run = begin if first else go_on
    run.__name__ = name.replace("-", "_")
    run.__doc__ = stage["description"]
    return dsl.container_component(run)


def pipeline(facts: dict) -> dsl.base_component.BaseComponent:
    """All stages, one after another, as `dvc repro` runs them."""
    known = facts["stages"]
    components = [component(facts["image"], stage, stage is known[0]) for stage in known]

    @dsl.pipeline(name=facts["name"], description=facts["description"])
    def train(store_url: str = facts["store"]) -> None:
        done: dict = {}
        for stage, run in zip(known, components, strict=True):
            task = run(store_url=store_url, **done)
            task.set_display_name(stage["name"]).set_caching_options(False)  # DVC decides
            done = {"before": task.outputs["lock"]}

    return train


if __name__ == "__main__":
    compiler.Compiler().compile(pipeline(json.load(sys.stdin)), sys.argv[1])
