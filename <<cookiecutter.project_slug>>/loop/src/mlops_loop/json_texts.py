"""Many JSON texts to values, as `json.loads` reads them, and several times faster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json


def parsed(texts: Sequence[str | None]) -> list[Any]:
    """The value of each text, None for None. Raises ValueError for what is no JSON."""
    written = ["null" if text is None else text for text in texts]
    try:
        values: list[Any] = from_json(f"[{','.join(written)}]")
    except ValueError:  # stricter than json: it takes no half of a surrogate pair
        values = [json.loads(text) for text in written]
    if len(values) != len(written):
        raise ValueError("a text holds more than one JSON value")
    return values
