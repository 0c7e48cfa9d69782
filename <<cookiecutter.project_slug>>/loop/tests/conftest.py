"""What every test starts from; see `fixtures/` for each part."""

import pytest

# Half of the time for a tenth of the tests: the marker `slow` is for who wants an answer soon.
SLOW = {
    "deployment": ("test_deploy", "test_job"),
    "pipeline": (
        "test_cleaning",
        "test_cluster",
        "test_cluster_workers",
        "test_export",
        "test_odd_tables",
        "test_same_value",
        "test_schema_options",
        "test_search",
        "test_train",
    ),
    "serving": ("test_abuse", "test_alerts", "test_log_routes"),
    "sources": ("test_source_changes",),
    "storage": ("test_damage", "test_gc", "test_store"),
}

# Clusters and compilers of others: the template runs them once a week, `make -C loop test` always.
WEEKLY = {
    "kubeflow": ("test_compile",),
    "pipeline": ("test_cluster", "test_cluster_workers", "test_optuna_search"),
}

pytest_plugins = ["isolation", "servers", "git_project", "models", "fake_github", "hostile_text"]
pytest_plugins += ["endpoint", "user_package", "github_settings", "fake_gh", "made_days"]
pytest_plugins += ["tracker_servers"]
pytest_plugins += ["clusters", "job_tokens"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one command that draws the picture of the rooms anew."""
    parser.addoption("--refresh", action="store_true", help="draw the rooms in README.md anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the slow files, and of those that run once a week."""
    for item in items:
        for files, mark in ((SLOW, pytest.mark.slow), (WEEKLY, pytest.mark.weekly)):
            if item.path.stem in files.get(item.path.parent.name, ()):
                item.add_marker(mark)
