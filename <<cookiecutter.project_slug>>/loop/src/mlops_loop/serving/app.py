"""The endpoint: `create_app(settings)` for a server of your own, `serve()` to run it here.

    POST /predict    one row or many -> predictions
    /v1, /v2         the same, as TF Serving and KServe ask (`protocols.py`)
    GET  /           the page: a form made from the contract
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers, 503 with the reason without
    GET  /version    what runs here
    GET  /contract   what the model takes and gives
    GET  /metrics    numbers for Prometheus

and for operators `/feedback`, `/logs/export` and `/reload` (log_routes.py).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from threading import current_thread, main_thread

import uvicorn
from anyio import to_thread
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from mlops_loop.access.auth import Auth
from mlops_loop.access.limits import Connection, Limits
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.page import routes as page
from mlops_loop.prediction_log.log import PredictionLog
from mlops_loop.serving import log_routes, openapi, prometheus, protocols, reload, routes
from mlops_loop.settings import Settings
from mlops_loop.text import listed

GRACE_S, DRAIN_S = 20, 2
# FastAPI looks for OpenTelemetry at each request, which costs as much as the model.
UNTRACED = TelemetryConfig(tracing=False, metrics=False, logs=False)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application, with the model of `settings.bundle_dir` in `app.state.model`.

    Without a valid bundle that is None, and the app says why it cannot predict: an orchestrator
    can then tell "not ready" from "crashed".
    """
    version = settings.model_version
    app = FastAPI(
        title=page.PROJECT,
        version=version,
        docs_url=None,
        redoc_url=None,
        telemetry=UNTRACED,
        lifespan=_running,
    )
    app.state.settings = settings
    app.state.auth = Auth(settings)
    app.state.model, app.state.reason, app.state.first_bundle = None, "", ""
    app.state.metrics = prometheus.Metrics()
    try:
        reload.reload(app)
    except NoValidBundle as error:
        app.state.reason = str(error)
    app.state.log = _log(app, settings)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    routes.add_to(app)
    app.include_router(protocols.router)
    page.add_to(app)
    log_routes.add_to(app)
    prometheus.add_to(app)
    answered = app.state.metrics.answered
    app.add_middleware(Limits, settings=settings, auth=app.state.auth, answered=answered)
    return app


def _log(app: FastAPI, settings: Settings) -> PredictionLog | None:
    if not settings.log_url:
        return None
    columns = [name.strip() for name in settings.log_columns.split(",") if name.strip()]
    known = app.state.model.contract.names if app.state.model else columns
    if unknown := sorted(set(columns) - set(known)):
        raise UsageError(f"LOG_COLUMNS names {unknown[0]!r}, allowed are {listed(known)}.")
    return PredictionLog(settings.log_url, columns, settings.image_digest, settings.log_subject_key)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """What the log holds is written at the end, after the last answer."""
    log: PredictionLog | None = app.state.log
    if log:
        await to_thread.run_sync(log.start)
    yield
    if log and (lost := await to_thread.run_sync(log.close)):
        logging.getLogger("uvicorn.error").error("%s rows are lost: %s", lost, log.reason)


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
    gc.collect()
    gc.freeze()  # what was loaded stays: looking it through would hold up requests
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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if current_thread() is main_thread():  # as uvicorn: no other one gets signals
            reload.on_hangup(self.config.app)
        await super().startup(sockets)

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
