"""The endpoint: `create_app(settings)` for a server of your own, `serve()` to run it here.

    POST /predict    one row or many -> predictions
    GET  /           the page: a form made from the contract
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers, 503 with the reason without
    GET  /version    what runs here
    GET  /contract   what the model takes and gives

The model is loaded once, at start. Without a valid bundle the app starts all the same, and
says why it cannot predict: an orchestrator can then tell "not ready" from "crashed".
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .. import bundle as bundles
from ..errors import NoValidBundle, UsageError
from . import model as models
from . import openapi, page, routes
from .settings import Settings

GRACE_S = 20
BACKLOG = 2048


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application; `app.state.model` is None until a valid bundle is loaded."""
    app = FastAPI(
        title=page.project_name(),
        version=settings.model_version,
        lifespan=_load_model,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.model = None
    app.state.reason = "The model is not loaded yet."
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    routes.add_to(app)
    page.add_to(app)
    return app


@asynccontextmanager
async def _load_model(app: FastAPI) -> AsyncIterator[None]:
    try:
        app.state.model = models.load(app.state.settings)
    except NoValidBundle as error:
        app.state.reason = str(error)
    yield


def _openapi(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    return openapi.complete(document, app.state.model) if app.state.model else document


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
