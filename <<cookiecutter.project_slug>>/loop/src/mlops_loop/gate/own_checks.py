"""Checks of the user's own: the functions of `extensions.CHECKS` that gate.yaml names.

What such a function raises or yields by mistake is a failing check: a model does not pass because
a check is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from mlops_loop import files, project
from mlops_loop.gate.comparison import Check, Comparison
from mlops_loop.sections import frozen

Function = Callable[[Comparison, Mapping[str, Any]], Iterable[Check]]
CHECK = TypeAdapter(Check)


def own_checks(comparison: Comparison) -> Iterator[Check]:
    """The checks of every function that the policy names, in its order, at least one of each."""
    functions = project.extension("CHECKS")
    for name, options in comparison.policy.own_checks.items():
        yield from _run(name, functions[name], comparison, frozen(options))


def _run(
    name: str, function: Function, comparison: Comparison, options: Mapping[str, Any]
) -> list[Check]:
    checks: list[Check] = []
    try:
        checks.extend(map(_valid, function(comparison, options)))
    except Exception as error:  # whatever the user's code raises
        return [*checks, Check(name, "fail", f"This check is broken: {project.failure(error)}.")]
    hint = "It yields no Check. Yield one with the status 'skip' where it does not apply."
    return checks or [Check(name, "fail", hint)]


def _valid(check: object) -> Check:
    """The check with plain numbers, None for those that are not finite; raises TypeError."""
    if not isinstance(check, Check):
        raise TypeError(f"it yields {type(check).__name__}, which is no Check")
    return CHECK.validate_python(files.tidy(asdict(check), digits=None))
