"""Reading and writing of what the stages pass on; the same content gives the same bytes."""

from __future__ import annotations

import io
import json
import math
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_loop.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

# Skops stamps its members with the time of day; this is the oldest time that a zip can hold. It
# names objects, and the files of their arrays, by their address in memory or by chance.
EPOCH = (1980, 1, 1, 0, 0, 0)
SKOPS_NAME = re.compile(r'(?<="__id__": )\d+|(?<="file": ")[^".]+')


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Parquet, by way of a temporary file: an interrupted stage leaves the old data in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    table.to_parquet(part, index=False)
    part.replace(path)


def read_table(path: Path) -> pd.DataFrame:
    """A Parquet file of an earlier stage; raises UsageError where that has not run yet.

    By column: as a whole it would take twice the memory of the table. A wide table by a few
    columns, since pandas warns at a new column where more than 100 lie apart.
    """
    import pandas as pd
    import pyarrow.parquet as pq

    file = pq.ParquetFile(existing(path))
    names = file.schema_arrow.names
    at_once = 1 + len(names) // 25
    groups = (names[i : i + at_once] for i in range(0, len(names), at_once))
    parts = (file.read(group, use_threads=False) for group in groups)
    return pd.concat([part.to_pandas(self_destruct=True) for part in parts], axis=1)


def write_json(data: Any, path: Path, digits: int | None = 6) -> None:
    """Sorted JSON with floats rounded to `digits` (None: exact); NaN and infinity become null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(tidy(data, digits), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path, next_step: str = "") -> Any:
    """A JSON file of an earlier stage; raises UsageError where it is missing or broken.

    next_step: for a broken one that no stage makes again.
    """
    text = existing(path).read_bytes()
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{path} is not JSON ({error}): it was cut or edited. "
            f"{next_step or f'Next: rm {path} && make pipeline gate'}"
        ) from error


def existing(path: Path) -> Path:
    """The path of a file of an earlier stage; raises UsageError where that has not run yet."""
    if not path.exists():
        raise UsageError(f"{path} is missing: an earlier stage has not run. Next: make pipeline")
    return path


def tidy(data: Any, digits: int | None = 6) -> Any:
    """Plain JSON values: rounded floats, None for what is not finite, str keys."""
    if isinstance(data, dict):
        return {str(key): tidy(value, digits) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [tidy(value, digits) for value in data]
    if hasattr(data, "item"):
        data = data.item()
    if not isinstance(data, float):
        return data
    if not math.isfinite(data):
        return None
    return data if digits is None else round(data, digits)


def write_skops(pipeline: Any, path: Path) -> None:
    """A scikit-learn pipeline for `predictor.load_skops`, its objects numbered as they come."""
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = members.pop("schema.json").decode()
    numbers = {name: str(i) for i, name in enumerate(dict.fromkeys(SKOPS_NAME.findall(schema)))}
    content = {"schema.json": SKOPS_NAME.sub(lambda found: numbers[found[0]], schema).encode()}
    for name, data in members.items():
        stem, kind = name.split(".")
        content[f"{numbers[stem]}.{kind}"] = data
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as target:
        for name, data in sorted(content.items()):
            target.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
