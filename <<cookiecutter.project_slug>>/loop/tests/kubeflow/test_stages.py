"""The stages of dvc.yaml, as DVC itself reads them."""

from __future__ import annotations

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.kubeflow import stages

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")  # of DVC


def test_each_stage_comes_after_those_that_it_reads(staged):
    """By outputs and dependencies, whatever the order in the file."""
    assert [(s.name, s.description) for s in stages.read(staged)] == [
        ("ingest", "Read it"),
        ("check-rows", ""),
        ("train", "Fit it"),
        ("evaluate", ""),
    ]


@pytest.mark.parametrize("text", ["stages: {}\n", ""])
def test_without_stages(staged, text):
    """The next command is named."""
    (staged / "dvc.yaml").write_text(text)
    with pytest.raises(UsageError, match=r"no stages.*root folder"):
        stages.read(staged)


def test_what_dvc_refuses(staged):
    """Its reason is kept, without a traceback."""
    (staged / "dvc.yaml").write_text("stages: {train: {cmd: [}}\n")
    with pytest.raises(UsageError, match=r"DVC cannot read dvc\.yaml: .*dvc dag"):
        stages.read(staged)


def test_a_circle_is_refused(staged):
    """DVC finds it."""
    circle = "stages: {a: {cmd: x, deps: [b], outs: [a]}, b: {cmd: x, deps: [a], outs: [b]}}\n"
    (staged / "dvc.yaml").write_text(circle)
    with pytest.raises(UsageError, match=r"DVC cannot read dvc\.yaml"):
        stages.read(staged)
