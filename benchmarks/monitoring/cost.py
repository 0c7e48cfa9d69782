"""CPU seconds and peak memory: of a look beside other tools, and of the whole path."""

from __future__ import annotations

from argparse import Namespace

from . import whole_path
from .flights import Flights


def show(flights: Flights, given: Namespace) -> None:
    """Print two tables."""
    whole_path.show(flights, given)
