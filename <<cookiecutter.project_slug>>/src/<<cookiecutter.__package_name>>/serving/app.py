"""The endpoint: `create_app(settings)` for a server of your own, `serve()` to run it here.

    POST /predict    one row or many -> predictions
    GET  /           the page: a form made from the contract
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers, 503 with the reason without
    GET  /version    what runs here
    GET  /contract   what the model takes and gives

The model is loaded once, when the app is made.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from functools import partial

import uvicorn
from fastapi import FastAPI

from ..errors import NoValidBundle, UsageError
from . import model, openapi, page, routes
from .settings import Settings

GRACE_S = 20


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application, with the model of `settings.bundle_dir` in `app.state.model`.

    Without a valid bundle that is None, and the app says why it cannot predict: an orchestrator
    can then tell "not ready" from "crashed".
    """
    version = settings.model_version
    app = FastAPI(title=page.PROJECT, version=version, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.model, app.state.reason = None, ""
    try:
        app.state.model = model.load(settings)
    except NoValidBundle as error:
        app.state.reason = str(error)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    routes.add_to(app)
    page.add_to(app)
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
    listener = _bind(settings)
    host, port = listener.getsockname()
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    print(f"Page  {address}/\nAPI   {address}/docs", flush=True)
    config = uvicorn.Config(
        app, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_S
    )
    with suppress(KeyboardInterrupt):  # raised once more after a graceful stop
        uvicorn.Server(config).run(sockets=[listener])


def _bind(settings: Settings) -> socket.socket:
    try:
        return socket.create_server((settings.bind_host, settings.port))
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {settings.bind_host} port {settings.port}: {error.strerror}. "
            f"Next: serve --port {settings.port + 1}"
        ) from error
