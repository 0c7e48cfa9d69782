"""The drafted `params.yaml`: that of the project, with what the table changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mlops_loop.draft.kinds import Facts, outcome
from mlops_loop.draft.roles import Roles
from mlops_loop.draft.schema_file import printable
from mlops_loop.draft.targets import draft_of
from mlops_loop.tasks.task_draft import by_label
from mlops_loop.yaml_text import dump, emptied, flow, parse_kept, put, quoted

SHARES = (0.15, 0.25)  # validation and holdout
FEW_LEVELS = range(2, 11)  # of a column whose values are evaluated as slices
MOST_SLICES = 2
STRATEGIES = "time, group, stratified or random"
MARGIN = 1.5  # of the measured share that is dropped, in the limit of it


def text(
    old: str, facts: Mapping[str, Facts], roles: Roles, source: Mapping[str, Any],
    repeated: float = 0.0, max_overlap: float | None = None,
) -> str:  # fmt: skip
    """The file; its comments stay where the values do.

    repeated: share of the rows whose key an earlier one has. max_overlap: None leaves it.
    """
    params = parse_kept(old)
    put(params, "task", roles.task)
    if source:
        put(params, "source", _signs_quoted(source), "see loop/docs/sources.md")
    target = outcome(facts, roles.target)
    if roles.target:
        _target(emptied(params["target"]), target, roles)
    else:
        put(params, "target", flow({}), "no column is predicted")
    _prepare(params["prepare"], facts, roles, repeated)
    _split(params["split"], roles)
    if max_overlap is not None:
        put(params["split"], "max_overlap", max_overlap, _comment(roles, "overlap"))
    _train(params["train"], target, roles)
    _evaluate(params["evaluate"], facts, roles)
    _validate(params["validate"], facts)
    return dump(params)


def _signs_quoted(source: Mapping[str, Any]) -> dict[str, Any]:
    return {k: quoted(v) if len(str(v)) == 1 else v for k, v in source.items()}


def _target(section: Any, target: Facts, roles: Roles) -> None:
    put(section, "column", roles.target, _comment(roles, "target", "task"))
    if roles.positive:
        counts = by_label(target)
        rows = f"{counts.get(roles.positive, 0):,} of {sum(counts.values()):,} rows"
        note = roles.notes.get("positive", rows)
        put(section, "positive", roles.positive, f"{note}; metrics and threshold are about it")


def _comment(roles: Roles, *names: str) -> str:
    return printable("; ".join(roles.notes[name] for name in names if name in roles.notes))


def _prepare(section: Any, facts: Mapping[str, Facts], roles: Roles, repeated: float) -> None:
    put(section, "key", flow(roles.key), _comment(roles, "key"))
    put(section, "carry_columns", flow(roles.carried))
    put(section, "outliers", flow({}))
    limits = {}
    target = outcome(facts, roles.target)
    if (lost := target.missing / target.n) > 0.1:
        limits["missing_target"] = _limit(lost)
    if repeated > 0.05:
        limits["repeated_key"] = _limit(repeated)
    section.pop("max_dropped_share", None)
    if limits:
        shares = f"target missing in {lost:.1%} of the rows, key repeated in {repeated:.1%}"
        put(section, "max_dropped_share", flow(limits), shares)


def _limit(share: float) -> float:
    return min(math.ceil(share * MARGIN * 100) / 100, 0.99)


def _split(section: Any, roles: Roles) -> None:
    put(section, "strategy", roles.strategy)
    if roles.column:
        put(section, "column", roles.column, _comment(roles, "split"))
    else:
        section.pop("column", None)
        put(section, "strategy", roles.strategy, _comment(roles, "split") or STRATEGIES)
    put(section, "validation", SHARES[0])
    put(section, "holdout", SHARES[1])
    put(section, "pinned", None)


def _train(section: Any, target: Facts, roles: Roles) -> None:
    draft = draft_of(roles.task)
    put(section, "estimator", draft.first_estimator(target.n), draft.estimators)
    put(section, "grid", None, "null: the grid in estimators.py")
    put(section, "scoring", draft.scoring)
    for key in draft.no_use:
        section.pop(key, None)
    if roles.positive:
        put(section, "threshold", "balanced_accuracy", "chosen on the validation rows; or a number")
    else:
        section.pop("threshold", None)


def slices(facts: Mapping[str, Facts], roles: Roles) -> list[str]:
    """The first columns of the model with few categories."""
    return [
        name for name in roles.inputs
        if facts[name].kind in ("text", "boolean") and facts[name].distinct in FEW_LEVELS
    ][:MOST_SLICES]  # fmt: skip


def _evaluate(section: Any, facts: Mapping[str, Facts], roles: Roles) -> None:
    put(section, "slices", flow(slices(facts, roles)))
    note = _comment(roles, "cluster") or "rows count one by one"
    put(section, "cluster", roles.cluster or None, note)


def _validate(section: Any, facts: Mapping[str, Facts]) -> None:
    """Room for the values that do not fit their columns."""
    share = sum(column.unread / column.n for column in facts.values())
    if share > section["max_failed_share"] / MARGIN:
        put(section, "max_failed_share", _limit(share), f"{share:.2%} of these rows do")
