"""The source of the kind that `monitor.yaml` names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlops_loop import params, paths
from mlops_loop.errors import UsageError
from mlops_loop.model.bundle import Bundle
from mlops_loop.monitoring.traffic.endpoint import EndpointTraffic
from mlops_loop.monitoring.traffic.folder import FolderTraffic
from mlops_loop.monitoring.traffic.kinds import Endpoint, Folder, Postgres, Replay, Traffic
from mlops_loop.monitoring.traffic.postgres import DatabaseTraffic
from mlops_loop.monitoring.traffic.table import Source
from mlops_loop.registry import champion, ledger


@dataclass(frozen=True)
class Production:
    """The model in production, and when it was registered."""

    bundle: Bundle
    version: str
    registered: datetime


def open_source(config: Traffic, root: Path, now: datetime) -> Source:
    """The source of a section `traffic`; raises UsageError where a setting is wrong.

    A replay fetches the model in production: raises StoreUnreachable and NoValidBundle as
    `champion.fetch_version`, and DataRefused where no row can be replayed.
    """
    match config:
        case Endpoint():
            return EndpointTraffic(config)
        case Folder():
            return FolderTraffic(config)
        case Postgres():
            return DatabaseTraffic(config)
        case Replay():
            return _replay(config, root, now)


def production(root: Path) -> Production:
    """The model in production, fetched to `build/champion`; raises as `open_source` does."""
    entries = ledger.read(root)
    if not (current := entries.current()):
        raise UsageError("Nothing is in production. Next: loop registry assign")
    version = entries.find(current.version)
    bundle = champion.fetch_version(root, version, root / paths.CHAMPION)
    return Production(bundle, version.version, datetime.fromisoformat(version.time))


def _replay(config: Replay, root: Path, now: datetime) -> Source:
    from mlops_loop.monitoring.traffic.replay import ReplayTraffic

    current = production(root)
    return ReplayTraffic(config, current, params.load(root / paths.PARAMS), now)
