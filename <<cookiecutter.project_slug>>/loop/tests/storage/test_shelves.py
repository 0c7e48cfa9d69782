"""Documents in a real registry, in a remote of DVC, and in a folder."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from stores import on

from mlops_loop.errors import StoreUnreachable
from mlops_loop.storage import shelves
from mlops_loop.storage.oci import ContainerRegistry

NOW = datetime(2026, 11, 28, 2, 41, tzinfo=UTC)
SINCE, UNTIL = date(2026, 11, 1), date(2026, 12, 1)

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


def fill(history):
    """Several days in several runs; more than a month passes."""
    for n in range(1, 4):
        assert history.put({f"2026-11-{n:02}/v1": {"n": n}}, NOW + timedelta(days=20 * n)) == 1
    assert history.put({"2026-11-01/v1": {"n": 1}}, NOW) == 0
    expected = {f"2026-11-{n:02}/v1": {"n": n} for n in range(1, 4)}
    assert history.read(SINCE, UNTIL) == expected


def test_a_registry(root, url, monkeypatch):
    """Beside the store, which does not see it: push, status and gc work as before."""
    monkeypatch.setenv("STORE_URL", url)
    with shelves.open_history(root, has_versions=lambda: False) as history:
        assert history.read(SINCE, UNTIL) == {}
        fill(history)
    store = on(root, url)
    stored = store.push()
    assert store.gc([], delete=True) == 0
    assert len(store.remote_files()) == stored
    with shelves.open_history(root) as history:
        assert len(history.read(SINCE, UNTIL)) == 3
    tags = ContainerRegistry(url).tags()
    assert len([tag for tag in tags if tag.startswith("days-2026-11.")]) == 2  # one was removed


def test_a_registry_without_anything(root, url, monkeypatch):
    """Is no history once there are versions: the address is wrong, or a login is."""
    monkeypatch.setenv("STORE_URL", f"{url}-none")
    with (
        pytest.raises(StoreUnreachable),
        shelves.open_history(root, has_versions=lambda: True) as history,
    ):
        history.read(SINCE, UNTIL)


def test_a_remote(remote, tmp_path, monkeypatch):
    """In a folder beside DVC's objects, which DVC's gc leaves alone."""
    monkeypatch.chdir(remote)
    with shelves.open_history(remote) as history:
        assert history.read(SINCE, UNTIL) == {}
        fill(history)
    names = os.listdir(tmp_path / "box" / "history")
    assert "days-2026-11" in names
    assert not [name for name in names if ".part-" in name]
    assert len(names) == 1 + 2


def test_a_folder(tmp_path):
    """Of this machine, without a store."""
    fill(shelves.in_folder(tmp_path / "history"))


def test_a_folder_that_cannot_be_written(tmp_path):
    """Says where."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreUnreachable, match="file"):
        shelves.in_folder(tmp_path / "file").put({"2026-11-01/v1": {}}, NOW)
