"""What every test starts from; see `fixtures/` for each part."""

pytest_plugins = ["isolation", "servers", "git_project", "models", "fake_github", "hostile_text"]
pytest_plugins += ["endpoint"]
