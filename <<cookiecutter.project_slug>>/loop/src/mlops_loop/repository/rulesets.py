"""The rules that protect main and the registry's tags: as GitHub takes them, and whether they hold.

https://docs.github.com/rest/repos/rules
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Rule = dict[str, Any]

CHECK = "All checks passed"  # the name of the job ci-ok, under which GitHub knows its result
ACTIONS_APP = 15368  # nobody but GitHub Actions may report that check
TAGS = ("refs/tags/model@*", "refs/tags/model#*")
PASSED = {
    "do_not_enforce_on_create": True,  # the first push makes main, before any check could run
    "strict_required_status_checks_policy": False,
    "required_status_checks": [{"context": CHECK, "integration_id": ACTIONS_APP}],
}


def _ruleset(name: str, target: str, refs: Iterable[str], *rules: Rule) -> dict[str, Any]:
    conditions = {"ref_name": {"include": list(refs), "exclude": []}}
    told = {"name": name, "target": target, "enforcement": "active", "conditions": conditions}
    return {**told, "rules": list(rules)}


RULESETS = {
    "branch": _ruleset(
        "main: checked, never rewritten", "branch", ["~DEFAULT_BRANCH"],
        {"type": "deletion"}, {"type": "non_fast_forward"},
        {"type": "required_status_checks", "parameters": PASSED},
    ),
    "tag": _ruleset(
        "model tags: never moved or removed", "tag", TAGS, {"type": "deletion"}, {"type": "update"}
    ),
}  # fmt: skip


def checked(rules: Iterable[Rule], classic: dict[str, Any] | None) -> bool:
    """Whether the check CHECK is required, by rules or by the classic protection of a branch."""
    wanted = {
        check["context"]
        for rule in rules
        if rule["type"] == "required_status_checks"
        for check in rule["parameters"]["required_status_checks"]
    }
    old = ((classic or {}).get("required_status_checks") or {}).get("contexts", [])
    return CHECK in wanted.union(old)


def lasting(rules: Iterable[Rule], classic: dict[str, Any] | None) -> bool:
    """Whether a branch can be neither rewritten nor deleted; classic protection allows neither."""
    loose = [(classic or {}).get(f"allow_{name}") or {} for name in ("force_pushes", "deletions")]
    kept = classic is not None and not any(each.get("enabled") for each in loose)
    return kept or {"deletion", "non_fast_forward"} <= {rule["type"] for rule in rules}


def unprotected(rulesets: Iterable[dict[str, Any]]) -> list[str]:
    """Those of TAGS that no active ruleset keeps from being moved and from being deleted."""
    safe: set[str] = set()
    for each in rulesets:
        names = (each.get("conditions") or {}).get("ref_name") or {}
        types = {rule["type"] for rule in each.get("rules") or ()}
        stays = "deletion" in types and types & {"update", "non_fast_forward"}
        if each["enforcement"] == "active" and stays and not names.get("exclude"):
            safe |= {*TAGS} if "~ALL" in names.get("include", []) else {*names.get("include", [])}
    return [pattern for pattern in TAGS if pattern not in safe]
