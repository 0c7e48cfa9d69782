"""What every test starts from; see `fixtures/` for each part."""

import pytest

pytest_plugins = ["isolation", "servers", "git_project", "models", "fake_github", "hostile_text"]
pytest_plugins += ["endpoint", "user_package"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one command that draws the picture of the rooms anew."""
    parser.addoption("--refresh", action="store_true", help="draw the rooms in README.md anew")
