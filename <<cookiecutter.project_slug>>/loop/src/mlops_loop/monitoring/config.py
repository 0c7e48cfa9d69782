"""What `monitor.yaml` may say: what raises an alarm, and when a model may be retrained."""

from __future__ import annotations

from pathlib import Path

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from mlops_loop import paths
from mlops_loop.params import Section, read_yaml


class RetrainConfig(Section):
    """Days between two proposals, and how many refused models in a row stop retraining."""

    cool_down_days: NonNegativeFloat = 7
    refusals: PositiveInt = 3


class MonitorConfig(Section):
    """`monitor.yaml`, whole. A model is stale `stale_days` after its registration."""

    stale_days: PositiveFloat
    retrain: RetrainConfig = RetrainConfig()


def load(path: Path = paths.MONITOR_CONFIG) -> MonitorConfig:
    """Read `monitor.yaml`; raises UsageError with the key and the value."""
    return read_yaml(path, MonitorConfig)
