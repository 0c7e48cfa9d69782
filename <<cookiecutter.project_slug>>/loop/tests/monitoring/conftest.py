"""A project with two versions in its ledger, and a bundle that is newer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops_loop import paths
from mlops_loop.registry import ledger

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path, git, write_bundle, monkeypatch) -> Path:
    """v1.0.0 is in production since 2026-01-01; models/bundle is another model."""
    root, origin = tmp_path / "project", tmp_path / "origin"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(tmp_path, "clone", "--quiet", str(origin), str(root))
    (root / ".gitignore").write_text("/models/\n")
    old = write_bundle(root / paths.BUNDLE, "old")
    (root / "dvc.lock").write_text(f"md5: {ledger.folder_hash(old.folder)}\n")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Train")
    git(root, "push", "--quiet", "origin", "HEAD:main")
    monkeypatch.setattr(ledger.time, "time", datetime(2026, 1, 1, tzinfo=UTC).timestamp)
    ledger.register(root, old, {"decision": "PROMOTE", "challenger": old.id})
    ledger.assign(root, "v1.0.0", why="the first")
    new = write_bundle(root / paths.BUNDLE, "new")
    (root / "dvc.lock").write_text(f"md5: {ledger.folder_hash(new.folder)}\n")
    return root
