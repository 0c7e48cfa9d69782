"""What deployments lead to. The command line turns these into sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlops_loop.errors import SmokeFailed
from mlops_loop.registry.entries import Entry

if TYPE_CHECKING:
    from mlops_loop.deployment.smoke import SmokeResult


@dataclass(frozen=True)
class PointerMismatch:
    """The image's tag `production` names another image than the ledger.

    digest: what the tag names, None where there is no such tag. ledger: what the ledger has in
    production, as a clause.
    """

    image_url: str
    digest: str | None
    ledger: str

    def describe(self) -> str:
        """Both sides, as a sentence."""
        named = self.digest or "missing"
        return f"{self.image_url}:production is {named}, and by the ledger {self.ledger}."


@dataclass(frozen=True)
class Deployment:
    """What `deploy` or `rollback` led to.

    current: what production holds now. outcome: "changed"; "unchanged", where production held it
    already; "superseded", where production is newer and stays. pointer_synced: False where the
    container registry cannot delete a tag that names nothing any more. smoke: the answers of the
    endpoint, None where none was asked.
    """

    current: Entry | None
    outcome: Literal["changed", "unchanged", "superseded"]
    pointer_synced: bool = True
    smoke: SmokeResult | None = None


@dataclass(frozen=True)
class AutoRollback:
    """What was done after a new version failed its check.

    digest: the image that production is back at, None where none ran before. current: what the
    ledger has in production now. smoke: the answers of the endpoint, None where none was asked or
    it failed; `smoke_error` says why then. ledger_error: why the ledger could not be written;
    the image's tag is back all the same.
    """

    digest: str | None
    current: Entry | None = None
    pointer_synced: bool = True
    smoke: SmokeResult | None = None
    smoke_error: str = ""
    ledger_error: str = ""


class ReleaseReverted(SmokeFailed):
    """A new version failed its check, and `rollback` says what was done."""

    def __init__(self, reason: SmokeFailed, rollback: AutoRollback):
        super().__init__(str(reason))
        self.rollback = rollback
