"""Write a scikit-learn pipeline as skops, with the same bytes every time."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import skops.io
from sklearn.pipeline import Pipeline

# The oldest time that a zip can hold: skops stamps its members with the time of day.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SCHEMA = "schema.json"


def dump(pipeline: Pipeline, path: Path) -> None:
    """Write `pipeline` to `path`; read it with `predictor.load_skops`."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as source:
        members = {name: source.read(name) for name in source.namelist()}
    numbers: dict[str, int] = {}
    schema = _renumber(json.loads(members.pop(_SCHEMA)), numbers)
    content = {_file_name(name, numbers): data for name, data in members.items()}
    content[_SCHEMA] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as target:
        for name in sorted(content):
            member = zipfile.ZipInfo(name, _EPOCH)
            target.writestr(member, content[name], zipfile.ZIP_DEFLATED)


def _renumber(node: Any, numbers: dict[str, int]) -> Any:
    """Number objects as they come: skops calls them by their address in memory."""
    if isinstance(node, list):
        return [_renumber(item, numbers) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _renumber(value, numbers) for key, value in node.items()}
    if "__id__" in node:
        found["__id__"] = numbers.setdefault(str(node["__id__"]), len(numbers))
    if isinstance(node.get("file"), str):
        found["file"] = _file_name(node["file"], numbers)
    return found


def _file_name(name: str, numbers: dict[str, int]) -> str:
    address, dot, kind = name.partition(".")
    return f"{numbers.setdefault(address, len(numbers))}{dot}{kind}"
