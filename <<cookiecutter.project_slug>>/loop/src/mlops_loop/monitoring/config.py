"""What `monitor.yaml` may say: what raises an alarm, and when a model may be trained anew."""

from __future__ import annotations

from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mlops_loop.params import Section, read_yaml


class Retrain(Section):
    """Days between two proposals, and how many refused models in a row stop retraining."""

    cool_down_days: NonNegativeFloat = 7
    refusals: PositiveInt = 3


class Policy(Section):
    """`monitor.yaml`, whole. A model is stale `stale_days` after it was registered."""

    stale_days: PositiveFloat
    retrain: Retrain = Retrain()


def load(path: Path = Path("monitor.yaml")) -> Policy:
    """Raises UsageError naming the key and the value."""
    return read_yaml(path, Policy)
