"""What of a verdict is kept in the annotation of a version."""

from __future__ import annotations

import json

from mlops_loop.dashboard import facts
from mlops_loop.registry import ledger, verdicts

WHOLE = {"name": "absolute", "status": "pass", "metric": "roc_auc", "slice": "", "unit": "",
         "low": 0.7, "estimate": 0.75, "high": 0.8}  # fmt: skip
ENV = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "ada/flights",
    "GITHUB_RUN_ID": "7",
}


def sliced(status: str, name: str = "a") -> dict:
    """A check of a part of the rows."""
    return WHOLE | {"status": status, "slice": f"carrier = {name}"}


def test_checks_of_slices_are_counted():
    """By status; the file and the run that have them are named."""
    checks = [WHOLE, sliced("pass"), sliced("pass", "b"), sliced("hold", "c")]
    kept = verdicts.kept({"decision": "PROMOTE", "checks": checks}, ENV)
    assert kept == {
        "decision": "PROMOTE",
        "checks": [WHOLE],
        "left_out": {
            "checks": {"pass": 2, "hold": 1},
            "file": "reports/gate.json",
            "run": "https://github.com/ada/flights/actions/runs/7",
        },
    }


def test_a_verdict_without_slices_stays():
    """And outside of a workflow no run is named."""
    assert verdicts.kept({"decision": "PROMOTE"}, ENV) == {"decision": "PROMOTE"}
    assert "run" not in verdicts.kept({"checks": [sliced("pass")]}, {})["left_out"]


def test_an_annotation_does_not_grow_with_slices(project):
    """What the dashboard reads back is there, of 200 slices as of one."""
    sizes = []
    for n in (1, 200):
        made, verdict = project.ship(f"model {n}")
        checks = [WHOLE, *(sliced("pass", f"value {i}") for i in range(n))]
        version, _ = ledger.register(project.root, made, verdict | {"checks": checks})
        sizes.append(len(json.dumps(version.note)))
    assert sizes[1] < sizes[0] + 10
    (score,) = facts.scores(ledger.local(project.root))
    assert (score.versions, score.intervals) == (["v1.0.0", "v1.1.0"], [(0.7, 0.75, 0.8)] * 2)
