"""The project's YAML files fit its parameters, its data and each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlops_loop import params, paths, project
from mlops_loop.gate.policy import GatePolicy
from mlops_loop.monitoring import config
from mlops_loop.tasks import metrics


@pytest.fixture(scope="module")
def policy() -> GatePolicy:
    """What gate.yaml says."""
    return params.read_yaml(paths.GATE_POLICY, GatePolicy)


def named_metrics(policy: GatePolicy) -> Iterator[str]:
    """All metrics that a policy names."""
    yield policy.primary.metric
    yield from policy.absolute
    for rule in (policy.calibration, policy.slices, *policy.fairness):
        if rule:
            yield rule.metric


def named_columns(policy: GatePolicy) -> Iterator[str]:
    """All columns of the holdout that a policy names."""
    yield from policy.slices.columns if policy.slices else ()
    yield from (rule.column for rule in policy.fairness)


def test_the_gate_judges_what_is_trained(policy, own):
    """The same task, and metrics that it has."""
    assert policy.task == own.task
    for name in named_metrics(policy):
        assert metrics.find(policy.task, name).name == name


def test_the_gate_names_columns_that_exist(policy, own, parts):
    """Clusters, slices and groups are columns of the holdout."""
    named = {*named_columns(policy), own.evaluate.cluster} - {None}
    assert named <= set(parts["holdout"].columns)


def test_training_names_what_exists(own):
    """The estimator and the metric of the search."""
    assert own.train.estimator in project.estimators()
    assert metrics.find(own.task, own.train.scoring)


def test_retraining_is_allowed_before_the_model_is_stale():
    """Else every alarm would come during a cool-down."""
    loaded = config.load()
    assert loaded.stale_days > loaded.retrain.cool_down_days
