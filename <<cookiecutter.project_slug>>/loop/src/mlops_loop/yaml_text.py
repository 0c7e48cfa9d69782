"""YAML as DVC reads and writes it: version 1.2, where `yes` is a text and `1e-05` a number."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = ["YAMLError", "parse"]


def parse(text: str) -> Any:
    """Plain values of a text; raises YAMLError, also for a key that comes twice."""
    return YAML(typ="safe", pure=True).load(text)
