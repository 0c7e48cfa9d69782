"""Names that a task gives to what it finds, and that have to stay when it finds it again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mlops_loop.model.contract import Contract
from mlops_loop.sections import Section


class Anchor(Section):
    """A row as a client sends it, and the name of what it is in."""

    row: dict[str, Any]
    name: str


class Anchors(Section):
    """Rows by which the names of an earlier model are known; `last`: the largest number ever."""

    last: Annotated[int, Field(ge=0)] = 0
    rows: tuple[Anchor, ...] = ()


class TaskNames(ABC):
    """How one task keeps the names of its contract's `classes`."""

    @abstractmethod
    def keep(self, scores: np.ndarray, contract: Contract, anchors: Anchors) -> Contract:
        """The contract with the names that the anchors give; scores: of their rows.

        What is not found again loses its name for good, and what is new gets one never used.
        """

    @abstractmethod
    def moved(
        self, new: np.ndarray, now: Contract, old: np.ndarray, before: Contract
    ) -> Sequence[str]:
        """Names that mean other rows than before; new, old: scores of the same rows."""

    @abstractmethod
    def last(self, contract: Contract) -> int:
        """The largest number in a name."""
