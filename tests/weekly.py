"""What runs once a week, and by `make test WEEKLY=1`: dear, and close to a test that always runs.

A pull request has the good path of each job and a failure of each kind; here are further inputs of
the same kind, further stores, and what needs gigabytes.
"""

from __future__ import annotations

import pytest

OPTION = "--weekly"
# Sections of the runbook; those beside them are of each kind: data, image, release, store, monitor.
HEADINGS = (
    "A password was changed",
    "A release was reverted",
    "A run was killed",
    "A schedule is off",
    "Harm is proven",
    "Inputs have drifted",
    "Ledger and pointer disagree",
    "No rows come",
    "Outcomes have stopped",
    "Retraining has stopped",
    "Tags are lost",
    "The champion cannot be read",
    "The champion has changed",
    "The disk of the log is full",
    "The gate says HOLD",
    "The gate says REJECT",
    "The host does not follow",
    "The lock is stale",
    "The loss has risen",
    "The model is stale",
    "The monitor cannot tell",
    "The registry is full",
    "The volume has changed",
    "Training data are old",
)
# By file, parts of names; an empty one stands for the whole file.
TESTS = {
    "test_experiments": [""],
    "test_image": ["[regression"],
    # A draft and tables of others train models of numbers and of clusters with every landing.
    "test_loop": ["[clustering]", "[regression]", "a_constant_is_no_first_model"],
    "test_own_table": ["clusters_of_an_own_table", "clusters_take_the_place_of_the_amount"],
    "test_page": ["test_clustering", "test_regression"],
    "test_plots": ["[clustering]", "[regression]"],
    "test_stores": ["a_clone_takes_from_it[gs]", "[azure]"],
    "test_torch": [""],  # 5.4 GB of uv's cache
    "test_untidy_tables": ["[three classes", "[a rare class", "[names with blanks"],
    "workflows/test_ci": [
        "a_github_that_fails_for_a_moment",
        "a_person_lets_a_hold_pass",
        "a_refusal_of_github",
        "in_the_merge_queue",
        "new_data_are_compared",
        "no_secret[private]",
        "required_check[lint]",
        "the_tests_of_the_loop_run",
        "though_a_test_fails[the loop's]",
        "training_waits_for_the_runner",
        "[dependabot]",
        "[fails in a slice]",
    ],
    "workflows/test_circle": ["harm_leads"],
    "workflows/test_cloud_login": ["[dependabot]"],
    "workflows/test_data_secrets": [
        "a_changed_database",
        "main_is_tested",
        "without_secrets_rows_come",
        "[dependabot]",
    ],
    "workflows/test_monitor": [
        "another_system",
        "before_the_first",
        "that_is_held",
        "a_fresh_model",
    ],
    "workflows/test_release": ["documents_do_not_replace"],
    "workflows/test_release_failures": [
        "a_workflow_changes",
        "of_another_model",
        "of_another_version",
        "of_another_workflow",
        "the_first_push",
        "the_newer_merge_wins",
    ],
    "workflows/test_retrain": [
        "a_proposal_whose_issue",
        "a_young_proposal",
        "refused_stop_retraining",
        "another_system",
        "production_is_held",
    ],
    "workflows/test_rollback": [
        "a_named_version",
        "from_before",
        "nothing_before",
        "stands_when_its_issue",
        "that_is_gone",
        "[--help]",
        "[@octocat",
        "[$(touch",
    ],
    "workflows/test_runbook": [f"and_ended[{heading}]" for heading in HEADINGS],
    "workflows/test_security": ["[private]"],
    "workflows/test_store": ["no_room_for_an_artifact", "two_runs_store_at_once"],
    "workflows/test_template": [
        "a_new_release_of_a_tool",
        "a_project_that_fails",
        "a_tag_without",
        "an_action_that_is_gone",
        "pushed_to_an_empty",
        "[author_name]",
    ],
    "workflows/test_trackers": ["a_release_names", "that_is_down"],
}


def is_weekly(nodeid: str) -> bool:
    """Whether a test is left out of what always runs."""
    path, _, name = nodeid.removeprefix("tests/").partition("::")
    return any(part in name for part in TESTS.get(path.removesuffix(".py"), ()))


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what runs once a week; not where tests are named on the command line."""
    if config.getoption(OPTION) or any(".py" in each for each in config.args):
        return
    left_out = [item for item in items if is_weekly(item.nodeid)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not is_weekly(item.nodeid)]
