"""A log in PostgreSQL, for several replicas; its library is an option."""

from __future__ import annotations

from typing import Any

from mlops_loop.errors import UsageError


class Postgres:
    """The server of a URL; a method raises one of `failures` where it cannot be used."""

    def __init__(self, url: str, timeout_s: int, read_only: bool) -> None:
        """Raises UsageError where the library is not installed."""
        self._psycopg = _psycopg()
        self.failures: tuple[type[Exception], ...] = (self._psycopg.Error, OSError)
        self._url, self._timeout_s = url, timeout_s
        self._options = f"-c statement_timeout={timeout_s * 1000}"
        self._options += " -c default_transaction_read_only=on" * read_only

    def connect(self) -> Any:
        options = {"connect_timeout": self._timeout_s, "options": self._options}
        return self._psycopg.connect(self._url, **options)


def _psycopg() -> Any:
    try:
        import psycopg
    except ModuleNotFoundError:
        raise UsageError(
            "LOG_URL names PostgreSQL, whose library is not installed here. "
            "Next: uv sync --group postgres, or --build-arg GROUP=postgres for an image"
        ) from None
    return psycopg
