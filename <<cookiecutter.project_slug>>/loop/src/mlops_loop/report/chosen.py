"""What training chose, for the report: the best candidate, how far the search went, the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from mlops_loop import tasks
from mlops_loop.model.contract import Contract
from mlops_loop.tasks import metrics
from mlops_loop.text import number, plain

SHOWN = 8  # values of an option that are listed
FEWEST = 3  # values between which there is a middle
EMPTY = {"best": "", "options": [], "ends": [], "rule": "", "old_rule": ""}


def collect(
    training: Mapping[str, Any] | None, contract: Contract | None, champion: Mapping | None
) -> dict[str, Any]:
    """`best` in words, `options` with chosen and tried values, `ends`, and rules of decision.

    ends: the options whose chosen value is the smallest or largest number of three or more that
    were tried. old_rule: the champion's, empty where it is the same, of another question, or there
    is none. All of it is empty where there is no model, or no report of training that suits it.
    """
    if not contract or not training or not training.get("candidates"):
        return EMPTY
    if training["scoring"] not in metrics.table(contract.task):
        return EMPTY
    tried = _tried(training["candidates"])
    chosen = training["candidates"][0]["values"]
    return {
        "best": _best(training, contract),
        "options": [(name, _text(value), _listed(tried[name])) for name, value in chosen.items()],
        "ends": [name for name, value in chosen.items() if _is_end(value, tried[name])],
        **_rules(contract, champion),
    }


def _best(training: Mapping[str, Any], contract: Contract) -> str:
    """The estimator and its score in cross-validation, with the spread over the folds."""
    best, scoring = training["candidates"][0], training["scoring"]
    unit = metrics.find(contract.task, scoring).unit_of(contract)
    score = f"{scoring} {number(best['score'])} ± {number(best['spread'])} {unit}".rstrip()
    return f"{training['estimator']}, best of {len(training['candidates'])}: {score}"


def _tried(candidates: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """By option the values that were tried, each once, numbers in their order."""
    found: dict[str, dict[str, Any]] = {}
    for candidate in candidates:
        for name, value in candidate["values"].items():
            found.setdefault(name, {})[_text(value)] = value
    return {name: sorted(values.values(), key=_order) for name, values in found.items()}


def _order(value: Any) -> tuple[bool, float, str]:
    return (True, value, "") if _is_number(value) else (False, 0.0, _text(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return plain(value) if isinstance(value, float) and isfinite(value) else str(value)


def _listed(values: list[Any]) -> str:
    """All of a few values; of many numbers the range."""
    if len(values) <= SHOWN:
        return ", ".join(map(_text, values))
    if all(map(_is_number, values)):
        return f"{len(values)} values from {_text(values[0])} to {_text(values[-1])}"
    return ", ".join(map(_text, values[:SHOWN])) + f" and {len(values) - SHOWN} more"


def _is_end(value: Any, tried: list[Any]) -> bool:
    numbers = [one for one in tried if _is_number(one)]
    return _is_number(value) and len(numbers) >= FEWEST and value in (numbers[0], numbers[-1])


def _rules(contract: Contract, champion: Mapping[str, Any] | None) -> dict[str, str]:
    """How scores become a prediction, and how the champion's do where that differs."""
    rule = tasks.of(contract).decision_rule(contract)
    was = rule
    if champion and all(champion["contract"].get(n) == v for n, v in _question(contract).items()):
        before = replace(contract, threshold=champion["contract"]["threshold"])
        was = tasks.of(before).decision_rule(before)
    return {"rule": rule, "old_rule": was if was != rule else ""}


def _question(contract: Contract) -> dict[str, Any]:
    """What a model answers, as JSON has it."""
    return {"task": contract.task, "target": contract.target, "classes": list(contract.classes)}
