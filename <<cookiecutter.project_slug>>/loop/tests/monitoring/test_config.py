"""What monitor.yaml may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.monitoring import config


def test_defaults(tmp_path):
    """One key is enough."""
    (tmp_path / "monitor.yaml").write_text("stale_days: 30\n")
    loaded = config.load(tmp_path / "monitor.yaml")
    assert (loaded.stale_days, loaded.retrain) == (30, config.RetrainConfig())


def test_the_file_of_the_project_loads():
    """Whatever its owner changed."""
    assert config.load(Path(__file__).parents[3] / "monitor.yaml").windows


def test_a_column_has_its_own_shift(tmp_path):
    """A closed set of levels takes a hundredth of unknown ones; a stated shift comes first."""
    text = "columns: {a: {closed: true, missing: 0.3}, b: {closed: true, unknown: 0.2}}"
    (tmp_path / "monitor.yaml").write_text(f"stale_days: 30\n{text}\n")
    loaded = config.load(tmp_path / "monitor.yaml")
    found = {(k, c): loaded.material_of(k, c) for k in ("missing", "unknown") for c in "abc"}
    assert found == {
        ("missing", "a"): 0.3, ("missing", "b"): 0.15, ("missing", "c"): 0.15,
        ("unknown", "a"): 0.01, ("unknown", "b"): 0.2, ("unknown", "c"): 0.05,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("windows: [2]", "windows = [2]: 2 days are no window of the reference: 1, 3, 7, 28"),
        ("windows: []", "windows"),
        ("alarms_per_year: 0", "alarms_per_year = 0"),
        ("material: {missing: 15}", "material.missing = 15"),
        ("material: {psi: 0.2}", "material.psi"),
        ("columns: {a: {close: true}}", "columns.a.close"),
    ],
)
def test_a_wrong_key_is_named_with_its_value(tmp_path, text, words):
    """Unknown keys are refused on every level."""
    (tmp_path / "monitor.yaml").write_text(f"stale_days: 30\n{text}\n")
    with pytest.raises(UsageError) as caught:
        config.load(tmp_path / "monitor.yaml")
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["stale_days: 0", "stale_days: 1\nmore: 1", "retrain: {}"])
def test_a_wrong_file(tmp_path, text):
    """Names the file and the key."""
    (tmp_path / "monitor.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"monitor\.yaml: (stale_days|more)"):
        config.load(tmp_path / "monitor.yaml")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{kind: endpoint, key: s3cret}", "traffic.key: "),
        ("{kind: postgres, url_env: 'postgresql://me:s3cret@host/db'}", "traffic.url_env: "),
        ("{kind: folder, path: 'ftp://me:s3cret@host/log'}", "traffic.path: "),
        ("{path: log}", "traffic: "),
    ],
)
def test_a_wrong_source_of_rows(tmp_path, section, said):
    """The key is named as the file has it, and a secret in the wrong place is not shown."""
    (tmp_path / "monitor.yaml").write_text(f"stale_days: 1\ntraffic: {section}\n")
    with pytest.raises(UsageError, match=said) as caught:
        config.load(tmp_path / "monitor.yaml")
    assert "s3cret" not in str(caught.value)
