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
REQUIRED_CHECKS = {
    "do_not_enforce_on_create": True,  # the first push makes main, before any check could run
    "strict_required_status_checks_policy": False,
    "required_status_checks": [{"context": CHECK, "integration_id": ACTIONS_APP}],
}


def _ruleset(name: str, target: str, refs: Iterable[str], *rules: Rule) -> dict[str, Any]:
    conditions = {"ref_name": {"include": list(refs), "exclude": []}}
    facts = {"name": name, "target": target, "enforcement": "active", "conditions": conditions}
    return {**facts, "rules": list(rules)}


RULESETS = {
    "branch": _ruleset(
        "main: checked, never rewritten", "branch", ["~DEFAULT_BRANCH"],
        {"type": "deletion"}, {"type": "non_fast_forward"},
        {"type": "required_status_checks", "parameters": REQUIRED_CHECKS},
    ),
    "tag": _ruleset(
        "model tags: never moved or removed", "tag", TAGS, {"type": "deletion"}, {"type": "update"}
    ),
}  # fmt: skip


def requires_ci(rules: Iterable[Rule], classic: dict[str, Any] | None) -> bool:
    """Whether the check CHECK is required, by rules or by the classic protection of a branch."""
    by_rules = {
        check["context"]
        for rule in rules
        if rule["type"] == "required_status_checks"
        for check in rule["parameters"]["required_status_checks"]
    }
    by_classic = ((classic or {}).get("required_status_checks") or {}).get("contexts", [])
    return CHECK in by_rules.union(by_classic)


def is_protected(rules: Iterable[Rule], classic: dict[str, Any] | None) -> bool:
    """Whether a branch can be neither rewritten nor deleted.

    Classic protection forbids both, unless it allows force pushes or deletions.
    """
    if {"deletion", "non_fast_forward"} <= {rule["type"] for rule in rules}:
        return True
    if classic is None:
        return False
    allowances = (classic.get(f"allow_{name}") or {} for name in ("force_pushes", "deletions"))
    return not any(allowance.get("enabled") for allowance in allowances)


def unprotected(rulesets: Iterable[dict[str, Any]]) -> list[str]:
    """Those of TAGS that no active ruleset keeps from being moved and from being deleted."""
    patterns = {pattern for ruleset in rulesets for pattern in _protected(ruleset)}
    return [] if "~ALL" in patterns else [pattern for pattern in TAGS if pattern not in patterns]


def _protected(ruleset: dict[str, Any]) -> list[str]:
    """The patterns of refs that a ruleset protects, without exceptions."""
    names = (ruleset.get("conditions") or {}).get("ref_name") or {}
    types = {rule["type"] for rule in ruleset.get("rules") or ()}
    holds = "deletion" in types and types & {"update", "non_fast_forward"}
    if ruleset["enforcement"] != "active" or not holds or names.get("exclude"):
        return []
    return names.get("include", [])
