"""Replace the model of a running process, by SIGHUP or `POST /reload`.

Requests read `app.state.model` once, so each is answered by one model from beginning to end, and
none waits.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from dataclasses import replace

from fastapi import FastAPI

from mlops_loop.errors import NoValidBundle
from mlops_loop.inference import model
from mlops_loop.inference.model import Model
from mlops_loop.model.contract import Contract

_one_at_a_time = threading.Lock()


def reload(app: FastAPI) -> Model:
    """Load the bundle of BUNDLE_DIR again, and let it serve.

    Raises NoValidBundle, and keeps the current model, where the bundle is missing or was changed
    after training, or where clients would see another contract: that needs a new deployment.
    """
    with _one_at_a_time:
        current: Model | None = app.state.model
        first = app.state.first_bundle
        loaded = model.load(app.state.settings, first)
        if current:
            _check_same_contract(current, loaded)
        app.state.first_bundle = first or loaded.bundle.id
        app.state.model = loaded
        app.state.metrics.serve(loaded)
    return loaded


def _check_same_contract(current: Model, loaded: Model) -> None:
    if _as_clients_see(loaded.contract) != _as_clients_see(current.contract):
        raise NoValidBundle(
            f"The bundle {loaded.bundle.id} has another contract than {current.bundle.id}, which "
            "serves: columns, ranges, target or classes differ. Start a new process for it."
        )


def _as_clients_see(contract: Contract) -> Contract:
    """The contract without what may change: codes, clipping, examples and the threshold."""
    columns = tuple(
        replace(column, clip=None, example=None, levels=column.levels * column.closed)
        for column in contract.columns
    )
    return replace(contract, columns=columns, threshold=0)


def on_hangup(app: FastAPI) -> None:
    """Reload at SIGHUP, in a thread; the result is logged."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, _reload_and_log, app)


def _reload_and_log(app: FastAPI) -> None:
    log = logging.getLogger("uvicorn.error")
    try:
        log.info("Reloaded: bundle %s serves.", reload(app).bundle.id)
    except NoValidBundle as error:
        log.error("Not reloaded, the current model keeps serving. %s", error)
