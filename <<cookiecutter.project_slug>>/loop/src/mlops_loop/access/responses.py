"""The answer to a request that is refused before its route, or by another protocol's route."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse


def error_response(
    status: int, sentence: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The sentence under `detail`, and under `error` for clients of TF Serving and KServe."""
    return JSONResponse({"detail": sentence, "error": sentence}, status, headers)
