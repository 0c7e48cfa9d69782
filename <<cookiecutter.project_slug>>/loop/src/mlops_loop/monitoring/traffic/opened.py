"""The source of the kind that `monitor.yaml` names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from mlops_loop import params, paths
from mlops_loop.errors import UsageError
from mlops_loop.monitoring.traffic.endpoint import EndpointTraffic
from mlops_loop.monitoring.traffic.folder import FolderTraffic
from mlops_loop.monitoring.traffic.kinds import Endpoint, Folder, Postgres, Replay, Traffic
from mlops_loop.monitoring.traffic.postgres import DatabaseTraffic
from mlops_loop.monitoring.traffic.table import Source
from mlops_loop.registry import champion, ledger


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


def _replay(config: Replay, root: Path, now: datetime) -> Source:
    from mlops_loop.monitoring.traffic.replay import Production, ReplayTraffic

    entries = ledger.read(root)
    if not (current := entries.current()):
        raise UsageError(
            "Nothing is in production, so nothing can be replayed. Next: loop registry assign"
        )
    version = entries.find(current.version)
    bundle = champion.fetch_version(root, version, root / paths.CHAMPION)
    registered = datetime.fromisoformat(version.time)
    production = Production(bundle, version.version, registered)
    return ReplayTraffic(config, production, params.load(root / paths.PARAMS), now)
