"""A bundle loads only as it was written."""

from __future__ import annotations

import json

import pytest

from mlops_loop import errors
from mlops_loop.model import bundle


def edit(folder, change) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def test_a_bundle_that_was_not_touched_loads(tmp_path, write_bundle):
    """The id is in the manifest, the golden rows can be read."""
    written = write_bundle(tmp_path / "bundle")
    loaded = bundle.load(tmp_path / "bundle")
    assert loaded.id == written.id == loaded.read_json("manifest.json")["id"]
    assert loaded.golden()[0].keys() == {"row", "score"}


def test_the_id_follows_the_content(tmp_path, write_bundle):
    """Same content, same id, in whatever folder; other content, other id."""
    ids = [write_bundle(tmp_path / name, mark).id for name, mark in ["1a", "2a", "3b"]]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("name", bundle.REQUIRED)
def test_a_changed_byte_is_refused(tmp_path, write_bundle, name):
    """The sentence names the file."""
    write_bundle(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[-2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.NoValidBundle, match=f"{name} does not match its manifest"):
        bundle.load(tmp_path)


@pytest.mark.parametrize("name", bundle.REQUIRED)
def test_a_missing_file_is_refused(tmp_path, write_bundle, name):
    """The sentence names the file and the next command."""
    write_bundle(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(errors.NoValidBundle, match=rf"{name} is missing .* make pipeline"):
        bundle.load(tmp_path)


@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "notes.txt"])
def test_an_added_file_is_refused(tmp_path, write_bundle, name):
    """A model that no manifest lists would be served instead of the one that passed the gate."""
    write_bundle(tmp_path)
    (tmp_path / name).write_bytes(b"added")
    with pytest.raises(errors.NoValidBundle, match=f"{name} is not in the bundle's manifest"):
        bundle.load(tmp_path)


def test_hidden_files_of_a_desktop_do_not_matter(tmp_path, write_bundle):
    """Looking at a bundle in a file manager does not break it."""
    write_bundle(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"icons")
    assert bundle.load(tmp_path).id


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(id="0" * 12),
        lambda m: m.update(data="b"),
        lambda m: m.update(extra=1),
        lambda m: m.pop("data"),
        lambda m: m["files"].update({"metrics.json": "0" * 64}),
        lambda m: m["files"].update({"metrics.json": 5}),
        lambda m: m["files"].pop("metrics.json"),
    ],
    ids=["id", "fact", "new fact", "lost fact", "hash", "hash of another type", "lost file"],
)
def test_an_edited_manifest_is_refused(tmp_path, write_bundle, change):
    """The id is computed again, so nothing in the manifest can be edited alone."""
    write_bundle(tmp_path)
    edit(tmp_path, change)
    with pytest.raises(errors.NoValidBundle, match="was edited"):
        bundle.load(tmp_path)


def test_another_format_is_refused(tmp_path, write_bundle):
    """A bundle of a later version of this code says so."""
    write_bundle(tmp_path)
    edit(tmp_path, lambda manifest: manifest.update(format=99))
    with pytest.raises(errors.NoValidBundle, match="has format 99, this code reads 1"):
        bundle.load(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "5", '{"files": 5, "format": 1}', '{"files": {}, "format": 1}', "\xff"],
)
def test_a_foreign_manifest_is_refused(tmp_path, text):
    """JSON of another tool, or none at all, is reported in one sentence."""
    (tmp_path / "manifest.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(errors.NoValidBundle, match="is not a manifest"):
        bundle.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '"text"', '{"columns": [5], "classes": []}'])
def test_a_foreign_contract_is_refused(tmp_path, write_bundle, text):
    """Also when its hash is the one in the manifest."""
    write_bundle(tmp_path)
    (tmp_path / "contract.json").write_text(text)
    bundle.write_manifest(tmp_path, {})
    with pytest.raises(errors.NoValidBundle, match="is not a contract"):
        bundle.load(tmp_path)


def test_no_bundle_names_the_next_command(tmp_path):
    """An empty folder and one that is not there are the same: no bundle yet."""
    with pytest.raises(errors.NoValidBundle, match=r"No model bundle in .* make pipeline"):
        bundle.load(tmp_path / "nowhere")
