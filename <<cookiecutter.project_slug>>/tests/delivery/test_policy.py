"""What gate.yaml may say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from <<cookiecutter.__package_name>>.delivery import policy
from <<cookiecutter.__package_name>>.errors import UsageError

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
        return policy.load(path)

    return read


def test_the_projects_own_policy_loads():
    """The gate.yaml beside the code has no wrong key or value."""
    root = Path(__file__).parents[2]
    assert [policy.load(path).min_rows for path in root.glob("gate*.yaml")]


def test_defaults_are_the_careful_choice(load):
    """Non-inferiority at 95 %, and no check that nobody asked for."""
    plain = load()
    assert (plain.primary.mode, plain.confidence) == ("non_inferiority", 0.95)
    assert plain.slice_columns == ()


def test_unknown_metrics_are_refused_with_the_known_ones(load):
    """A metric of the other task is as unknown as a typing error."""
    with pytest.raises(UsageError, match=r"no metric 'mae' for classification.*roc_auc"):
        load(absolute={"mae": 20})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"absolute": {}}, "absolute"),
        ({"absolute": {"roc_auc": float("nan")}}, "finite"),
        ({"confidence": 1.0}, "confidence = 1.0"),
        ({"primary": {"metric": "roc_auc", "margin": 0}}, "primary.margin = 0"),
        ({"primary": {"metric": "roc_auc", "margin": 0.1, "mode": "equal"}}, "non_inferiority"),
        ({"sclices": {}}, "sclices"),
    ],
)
def test_wrong_values_are_refused_by_name(load, changes, message):
    """The message names the key, and the value or what is allowed."""
    with pytest.raises(UsageError, match=message):
        load(**changes)


def test_slice_columns_are_those_of_slices_and_fairness(load):
    """Each column once, in the order of the file."""
    slices = {"columns": ["origin", "carrier"], "metric": "roc_auc", "limit": 0.5, "max_loss": 0.1}
    fairness = [{"column": name, "metric": "recall", "max_gap": 0.1} for name in ("sex", "origin")]
    assert load(slices=slices, fairness=fairness).slice_columns == ("origin", "carrier", "sex")
