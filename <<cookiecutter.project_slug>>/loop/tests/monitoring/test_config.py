"""What monitor.yaml may say."""

from __future__ import annotations

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.monitoring import config


def test_defaults(tmp_path):
    """One key is enough."""
    (tmp_path / "monitor.yaml").write_text("stale_days: 30\n")
    loaded = config.load(tmp_path / "monitor.yaml")
    assert (loaded.stale_days, loaded.retrain) == (30, config.RetrainConfig())


@pytest.mark.parametrize("text", ["stale_days: 0", "stale_days: 1\nmore: 1", "retrain: {}"])
def test_a_wrong_file(tmp_path, text):
    """Names the file and the key."""
    (tmp_path / "monitor.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"monitor\.yaml: (stale_days|more)"):
        config.load(tmp_path / "monitor.yaml")
