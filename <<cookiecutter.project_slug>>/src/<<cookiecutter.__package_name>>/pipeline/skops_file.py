"""Write a scikit-learn pipeline as skops, with the same bytes every time."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import skops.io
from sklearn.pipeline import Pipeline

# The oldest time that a zip can hold: skops stamps its members with the time of day.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def dump(pipeline: Pipeline, path: Path) -> None:
    """Write `pipeline` to `path`; read it with `predictor.load_skops`."""
    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as source:
        members = {name: source.read(name) for name in sorted(source.namelist())}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
