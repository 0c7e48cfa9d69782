"""The model bundle: all that leaves training, and all that serving needs.

    models/bundle/
      model.onnx or model.skops   the exported pipeline
      contract.json               what it takes and gives (contract.py)
      reference.json              statistics of the training rows, with frozen drift bins
      golden.jsonl                held-out rows with the scores that the gate saw
      baselines.parquet           scores of the holdout by a constant and by a shallow model
      profiles.json               size and typical values of each cluster; of clusters only
      metrics.json                metrics on the holdout
      model_card.md               for people
      manifest.json               hashes of all of it, of the data and of the schema

The manifest names no commit, date or version, so the same inputs give the same bytes; these are
in the registry's tag, which holds the bundle's id.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops_loop.errors import NoValidBundle
from mlops_loop.model.contract import Contract
from mlops_loop.model.predictor import Predictor, load_predictor

FORMAT = 1
PROFILES = "profiles.json"
REQUIRED = ("contract.json", "reference.json", "golden.jsonl", "metrics.json", "model_card.md")


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files match its manifest; made by `load`."""

    folder: Path
    manifest: dict[str, Any]
    contract: Contract

    @property
    def id(self) -> str:
        """The first 12 hex digits of the sha256 of the manifest: of the files' hashes and facts."""
        return self.manifest["id"]

    @cached_property
    def predictor(self) -> Predictor:
        return load_predictor(self.folder)

    def read_json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def golden(self) -> list[dict[str, Any]]:
        """Each with `row` (as a client sends it) and `score` (as the gate saw it)."""
        lines = (self.folder / "golden.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, facts: dict[str, Any]) -> str:
    """Write `manifest.json` over the files in `folder`, with `facts`; return the bundle's id."""
    paths = [path for path in sorted(folder.iterdir()) if path.name != "manifest.json"]
    files = {path.name: sha256(path) for path in paths if path.is_file()}
    manifest = {"format": FORMAT, "files": files, **facts}
    manifest["id"] = _identity(manifest)
    text = json.dumps(manifest, indent=2, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest["id"]


def _identity(manifest: dict[str, Any]) -> str:
    content = {key: value for key, value in manifest.items() if key != "id"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def load(folder: Path) -> Bundle:
    """Read a bundle and check its id and every hash.

    Raises NoValidBundle where the folder, the manifest or a file is missing, where a file does
    not match its hash or is not in the manifest, and where the manifest was edited.
    """
    manifest = _read_manifest(folder / "manifest.json")
    files = manifest["files"]
    for name in (*REQUIRED, *files):
        _check_file(folder / name, files.get(name))
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if added := sorted(names - {*files, "manifest.json"}):
        reason = (
            f"{folder / added[0]} is not in the bundle's manifest: it was added after training."
        )
        raise NoValidBundle(f"{reason} Remove it, or train again.")
    return Bundle(folder, manifest, _read_contract(folder / "contract.json"))


def _read_contract(path: Path) -> Contract:
    try:
        return Contract.load(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoValidBundle(f"{path} is not a contract: {error}") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise NoValidBundle(f"No model bundle in {path.parent}. Next: make pipeline")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        known, identity = manifest["format"] == FORMAT, manifest["id"]
        manifest["files"] = dict(manifest["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise NoValidBundle(f"{path} is not a manifest: {error!r}") from error
    if not known:
        raise NoValidBundle(f"{path} has format {manifest['format']}, this code reads {FORMAT}.")
    if identity != (computed := _identity(manifest)):
        reason = f"{path} was edited: its id is {identity}, its content gives {computed}."
        raise NoValidBundle(f"{reason} Train again or fetch the bundle anew.")
    return manifest


def _check_file(path: Path, expected: str | None) -> None:
    if expected is None or not path.exists():
        raise NoValidBundle(f"{path} is missing from the bundle. Next: make pipeline")
    if (actual := sha256(path)) != expected:
        raise NoValidBundle(
            f"{path} does not match its manifest (sha256 {actual[:12]} instead of "
            f"{str(expected)[:12]}). It was changed after training; train again or fetch it anew."
        )
