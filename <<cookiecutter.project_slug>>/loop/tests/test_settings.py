"""Settings of the endpoint: where they come from, and what is refused."""

import pytest
from pydantic import ValidationError

from mlops_loop import errors, settings

WRONG = {
    "PORT": ("99999", "less than or equal to 65535"),
    "MAX_ROWS": ("many", "valid integer"),
    "MAX_BODY_BYTES": ("-1", "greater than or equal to 1024"),
    "REQUIRE_BUNDLE": ("maybe", "valid boolean"),
}


@pytest.mark.parametrize(
    ("name", "value", "allowed"), [(k, *v) for k, v in WRONG.items()], ids=WRONG
)
def test_wrong_settings(monkeypatch, name, value, allowed):
    """A wrong variable is named, with its value and what is allowed."""
    monkeypatch.setenv(name, value)
    with pytest.raises(errors.UsageError, match=f"{name}='{value}' .*{allowed}"):
        settings.Settings.from_environment()


def test_precedence_of_settings(monkeypatch):
    """A given value beats the environment, which beats the default; empty counts as absent."""
    environment = {"PORT": "9000", "MODEL_VERSION": "v2", "GIT_COMMIT": "", "REQUIRE_BUNDLE": "No"}
    for name, value in (environment | {"MAX_ROWS": "", "API_KEY": ""}).items():
        monkeypatch.setenv(name, value)
    made = settings.Settings.from_environment(port=9001, model_version=None)
    assert (made.port, made.model_version, made.git_commit) == (9001, "v2", "")
    assert not made.require_bundle
    assert (made.max_rows, made.api_key) == (10_000, b"")


SECRETS = {"API_KEY": "hunter2", "LOG_URL": ["hunter2"], "LOG_SUBJECT_KEY": ["hunter2"]}


@pytest.mark.parametrize(("name", "value"), SECRETS.items(), ids=SECRETS)
def test_a_refused_secret_is_not_shown(name, value):
    """Neither by our message nor by pydantic's own."""
    given = {name.lower(): value}
    with pytest.raises(errors.UsageError, match=rf"^{name}=\.\.\. is refused") as refused:
        settings.Settings.from_environment(**given)
    with pytest.raises(ValidationError) as raw:
        settings.Settings(**given)
    assert "hunter2" not in f"{refused.value} {raw.value}"


def test_a_setting_that_does_not_exist():
    """A misspelled name in code is an error, as one in a call is."""
    with pytest.raises(errors.UsageError, match="PROT="):
        settings.Settings.from_environment(prot=8000)


def test_replicas_share_a_log_or_have_none(monkeypatch):
    """A file of each would be lost with it."""
    monkeypatch.setenv("SHARED_LOG", "true")
    assert settings.Settings.from_environment().shared_log
    monkeypatch.setenv("LOG_URL", "postgresql://u:hunter2@db/log")
    assert settings.Settings.from_environment().log_url
    monkeypatch.setenv("LOG_URL", "sqlite:////log/predictions.db")
    with pytest.raises(errors.UsageError, match=r"^LOG_URL=sqlite.*each replica .* postgresql"):
        settings.Settings.from_environment()
    monkeypatch.setenv("SHARED_LOG", "false")
    assert settings.Settings.from_environment().log_url
