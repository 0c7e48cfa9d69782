"""What a model was asked since it was loaded."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class Usage:
    """Requests that were answered with their rows and seconds, and those that were refused.

    seconds: from checked rows to predictions, waiting for a turn included. last_at: when the last
    answer was made, in seconds since 1970; 0 before the first.
    """

    requests: int = 0
    rows: int = 0
    seconds: float = 0.0
    refused: int = 0
    last_at: float = 0.0

    def answered(self, n_rows: int, seconds: float) -> None:
        """Count a request."""
        self.requests += 1
        self.rows += n_rows
        self.seconds += seconds
        self.last_at = time.time()
