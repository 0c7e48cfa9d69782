"""The pages name every setting and every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_loop import settings
from mlops_loop.gate.policy import Policy
from mlops_loop.stage_params import Train

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", settings.Settings.model_fields)
def test_every_setting_of_serving_is_explained(name):
    """By the name of its environment variable."""
    assert f"`{name.upper()}`" in (DOCS / "serving.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", Policy.model_fields)
def test_every_key_of_the_gate_is_explained(key):
    """In the table of keys."""
    assert f"\n| `{key}` | " in (DOCS / "gate.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", Train.model_fields)
def test_every_key_of_train_is_explained(key):
    """With its default, which is the first of its values."""
    lines = (DOCS / "training.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{key}` | ")]
    field = Train.model_fields[key]
    default = {None: "null", True: "true", False: "false"}.get(field.default, str(field.default))
    assert field.is_required() or line.split(" | ")[1].replace("`", "").startswith(default)
