"""Reading and writing of what the stages pass on; the same content gives the same bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UsageError


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Parquet, by way of a temporary file: an interrupted stage leaves the old data in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    table.to_parquet(part, index=False)
    part.replace(path)


def read_table(path: Path) -> pd.DataFrame:
    """A Parquet file of an earlier stage; raises UsageError where that has not run yet."""
    if not path.exists():
        raise UsageError(f"{path} is missing: an earlier stage has not run. Next: make pipeline")
    return pd.read_parquet(path)


def write_json(data: Any, path: Path, digits: int | None = 6) -> None:
    """Sorted JSON with floats rounded to `digits` (None: exact); NaN and infinity become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tidy(data, digits), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """A JSON file of an earlier stage; raises UsageError where that has not run yet."""
    if not path.exists():
        raise UsageError(f"{path} is missing: an earlier stage has not run. Next: make pipeline")
    return json.loads(path.read_text(encoding="utf-8"))


def tidy(data: Any, digits: int | None = 6) -> Any:
    """Plain JSON values: rounded floats, None for what is not finite, str keys."""
    if isinstance(data, dict):
        return {str(key): tidy(value, digits) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [tidy(value, digits) for value in data]
    if hasattr(data, "item"):
        data = data.item()
    if isinstance(data, float):
        if not math.isfinite(data):
            return None
        return data if digits is None else round(data, digits)
    return data
