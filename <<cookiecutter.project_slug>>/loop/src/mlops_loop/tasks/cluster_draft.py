"""How a project for clustering begins; see `task_draft.py`."""

from __future__ import annotations

import numpy as np

from mlops_loop.tasks.task_draft import Limits, TargetFacts, TaskDraft

PLOTS = """\
  - reports/plots/sizes.csv:
      x: rows
      x_label: holdout rows
      y: cluster
      template: bar_horizontal
      title: Clusters by size
  - reports/plots/silhouette.csv:
      x: share of rows
      y: silhouette
      template: simple
      title: Silhouettes of the holdout
"""


class ClusterDraft(TaskDraft):
    """No column is predicted, so a person has to ask for it."""

    plots = PLOTS
    scoring = "silhouette"
    by_chance = "random"
    has_target = False
    no_use = ("calibrate", "class_weight", "early_stopping", "select")
    estimators = "k_means, mini_batch_k_means"
    advice = (
        "Delete what should not make the clusters: each number counts as much as any other. Keep "
        "few columns, since among many all rows are about as far from each other."
    )

    def first_estimator(self, n_rows: int) -> str:
        return "k_means"

    def suits(self, target: TargetFacts) -> bool:
        return False

    def check(self, target: TargetFacts) -> None:
        """Nothing: there is no target."""

    def limits(self, target: TargetFacts, amounts: np.ndarray) -> Limits:
        """The silhouette's is that of Kaufman and Rousseeuw 1990, doi:10.1002/9780470316801.

        Theirs is of mean distances to all rows; that of distances to centres is seldom lower.
        """
        absolute = {
            "silhouette": (0.25, "below, no substantial structure; write what is useful to you"),
            "smallest_share": (0.01, "of the rows, in the smallest cluster"),
        }
        margin = (0.03, "of a silhouette, in 0 to 1")
        return Limits("silhouette", absolute, 0.95, 0.2, margin, stability=0.7)
