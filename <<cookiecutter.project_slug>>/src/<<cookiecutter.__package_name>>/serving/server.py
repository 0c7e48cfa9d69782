"""`serve`: the app behind uvicorn, on an address of this machine."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from .. import bundle as bundles
from ..errors import UsageError
from .app import create_app
from .settings import Settings

GRACE_S = 20
BACKLOG = 2048


def serve(
    host: str | None = None,
    port: int | None = None,
    bundle: Path | None = None,
    require_bundle: bool | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight get `GRACE_S` seconds to finish.

    What is None comes from the environment (`settings.py`). Port 0 takes any free one.
    Raises NoValidBundle where a bundle is required and none is valid, UsageError where the
    address cannot be bound.
    """
    settings = Settings.from_environment(
        bind_host=host, port=port, bundle_dir=bundle, require_bundle=require_bundle
    )
    if settings.require_bundle:
        bundles.load(settings.bundle_dir)
    listener = _bind(settings)
    address = _address(listener)
    print(f"Page  {address}/\nAPI   {address}/docs", flush=True)
    config = uvicorn.Config(
        create_app(settings), server_header=False, timeout_graceful_shutdown=GRACE_S
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn stopped gracefully, then raises it once more
        print("Stopped.")


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.bind_host else socket.AF_INET
    address = (settings.bind_host, settings.port)
    try:
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {settings.bind_host} port {settings.port}: {error.strerror}. "
            f"Next: serve --port {settings.port + 1}"
        ) from error


def _address(listener: socket.socket) -> str:
    """A URL that a browser on this machine can open."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
