"""MLflow's own client with short waits, and its errors in a sentence.

Imported in the process of a call alone (deadline.py), because `mlflow` reads the environment once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mlops_loop.text import printable
from mlops_loop.trackers.address import PASSWORD, TOKEN, Address, not_private
from mlops_loop.trackers.deadline import Refused

SETTINGS = {
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",  # the login and the model would follow
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",  # it may ask for an hour
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
SEE = "Next: loop/docs/trackers.md"
STATUS = {
    400: "it refuses the request (400)",
    401: f"it refuses the login (401). Next: set {TOKEN}, or user and password",
    403: f"the login may not write there, or its --allowed-hosts lacks this host (403). {SEE}",
    404: f"no MLflow server answers at this path (404). {SEE}",
    429: "it is too busy (429)",
}
LOCAL = (
    "the server keeps files in a folder of its own and takes none over HTTP. "
    "Next: start it with --serve-artifacts and --artifacts-destination"
)
R = TypeVar("R")


def connect(address: Address) -> Any:
    """An `MlflowClient`; raises Refused where a login would cross the network unencrypted."""
    os.environ |= SETTINGS
    from mlflow import MlflowClient
    from mlflow.utils.credentials import get_default_host_creds

    login = get_default_host_creds(address.url)
    if (login.token or login.username) and not address.is_private:
        raise Refused(not_private(address))
    return MlflowClient(address.url, address.url)


def in_words(function: Callable[..., R]) -> Callable[..., R]:
    """A function of mlflow's client whose errors are Refused, each with a sentence."""

    @wraps(function)
    def call(*args: Any) -> R:
        try:
            return function(*args)
        except Refused:
            raise
        except Exception as error:
            raise Refused(_without_login(_reason(error))) from None

    return call


def check_files(address: Address, uri: str) -> None:
    """Raise Refused for a place of files that needs a login sent to another host, or a local one.

    uri: of a run's files, as the server gives it. mlflow would send the login of the tracker to
    any host in it.
    """
    parts = urlsplit(uri)
    if parts.scheme in ("", "file"):
        raise Refused(LOCAL)
    over_http = parts.scheme in ("mlflow-artifacts", "http", "https")
    if over_http and parts.netloc and parts.netloc != address.host:
        raise Refused(f"it names {printable(parts.netloc)} for files, which gets no login")


def _reason(error: Exception) -> str:
    """What went wrong, by the first cause that tells."""
    from requests import exceptions

    for cause in _causes(error):
        if isinstance(cause, exceptions.SSLError):
            problem = "its TLS certificate is not valid for this host, or signed by nobody known"
            return f"{problem}. {SEE}"
        if isinstance(cause, exceptions.HTTPError) and cause.response is not None:
            return _status(cause.response.status_code)
        if isinstance(cause, exceptions.RequestException):
            return _broken(cause)
    if found := re.search(r"error code (\d{3}) != 200", str(error)):
        return _status(int(found[1]))
    return _refusal(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _broken(error: Exception) -> str:
    text = str(error)
    if found := re.search(r"too many (\d{3}) error responses", text):
        return _status(int(found[1]))
    if "timed out" in text.lower() or "timeout" in type(error).__name__.lower():
        return "it does not answer"
    return "no connection to it"


def _status(code: int) -> str:
    if code in STATUS:
        return STATUS[code]
    if code in range(300, 400):
        return f"it redirects ({code}), and no redirect is followed. Next: set the final address"
    return f"it is broken ({code})" if code >= 500 else f"it refuses ({code})"


def _refusal(error: Exception) -> str:
    """What the server says, or any other error, in one line of limited length."""
    code = getattr(error, "error_code", None) or type(error).__name__
    get_status = getattr(error, "get_http_status_code", None)
    if get_status and get_status() in (401, 403, 429):
        return STATUS[get_status()]
    return printable(f"{code}: {' '.join(str(error).split())}")


def _without_login(text: str) -> str:
    for name in (TOKEN, PASSWORD):
        if secret := os.environ.get(name):
            text = text.replace(secret, "***")
    return text
