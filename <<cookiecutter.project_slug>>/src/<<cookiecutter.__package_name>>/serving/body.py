"""Reading a request's body without taking more of it than allowed."""

from __future__ import annotations

from starlette.requests import Request

from .problems import BodyTooLarge


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body; raises BodyTooLarge as soon as it is known to be over `max_bytes`."""
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than {max_bytes} bytes. Send fewer rows at once.")
