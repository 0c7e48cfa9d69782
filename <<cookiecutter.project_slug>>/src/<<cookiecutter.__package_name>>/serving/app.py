"""The endpoint: `create_app(settings)` for a server of your own, `serve()` to run it here.

    POST /predict    one row or many -> predictions
    /v1, /v2         the same, as TF Serving and KServe ask (`protocols.py`)
    GET  /           the page: a form made from the contract
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers, 503 with the reason without
    GET  /version    what runs here
    GET  /contract   what the model takes and gives

The model is loaded once, when the app is made.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from ..errors import NoValidBundle, UsageError
from . import model, openapi, page, protocols, routes
from .auth import Auth
from .limits import Connection, Limits
from .settings import Settings

GRACE_S, DRAIN_S = 20, 2


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application, with the model of `settings.bundle_dir` in `app.state.model`.

    Without a valid bundle that is None, and the app says why it cannot predict: an orchestrator
    can then tell "not ready" from "crashed".
    """
    version = settings.model_version
    app = FastAPI(title=page.PROJECT, version=version, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.auth = Auth(settings)
    app.state.model, app.state.reason = None, ""
    try:
        app.state.model = model.load(settings)
    except NoValidBundle as error:
        app.state.reason = str(error)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    routes.add_to(app)
    app.include_router(protocols.router)
    page.add_to(app)
    app.add_middleware(Limits, settings=settings, auth=app.state.auth)
    return app


def serve(host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; requests in flight get `GRACE_S` seconds to finish.

    What is None comes from the environment (`settings.py`). Port 0 takes any free one.
    Raises NoValidBundle where a bundle is required and none is valid, UsageError where the
    address cannot be bound.
    """
    settings = Settings.from_environment(bind_host=host, port=port)
    app = create_app(settings)
    if settings.require_bundle and app.state.model is None:
        raise NoValidBundle(app.state.reason)
    listeners = [_bind(settings.bind_host, settings.port)]
    if settings.shared_port:
        listeners.append(_bind(settings.bind_host, settings.shared_port, reuse_port=True))
    host, port = listeners[-1].getsockname()
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    print(f"Page  {address}/\nAPI   {address}/docs", flush=True)
    with suppress(KeyboardInterrupt):  # raised once more after a graceful stop
        server_of(app, DRAIN_S if settings.shared_port else 0).run(sockets=listeners)


def server_of(app: FastAPI, drain_s: float = 0) -> uvicorn.Server:
    """The server that `serve` runs."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return _Server(config, drain_s)


class _Server(uvicorn.Server):
    """Leaves without losing a request where another process listens on the same port.

    uvicorn closes connections on which no request has come yet. So first it only stops listening,
    and for `drain_s` answers what is still sent, asking each client to connect anew.
    """

    def __init__(self, config: uvicorn.Config, drain_s: float):
        super().__init__(config)
        self._drain_s = drain_s

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in [*self.servers, *(sockets or [])]:
            listener.close()
        headers = self.server_state.default_headers
        self.server_state.default_headers = [*headers, (b"connection", b"close")]
        await asyncio.sleep(self._drain_s)
        await super().shutdown(sockets)


def _bind(host: str, port: int, reuse_port: bool = False) -> socket.socket:
    try:
        return socket.create_server((host, port), reuse_port=reuse_port)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Next: serve --port {port + 1}"
        ) from error
