"""What an annotation keeps of the gate's verdict.

Every command reads all versions, and a gate with 200 slices writes 155 kB. So the annotation has
the decision and the checks of all rows, which the dashboard draws; checks of slices are counted by
status, and `left_out` names the file and the run that have them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mlops_loop import paths


def kept(verdict: Mapping[str, Any], env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The verdict without checks of slices, and where those are; unchanged where it has none."""
    checks = verdict.get("checks", ())
    sliced = [check for check in checks if check.get("slice")]
    if not sliced:
        return dict(verdict)
    whole = [check for check in checks if not check.get("slice")]
    counts = dict(Counter(check["status"] for check in sliced))
    left_out = {"checks": counts, "file": paths.VERDICT.as_posix(), **_run(env)}
    return {**verdict, "checks": whole, "left_out": left_out}


def _run(env: Mapping[str, str]) -> dict[str, str]:
    """The address of the run of the workflow; {} outside of one."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (env.get(name) for name in names)
    return {"run": f"{server}/{repository}/actions/runs/{run}"} if run else {}
