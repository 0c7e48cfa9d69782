"""Another task has other plots at the end of dvc.yaml; the rest of the file stays."""

import pytest
import yaml

from mlops_loop import tasks
from mlops_loop.draft.targets import draft_of
from mlops_loop.draft.task_files import stages
from mlops_loop.errors import UsageError

HEAD = """\
stages:
  train: {cmd: loop train} # the owner's words
plots:
  - reports/plots/importance.csv:
      x: loss
      title: Permutation importance
"""
PLOTS = {name: task.draft.plots for name, task in tasks.table().items() if task.draft}
OTHER = [(one, other) for one in PLOTS for other in PLOTS if one != other]


@pytest.mark.parametrize(("task", "other"), OTHER)
def test_the_plots_of_another_task_take_the_place(task, other):
    """Whole entries, and back again; the same task changes nothing."""
    old = HEAD + PLOTS[task]
    new = stages(old, other)
    assert new == HEAD + PLOTS[other]
    assert stages(new, task) == old
    assert stages(old, task) == old
    assert len(yaml.safe_load(new)["plots"]) == 1 + PLOTS[other].count("- reports/plots")


def test_entries_of_one_line_are_known_too():
    """As dvc.yaml had them before."""
    old = HEAD + "  - reports/plots/roc.csv: {x: false positive rate, y: true positive rate}\n"
    assert stages(old, "regression") == HEAD + PLOTS["regression"]
    assert stages(HEAD, "regression") == HEAD


def test_a_task_without_a_draft_is_refused(monkeypatch):
    """With those that there are."""
    monkeypatch.setattr(tasks.find("regression"), "draft", None, raising=False)
    with pytest.raises(UsageError, match="--task regression: loop schema drafts 'classification'"):
        draft_of("regression")
