"""What runs once a week, and by `make test WEEKLY=1`: dear, and close to a test that always runs.

A pull request has the good path of each job and a failure of each kind; here are further inputs of
the same kind, further stores, and what needs gigabytes.
"""

from __future__ import annotations

import pytest

OPTION = "--weekly"
# By file, parts of names; an empty one stands for the whole file.
TESTS = {
    "test_experiments": [""],
    "test_loop": ["[clustering]", "the_trained_model[regression]", "own_tests[regression]"],
    "test_own_table": ["clusters_take_the_place_of_the_amount"],
    "test_page": ["test_clustering"],
    "test_plots": ["[clustering]"],
    "test_stores": ["a_clone_takes_from_it[gs]", "[azure]"],
    "test_torch": [""],  # 5.4 GB of uv's cache
    "test_untidy_tables": ["[three classes", "[a rare class", "[names with blanks"],
    "workflows/test_ci": [
        "test_new_data_are_compared",
        "[fails in a slice]",
        "[dependabot]",
        "test_in_the_merge_queue",
        "no_secret[private]",
        "test_training_waits_for_the_runner",
        "though_a_test_fails[the loop's]",
        "where_it_changed[parameter]",
        "test_a_github_that_fails_for_a_moment",
        "required_check[lint]",
    ],
    "workflows/test_cloud_login": ["[dependabot]"],
    "workflows/test_data_secrets": [
        "[dependabot]",
        "test_a_changed_database",
        "test_main_is_tested",
    ],
    "workflows/test_release_failures": [
        "[-no label",
        "test_the_newer_merge_wins",
        "test_the_first",
    ],
    "workflows/test_retrain": ["test_another_system", "[issue]", "test_a_proposal_whose_issue"],
    "workflows/test_rollback": ["[--help]", "[@octocat", "test_a_named_version", "from_before"],
    "workflows/test_runbook": [
        f"and_ended[{heading}"
        for heading in (
            "A release was reverted",
            "A schedule is off",
            "Inputs have drifted",
            "Ledger and pointer",
            "No rows come",
            "Outcomes have stopped",
            "Tags are lost",
            "The champion",
            "The gate says HOLD",
            "The loss has risen",
            "The model is stale",
            "The registry is full",
            "The volume has changed",
            "Training data are old",
        )
    ],
    "workflows/test_security": ["[private]"],
    "workflows/test_template": ["[author_name]"],
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
