"""The names of what the model sees."""

from __future__ import annotations

from mlops_loop.model.contract import Column, Contract
from mlops_loop.pipeline import model_pipeline


def test_every_feature_has_a_name():
    """Numbers first, then each category, then the missing one."""
    columns = (
        Column("colour", "category", nullable=True, levels=("red", "blue")),
        Column("size", "number"),
        Column("town", "category", levels=("here",)),
    )
    names = model_pipeline.feature_names(Contract("regression", "y", columns))
    assert names == ["size", "colour = red", "colour = blue", "colour = missing", "town = here"]
