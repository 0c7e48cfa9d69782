"""Another model takes over in a running process, by SIGHUP or `POST /reload`.

Requests look at `app.state.model` once, so each is answered by one model from beginning to end,
and none waits.
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

_one_by_one = threading.Lock()


def reload(app: FastAPI) -> Model:
    """Load the bundle of BUNDLE_DIR anew, and let it serve.

    Raises NoValidBundle, and leaves the model that serves, where the bundle is missing or was
    changed after training, or where its contract takes or gives something else: that is another
    endpoint to its clients, which a deployment brings.
    """
    with _one_by_one:
        now: Model | None = app.state.model
        known = app.state.first_bundle
        made = model.load(app.state.settings, known)
        if now and _promise(made.contract) != _promise(now.contract):
            raise NoValidBundle(
                f"The bundle {made.bundle.id} has another contract than {now.bundle.id}, which "
                "serves: columns, ranges, target or classes differ. Start a new process for it."
            )
        app.state.first_bundle = known or made.bundle.id
        app.state.model = made
        app.state.metrics.serve(made)
    return made


def _promise(contract: Contract) -> Contract:
    """What clients rely on; codes, clipping, examples and the threshold belong to the training."""
    columns = tuple(
        replace(column, clip=None, example=None, levels=column.levels * column.closed)
        for column in contract.columns
    )
    return replace(contract, columns=columns, threshold=0)


def on_hangup(app: FastAPI) -> None:
    """Reload at SIGHUP, in a thread; what came of it is logged."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, _reload_and_tell, app)


def _reload_and_tell(app: FastAPI) -> None:
    log = logging.getLogger("uvicorn.error")
    try:
        log.info("Reloaded: bundle %s serves.", reload(app).bundle.id)
    except NoValidBundle as error:
        log.error("Not reloaded, what served before goes on. %s", error)
