"""The endpoint: `create_app(settings)` for a server of your own, `serve(settings)` to run it here.

    POST /predict    one row or many -> predictions
    /v1, /v2         the same, for clients of TF Serving and KServe (`protocols/`)
    GET  /           the page: a form made from the contract
    GET  /docs       the OpenAPI page, without a CDN
    GET  /health     the process is alive; depends on nothing
    GET  /ready      200 with a model that answers; else 503 with the reason
    GET  /version    what runs here
    GET  /contract   what the model takes and gives
    GET  /metrics    numbers for Prometheus

and for operators `/feedback`, `/logs/...` and `/reload` (log_routes.py).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from threading import current_thread, main_thread

import uvicorn
from anyio import to_thread
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import State

from mlops_loop import key_file, project
from mlops_loop.access.access_log import AccessLog
from mlops_loop.access.auth import Auth
from mlops_loop.access.connection import Connection
from mlops_loop.access.limits import Limits
from mlops_loop.access.open_connections import KEEP_ALIVE_S, OpenConnections, allow_files
from mlops_loop.errors import NoValidBundle, UsageError
from mlops_loop.page import routes as page_routes
from mlops_loop.prediction_log.log import PredictionLog
from mlops_loop.serving import (
    log_routes,
    openapi,
    problem_counter,
    prometheus,
    refusals,
    reload,
    routes,
)
from mlops_loop.serving.protocols import PROTOCOLS
from mlops_loop.settings import Settings
from mlops_loop.text import listed

GRACE_S, DRAIN_S, DRAIN_STEP_S = 20, 2, 0.02
# FastAPI looks for OpenTelemetry at each request, which costs as much as the model.
UNTRACED = TelemetryConfig(tracing=False, metrics=False, logs=False)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application, with the model of `settings.bundle_dir` in `app.state.model`.

    Without a valid bundle that is None, and the app says why it cannot predict: an orchestrator
    can then tell "not ready" from "crashed". Title and model name come from the project's package.
    Raises UsageError where settings contradict each other.
    """
    app = FastAPI(
        title=project.display_name(),
        version=settings.model_version,
        docs_url=None,
        redoc_url=None,
        telemetry=UNTRACED,
        generate_unique_id_function=openapi.operation_id,
        lifespan=_running,
    )
    _set_state(app, settings)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    _add_routes(app)
    app.add_middleware(
        Limits,
        settings=settings,
        auth=app.state.auth,
        answered=problem_counter.counting(app.state),
        log=app.state.access_log,
    )
    app.state.connections.refused = partial(_unread, app.state)
    return app


def _unread(state: State, host: str, status: int) -> None:
    """Log and count the answer to what was no request, or did not arrive."""
    scope = {"method": "", "path": "", "client": (host, 0)}
    state.metrics.answered(scope, status, 0.0)
    if state.access_log:
        state.access_log.add(scope, b"", status, 0.0)


def _set_state(app: FastAPI, settings: Settings) -> None:
    """What requests read: settings, names, metrics, the model or the reason why there is none."""
    app.state.settings = settings
    app.state.model_name = project.model_name()
    app.state.connections = OpenConnections(settings.max_connections)
    app.state.metrics = prometheus.Metrics()
    app.state.model, app.state.reason, app.state.first_bundle = None, "", ""
    app.state.document = None, None
    app.state.access_log = AccessLog() if settings.access_log else None
    try:
        reload.reload(app)
    except NoValidBundle as error:
        app.state.reason = str(error)
    app.state.log = _log(app, settings)
    app.state.auth = Auth(settings)  # last: it may make a file


def _add_routes(app: FastAPI) -> None:
    refusals.add_to(app)
    routes.add_to(app)
    for protocol in PROTOCOLS:
        app.include_router(protocol.router)
    page_routes.add_to(app)
    log_routes.add_to(app)
    prometheus.add_to(app)


def _log(app: FastAPI, settings: Settings) -> PredictionLog | None:
    if not settings.log_url:
        return None
    columns = [name.strip() for name in settings.log_columns.split(",") if name.strip()]
    known = app.state.model.contract.names if app.state.model else columns
    if unknown := sorted(set(columns) - set(known)):
        raise UsageError(f"LOG_COLUMNS names {unknown[0]!r}, allowed are {listed(known)}.")
    return PredictionLog(
        settings.log_url,
        columns,
        settings.image_digest,
        settings.log_subject_key,
        settings.log_wait,
    )


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """What the log still holds in memory is written at the end, after the last answer."""
    log: PredictionLog | None = app.state.log
    if log:
        await to_thread.run_sync(log.start)
    yield
    if log and (lost := await to_thread.run_sync(log.close)):
        logging.getLogger("uvicorn.error").error("%s rows are lost: %s", lost, log.reason)


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Then clients with an open connection are answered for up to
    `DRAIN_S` seconds, and requests in flight get `GRACE_S` more to finish.

    Port 0 takes any free one. Raises NoValidBundle where a bundle is required and none is valid,
    UsageError where the address cannot be bound.
    """
    app = create_app(settings)
    if settings.require_bundle and app.state.model is None:
        raise NoValidBundle(app.state.reason)
    allow_files(settings.max_connections)
    gc.collect()
    gc.freeze()  # what was loaded stays: scanning it again would hold up requests
    listeners = _listeners(settings)
    host, port = listeners[-1].getsockname()
    address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    print(f"Page  {address}/\nAPI   {address}/docs", flush=True)
    with suppress(KeyboardInterrupt), _own_key_noted(app, listeners):  # raised after a stop
        server_of(app).run(sockets=listeners)


@contextmanager
def _own_key_noted(app: FastAPI, listeners: list[socket.socket]) -> Iterator[None]:
    """Say where the endpoint's own key is, to whoever reads its output and to our commands."""
    if place := app.state.auth.own_key_file:
        with key_file.noted([each.getsockname() for each in listeners], place):
            print(f"Key   {place}", flush=True)
            yield
    else:
        yield


def _listeners(settings: Settings) -> list[socket.socket]:
    """On the process's own port and, where there is one, on the shared port."""
    listeners = [_bind(settings.bind_host, settings.port)]
    if settings.shared_port:
        listeners.append(_bind(settings.bind_host, settings.shared_port, reuse_port=True))
    return listeners


def server_of(app: FastAPI) -> Server:
    """The server that `serve` runs."""
    config = uvicorn.Config(
        app,
        http=Connection.of(app.state.connections),
        ws="none",
        timeout_keep_alive=int(KEEP_ALIVE_S),
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(app, config)


class Server(uvicorn.Server):
    """Stops without losing a request.

    uvicorn closes connections on which no request has arrived yet, while one may be on its way. So
    this one first stops only listening, and until its clients have gone, for up to `drain_s`,
    answers what is still sent, asking each client to connect again. A second Ctrl-C ends it.
    """

    drain_s: float = DRAIN_S

    def __init__(self, app: FastAPI, config: uvicorn.Config):
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if current_thread() is main_thread():  # as in uvicorn: only this thread gets signals
            reload.on_hangup(self._app)
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        headers = self.server_state.default_headers
        self.server_state.default_headers = [*headers, (b"connection", b"close")]
        await self._drain()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        clock, connections = asyncio.get_running_loop().time, self._app.state.connections
        end = clock() + self.drain_s
        while connections and not self.force_exit and clock() < end:
            await asyncio.sleep(DRAIN_STEP_S)


def _bind(host: str, port: int, reuse_port: bool = False) -> socket.socket:
    try:
        return socket.create_server((host, port), reuse_port=reuse_port)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            f"Next: loop serve --port {port + 1}"
        ) from error
