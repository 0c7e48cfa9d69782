"""What gate.yaml may say."""

from __future__ import annotations

import pytest
import yaml

from mlops_loop import params
from mlops_loop.errors import UsageError
from mlops_loop.gate import policy

PLAIN = {
    "task": "classification",
    "min_rows": 100,
    "primary": {"metric": "roc_auc", "margin": 0.01},
    "absolute": {"roc_auc": 0.6},
    "suspicion": {"too_good": 0.95, "max_gain": 0.1},
}


@pytest.fixture
def load(tmp_path):
    """`load(key=value)` reads a plain policy with these keys changed."""

    def read(**changes):
        path = tmp_path / "gate.yaml"
        path.write_text(yaml.safe_dump({**PLAIN, **changes}))
        return params.read_yaml(path, policy.GatePolicy)

    return read


def test_defaults_are_the_careful_choice(load):
    """Non-inferiority, ten cases at least, and no check that nobody asked for."""
    plain = load()
    assert (plain.primary.mode, plain.min_cases) == ("non_inferiority", 10)
    assert (plain.slices, plain.calibration, plain.fairness) == (None, None, ())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"absolute": {}}, "absolute"),
        ({"absolute": {"roc_auc": float("nan")}}, "finite"),
        ({"min_cases": 0}, "min_cases = 0"),
        ({"confidence": 0.9}, r"it is evaluate.confidence in params.yaml now.*: move it there"),
        ({"resamples": 100}, r"it is evaluate.resamples in params.yaml now"),
        ({"cluster": "day"}, r"cluster = 'day': it is evaluate.cluster in params.yaml now"),
        ({"primary": {"metric": "roc_auc", "margin": 0}}, "primary.margin = 0"),
        ({"primary": {"metric": "roc_auc", "margin": 0.1, "mode": "equal"}}, "non_inferiority"),
        ({"sclices": {}}, "sclices"),
    ],
)
def test_wrong_values_are_refused_by_name(load, changes, message):
    """The message names the key, and the value or what is allowed."""
    with pytest.raises(UsageError, match=message):
        load(**changes)
