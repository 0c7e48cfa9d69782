"""HEAD: the headers of the answer that GET would get."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Lets the app answer HEAD as GET and leaves out the body; `scope["head"]` says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD":
            return await self._app(scope, receive, send)

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        asked = dict(scope, method="GET", head=True)
        try:
            await self._app(asked, receive, send_head)
        finally:
            scope["route"] = asked.get("route")
