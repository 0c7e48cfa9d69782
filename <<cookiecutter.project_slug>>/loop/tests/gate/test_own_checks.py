"""A check of the user's own decides like any other; a broken one refuses the model."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

from mlops_loop import errors, params
from mlops_loop.gate import comparison, gate, own_checks, policy
from mlops_loop.model.contract import Contract
from mlops_loop.statistics import bootstrap

LATE = Contract("classification", "late", (), ("no", "yes"))
POLICY = {
    "task": "classification",
    "min_rows": 300,
    "primary": {"metric": "roc_auc", "margin": 0.02},
    "absolute": {"roc_auc": 0.6},
    "suspicion": {"too_good": 0.99, "max_gain": 0.1},
}


@pytest.fixture
def decide(own_package):
    """`decide("yield ...", limit=1)`: the verdict on a good model, with a check of this body."""

    def run(body: str, **options: object) -> gate.Verdict:
        indented = "\n".join(f"    {line}" for line in body.splitlines())
        own_package(
            extensions="import numpy as np\nfrom mlops_loop.gate.comparison import Check\n\n"
            f"def own(comparison, options):\n{indented}\n\nCHECKS = {{'own': own}}\n"
        )
        rules = policy.GatePolicy.model_validate(POLICY | {"own_checks": {"own": options}})
        rng = np.random.default_rng(0)
        y = rng.integers(0, 2, 1000)
        late = 1 / (1 + np.exp(rng.normal(0, 1, 1000) - 2 * y + 1))
        model = bootstrap.Contender("new", "new", LATE, y, np.column_stack([1 - late, late]))
        rows, seen = pd.DataFrame({"place": ["a", "b"] * 500}), np.zeros(1000, dtype=bool)
        return gate.decide(comparison.Comparison(model, None, seen, rows, rules))

    return run


def own(verdict: gate.Verdict) -> list[comparison.Check]:
    return [check for check in verdict.checks if check.name == "own"]


@pytest.mark.parametrize(
    ("status", "decision"),
    [("pass", "PROMOTE"), ("skip", "PROMOTE"), ("hold", "HOLD"), ("fail", "REJECT")],
)
def test_its_status_decides(decide, status, decision):
    """As that of any check; the others pass here."""
    verdict = decide(f"yield Check('own', {status!r}, 'Because.')")
    assert verdict.decision == decision
    assert own(verdict) == [comparison.Check("own", status, "Because.")]


def test_it_sees_the_models_and_its_options(decide):
    """Scores, rows, intervals of any metric, and what gate.yaml says."""
    body = """late = comparison.challenger.scores[:, 1]
value = np.float32(np.mean(late > options['from']))
yield Check('own', 'pass', 'Shares.', value, threshold=options['limit'], n_rows=late.size)
worst = comparison.by_slice('roc_auc', ('place',), 100)
for name, interval in worst.items():
    yield comparison.check('own', 'roc_auc', interval, 0.5, 'pass', '', slice=name)"""
    shares, *slices = own(decide(body, **{"from": 0.5, "limit": 0.9}))
    assert 0.3 < shares.estimate < 0.7
    assert (shares.threshold, shares.n_rows) == (0.9, 1000)
    assert [check.slice for check in slices] == ["place=a", "place=b"]


def test_numbers_become_plain_json(decide):
    """Of numpy, and such as are not finite."""
    verdict = decide("yield Check('own', 'pass', '', np.float64('nan'), n_rows=np.int64(3))")
    [check] = json.loads(json.dumps(verdict.to_dict()))["checks"][-1:]
    assert own(verdict) == [comparison.Check("own", "pass", "", None, n_rows=3)]
    assert check["estimate"] is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return {}['x']", r"KeyError: 'x' \(extensions.py, line 5\)"),
        ("yield 1 / 0", r"ZeroDivisionError: .*\(extensions.py, line 5\)"),
        ("return comparison.interval('nonsense')", "UsageError: There is no metric 'nonsense'"),
        ("return comparison.by_slice('roc_auc', ('x',), 1)", "DataRefused: .*no column x"),
        ("return None", "TypeError: .*NoneType.*not iterable"),
        ("yield True", "TypeError: it yields bool, which is no Check"),
        ("yield Check('own', 'good', '')", "ValidationError: .*'pass', 'fail', 'hold' or 'skip'"),
        ("yield Check('own', 'pass', '', 'many')", "ValidationError: .*estimate"),
        ("yield Check('own', 'hold', '', rows_needed='many')", "ValidationError: .*rows_needed"),
        ("options['limit'] = 2\nyield Check('own', 'pass', '')", "TypeError: .*mappingproxy"),
    ],
)
def test_a_broken_check_refuses_the_model(decide, body, reason):
    """With what it said, and the line of the user's code; the other checks are still asked."""
    verdict = decide(body)
    [check] = own(verdict)
    assert verdict.decision == "REJECT"
    assert check.status == "fail"
    assert re.search(f"This check is broken: {reason}", check.message), check.message
    assert "absolute" in {other.name for other in verdict.checks}


def test_what_it_yielded_before_it_broke_counts(decide):
    """A reason to refuse is not lost."""
    verdict = decide("yield Check('own', 'hold', 'First.')\nraise OSError('gone')")
    assert [check.status for check in own(verdict)] == ["fail", "hold"]


@pytest.mark.parametrize("body", ["return []", "return\nyield"])
def test_a_check_without_an_answer_refuses_the_model(decide, body):
    """A forgotten `yield` must not pass."""
    [check] = own(decide(body))
    assert check.status == "fail"


def test_nothing_is_asked_that_the_policy_does_not_name(own_package):
    """A function of the table alone does nothing."""
    own_package(extensions="CHECKS = {'own': None}")
    rules = policy.GatePolicy.model_validate(POLICY)
    case = comparison.Comparison(None, None, None, None, rules)
    assert list(own_checks.own_checks(case)) == []


def test_an_unknown_name_is_refused_with_those_that_exist(own_package, tmp_path):
    """When gate.yaml is read."""
    own_package(extensions="CHECKS = {'balance': None, 'cost': None}")
    path = tmp_path / "gate.yaml"
    path.write_text(yaml.safe_dump(POLICY | {"own_checks": {"blance": {}}}))
    with pytest.raises(errors.UsageError, match=r"has no 'blance'\. It has: 'balance', 'cost'"):
        params.read_yaml(path, policy.GatePolicy)


def test_options_are_a_mapping(own_package, tmp_path):
    """So that each has a name."""
    own_package(extensions="CHECKS = {'balance': None}")
    path = tmp_path / "gate.yaml"
    path.write_text(yaml.safe_dump(POLICY | {"own_checks": {"balance": 0.5}}))
    with pytest.raises(errors.UsageError, match=r"own_checks.balance = 0.5: .*mapping"):
        params.read_yaml(path, policy.GatePolicy)
