"""The kind of `monitor.yaml` opens its source."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.monitoring.traffic import kinds
from mlops_loop.monitoring.traffic.endpoint import EndpointTraffic
from mlops_loop.monitoring.traffic.folder import FolderTraffic
from mlops_loop.monitoring.traffic.opened import open_source
from mlops_loop.monitoring.traffic.postgres import DatabaseTraffic

NOW = datetime(2026, 1, 10, tzinfo=UTC)


def test_kinds(tmp_path, monkeypatch):
    """Each has its own source, none of which is a replay."""
    monkeypatch.setenv("PRODUCTION_URL", "https://example.org")
    monkeypatch.setenv("LOG_URL", f"sqlite:///{tmp_path}/log.db")
    made = (kinds.Endpoint(), EndpointTraffic), (kinds.Postgres(), DatabaseTraffic)
    for config, kind in (*made, (kinds.Folder(path=str(tmp_path)), FolderTraffic)):
        source = open_source(config, tmp_path, NOW)
        assert isinstance(source, kind)
        assert source.note == ""


def test_nothing_to_replay(tmp_path, git):
    """Before the first model."""
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UsageError, match="Nothing is in production"):
        open_source(kinds.Replay(), tmp_path, NOW)
