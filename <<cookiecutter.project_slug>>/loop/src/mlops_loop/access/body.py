"""Reading the body of a request."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from mlops_loop.inference.errors import BodyTooLarge


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """The whole body.

    Raises BodyTooLarge as soon as more than `max_bytes` have arrived, ClientDisconnect where the
    client has gone.
    """
    parts, n_bytes, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        n_bytes += len(parts[-1])
        more = message.get("more_body", False)
        if n_bytes > max_bytes:
            raise BodyTooLarge(f"The body is larger than {max_bytes} bytes. Send less.")
    return b"".join(parts)
