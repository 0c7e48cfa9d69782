"""Checks that a model knows something at all, the first one too.

On the same rows, in pairs, it is compared with the best constant and with a shallow model, which
`tasks/baselines.py` makes. Nothing in gate.yaml has to ask for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isfinite

import numpy as np

from mlops_loop import tasks
from mlops_loop.errors import UsageError
from mlops_loop.gate.comparison import Answer, Check, Comparison, scored
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.statistics.bootstrap import Contender, Interval
from mlops_loop.tasks import metrics
from mlops_loop.tasks.baselines import skill_metric, value_of
from mlops_loop.tasks.task import Prediction
from mlops_loop.text import listed

AT_ONCE = 1_000  # rows whose predictions are made at a time


def beats_baselines(comparison: Comparison) -> Iterator[Check]:
    """The gain in one metric over each baseline, on all rows; positive is better.

    A model that is not better than the best constant fails, and is held where the rows cannot show
    that it is. One that is shown to be worse than the shallow model fails.
    """
    if comparison.baselines is None:
        return
    policy, new = comparison.policy, scored(comparison.challenger)
    metric = metrics.find(policy.task, compared_by(policy))
    known = comparison.baselines.against(metric, new.y, new.contract)
    for kind in ("constant", "shallow") if policy.baselines.shallow else ("constant",):
        if not (model := known.get(kind)):
            continue
        if not isfinite(value_of(model, metric)):
            why = f"Not defined for {model.name}: set baselines.metric in gate.yaml."
            yield Check(f"against {kind}", "fail", why, metric=metric.name)
            continue
        pair = replace(comparison, champion=model, seen=np.zeros(len(new.y), dtype=bool))
        gain = pair.interval(metric.name, gain=True)
        answer = RULES[kind](gain, model.name)
        yield pair.check(f"against {kind}", metric.name, gain, 0.0, *answer)


def compared_by(policy: GatePolicy) -> str:
    """The metric of the comparison with baselines: `baselines.metric`, or the primary one.

    Where a constant can be perfect in the primary metric, that of the task. Raises UsageError for
    `baselines.metric` that a constant can be perfect in, and where the task has no other.
    """
    own = policy.baselines.metric
    name = own or policy.primary.metric
    if (found := skill_metric(policy.task, name)) and found == (own or found):
        return found
    known = ", ".join(n for n, m in metrics.table(policy.task).items() if m.shows_skill)
    raise UsageError(
        f"gate.yaml: a model that knows nothing can be perfect in {name!r}, or have no value. Set "
        f"baselines.metric to one of: {known}."
    )


def _constant(gain: Interval, name: str) -> Answer:
    if gain.low > 0:
        return Answer("pass", f"Shown to be better than {name}.")
    if gain.estimate <= 0:
        return Answer("fail", f"It must be better than {name}.")
    return Answer("hold", f"Better than {name}, but within noise.", 2 * gain.estimate)


def _shallow(gain: Interval, name: str) -> Answer:
    if gain.high < 0:
        return Answer("fail", f"Shown to be worse than {name}.")
    word = "better" if gain.low > 0 else "not shown to be worse"
    return Answer("pass", f"It is {word} than {name}.")


RULES = {"constant": _constant, "shallow": _shallow}


def keeps_names(comparison: Comparison) -> Iterator[Check]:
    """A name that both models have means the same rows, where a task names what it finds."""
    own = tasks.find(comparison.policy.task).names
    if own is None or comparison.champion is None:
        return
    new, old = scored(comparison.challenger), scored(comparison.champion)
    moved = own.moved(new.scores, new.contract, old.scores, old.contract)
    n, answer = len(new.scores), "Every name means the rows that it meant before."
    if not moved:
        yield Check("names", "pass", answer, n_rows=n)
        return
    message = f"Other rows than in {old.name} are in {listed(moved, len(moved))}."
    resolve = "loop anchors, then make pipeline gate: what is found again keeps its name"
    yield Check("names", "hold", message, n_rows=n, resolve=resolve)


def tells_rows_apart(comparison: Comparison) -> Iterator[Check]:
    """Not every row gets the same prediction, where outcomes differ."""
    new, least = scored(comparison.challenger), comparison.policy.min_rows
    if (new.y == new.y[:1]).all() or (only := _only_prediction(new)) is None:
        return
    n, headline = len(new.y), tasks.of(new.contract).headline(only, new.contract)
    message = f"All {n:,} rows get the same prediction: {headline}"
    if n < least:
        yield Check("predictions", "hold", f"{message}, of at least {least:,}.", n_rows=n)
    else:
        yield Check("predictions", "fail", f"{message}.", n_rows=n)


def _only_prediction(model: Contender) -> Prediction | None:
    """The prediction of every row; None where there are several."""
    task = tasks.of(model.contract)
    found: dict[str, Prediction] = {}
    for start in range(0, len(model.scores), AT_ONCE):
        made = task.predictions(model.scores[start : start + AT_ONCE], model.contract)
        found |= {str(one["prediction"]): one for one in made}
        if len(found) > 1:
            return None
    return next(iter(found.values()))
