"""The workflows fit what `loop doctor` and `loop harden` ask of the repository."""

from __future__ import annotations

from pathlib import Path

import yaml

from mlops_loop.repository import rulesets


def test_the_required_check_is_the_workflows_own():
    """GitHub knows a job's result by the job's name."""
    workflow = yaml.safe_load(Path(".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["ci-ok"]["name"] == rulesets.CHECK
