"""A login goes to its own host, encrypted, and no message repeats it."""

from __future__ import annotations

import pytest

from mlops_loop.errors import UsageError
from mlops_loop.trackers import address

SECRET = "a-secret-of-the-tracker"
LOGINS = [{"TOKEN": SECRET}, {"USERNAME": "ada", "PASSWORD": SECRET}]


def find(url, **login):
    env = {f"MLFLOW_TRACKING_{name}": text for name, text in login.items()}
    return address.find("flights", {"MLFLOW_TRACKING_URI": url, **env})


def test_no_server_is_named():
    assert find("") is None
    assert address.find("flights", {}) is None


def test_names_are_those_of_the_project_unless_set():
    """An empty variable, as a workflow has without a secret, is none."""
    env = {"MLFLOW_TRACKING_URI": "https://mlflow.example.org/base/"}
    found = address.find("flights", env | {"MLFLOW_EXPERIMENT_NAME": ""})
    assert (found.url, found.experiment, found.model) == (
        "https://mlflow.example.org/base", "flights", "flights",
    )  # fmt: skip
    env |= {"MLFLOW_EXPERIMENT_NAME": "team/flights", "MLFLOW_REGISTERED_MODEL_NAME": "late"}
    found = address.find("flights", env)
    assert (found.experiment, found.model) == ("team/flights", "late")


@pytest.mark.parametrize("login", LOGINS)
@pytest.mark.parametrize(
    "url", ["https://mlflow.example.org", "http://127.0.0.1:5000", "http://[::1]:5000"]
)
def test_a_login_may_go_there(url, login):
    assert find(url, **login).url == url


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_never_crosses_a_network_unencrypted(login):
    with pytest.raises(UsageError, match="http://mlflow:5000, and a login would cross") as error:
        find("http://mlflow:5000", **login)
    assert SECRET not in str(error.value)


def test_without_a_login_http_is_allowed():
    assert find("http://mlflow:5000", TOKEN="", USERNAME="", PASSWORD="").host == "mlflow:5000"


@pytest.mark.parametrize("login", [{"USERNAME": "ada"}, {"PASSWORD": SECRET}])
def test_half_a_login(login):
    with pytest.raises(UsageError, match="belong together: set both, or none"):
        find("https://mlflow.example.org", **login)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"https://ada:{SECRET}@mlflow.example.org", "without a login in it"),
        (f"{SECRET}", "it is without a scheme"),
        ("sqlite:///mlflow.db", "it is sqlite:..."),
        ("databricks", "it is without a scheme"),
        ("file:///srv/mlruns", "it is file:..."),
        ("https://", "it is https:..."),
        (f"https://mlflow.example.org/?token={SECRET}", "it is https:..."),
        (f"https://mlflow.example.org:{SECRET}/", "it is no address"),
    ],
)
def test_what_is_no_address_of_a_server(url, problem):
    with pytest.raises(UsageError, match=problem) as error:
        find(url)
    assert SECRET not in str(error.value)
