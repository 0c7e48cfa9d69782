"""Kinds of remotes: each gets its own login, and a wrong address is no empty store."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from dvc_objects.fs.local import LocalFileSystem

from mlops_loop.commands import store as commands
from mlops_loop.errors import StoreUnreachable, UsageError
from mlops_loop.storage import remote_kinds

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep.value:DeprecationWarning")


@pytest.mark.parametrize(
    ("url", "user", "password", "expected"),
    [
        ("s3://b/dvc", "u", "p", {"access_key_id": "u", "secret_access_key": "p"}),
        ("s3://b/dvc", "u", "", {}),
        ("ssh://h/dvc", "u", "p", {"user": "u", "password": "p"}),
        ("azure://c/dvc", "u", "p", {"account_name": "u", "account_key": "p"}),
        ("azure://c/dvc", "u", "", {"account_name": "u"}),
        ("azure://c/dvc", "octocat", "t", {}),
        ("s3://b/dvc", "octocat", "t", {}),
        ("gs://b/dvc", "octocat", "t", {}),
        ("gs://b/dvc", "u", "", {}),
        ("../store", "u", "p", {}),
    ],
)
def test_each_kind_gets_its_own_login(url, user, password, expected, monkeypatch):
    """And none gets the login of GitHub's job, whose user is octocat."""
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    monkeypatch.setenv("STORE_USERNAME", user)
    monkeypatch.setenv("STORE_PASSWORD", password)
    assert remote_kinds.with_login({"url": url}) == {"url": url} | expected


def test_a_password_that_google_does_not_take(monkeypatch):
    """It is not dropped in silence."""
    monkeypatch.setenv("STORE_USERNAME", "u")
    monkeypatch.setenv("STORE_PASSWORD", "secret-key")
    with pytest.raises(UsageError, match="takes no STORE_PASSWORD") as error:
        remote_kinds.with_login({"url": "gs://b/dvc"})
    assert "secret-key" not in str(error.value)


@pytest.mark.parametrize("command", ["status", "pull", "push", "gc"])
def test_a_folder_that_cannot_be_the_store(remote, tmp_path, monkeypatch, command):
    """Its parent is not there: a typing error, and no cold start."""
    monkeypatch.chdir(remote)
    monkeypatch.setattr(remote_kinds, "PATIENCE_S", 60)  # a busy machine
    config = remote / ".dvc" / "config"
    config.write_text(config.read_text().replace(str(tmp_path), f"{tmp_path}/tpyo"))
    result = CliRunner().invoke(commands.store, [command])
    assert isinstance(result.exception, StoreUnreachable), result.output
    assert f"there is no folder '{tmp_path}/tpyo'" in str(result.exception)
    assert not (tmp_path / "tpyo").exists()


def bucket(info):
    """A connection to a file system whose `info` this is."""
    return lambda: SimpleNamespace(info=info)


@pytest.mark.parametrize(
    ("address", "root", "holder"),
    [
        ("s3://b/dvc/x", "b/dvc/x/", "b"),
        ("gs://b/dvc", "b/dvc/", "b"),
        ("azure://c", "c/", "c"),
        ("ssh://h/srv/store", "/srv/store/", "/srv"),
        ("ssh://h/store", "/store/", "/"),
    ],
)
def test_what_must_exist(address, root, holder):
    """The bucket, the container, the parent folder."""

    def missing(path):
        asked.append(path)
        raise FileNotFoundError(path)

    asked = []
    with pytest.raises(StoreUnreachable, match=f"{address} does not exist.*Next: correct STORE_U"):
        remote_kinds.check(bucket(missing), root, address)
    assert asked == [holder]


def test_a_login_that_may_not_look_at_the_bucket():
    """It may still read its prefix, so the listing that follows answers."""

    def forbidden(path):
        raise PermissionError(path)

    remote_kinds.check(bucket(forbidden), "b/dvc/", "s3://b/dvc")
    with pytest.raises(PermissionError):
        remote_kinds.exists(SimpleNamespace(info=forbidden), "b/dvc")


def test_a_path_is_there_or_not(tmp_path):
    """By the file system itself."""
    assert remote_kinds.exists(LocalFileSystem(), str(tmp_path))
    assert not remote_kinds.exists(LocalFileSystem(), str(tmp_path / "no"))


def test_a_store_that_does_not_answer():
    """It is given up after a stated time, and what it says later is not waited for."""
    end = threading.Event()
    with pytest.raises(StoreUnreachable, match=r"s3://b has not answered within 0\.1 s"):
        remote_kinds.within(0.1, end.wait, "s3://b")
    end.set()


def test_an_answer_in_time():
    """A result, or whatever was raised."""
    assert remote_kinds.within(60, lambda: 3, "s3://b") == 3
    with pytest.raises(ZeroDivisionError):
        remote_kinds.within(60, lambda: 1 // 0, "s3://b")
