"""The token that GitHub signs for a job: asked for at its host alone, kept fresh while needed."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from mlops_loop import job_token
from mlops_loop.errors import NoJobToken, UsageError


@pytest.fixture
def logged_in(job, monkeypatch):
    """The environment after `loop cloud login`; the file is there."""
    path = Path(job["RUNNER_TEMP"]) / "store-token"
    job_token.write(path, "sts.example", job)
    return job | {job_token.FILE: str(path), job_token.AUDIENCE: "sts.example"}


def test_a_token_is_for_one_audience(signer, job):
    """The right to ask goes to the host that GitHub names."""
    assert job_token.fetch("api://A b", job) == "header.claims.signature1"
    assert signer.asked == [(["api://A b"], "Bearer the-right-to-ask")]


@pytest.mark.parametrize("status", [302, 403, 404, 500])
def test_a_refusal(signer, job, status):
    """No redirect is followed with the right to ask, and no message holds it."""
    signer.status = status
    with pytest.raises(NoJobToken, match=f"no token for sts.example: .*{status}|MaxRetry") as error:
        job_token.fetch("sts.example", job)
    assert "the-right" not in str(error.value)
    assert len(signer.asked) == 1


def test_nothing_is_asked_in_the_clear(job):
    """Somebody's address is no https."""
    job["ACTIONS_ID_TOKEN_REQUEST_URL"] = "http://example.org/token"
    with pytest.raises(UsageError, match="is no https address"):
        job_token.fetch("sts.example", job)


def test_the_file_is_for_its_owner_and_masked(signer, logged_in, capsys):
    """By mode and by GitHub's log; an older file is replaced, also one with wide rights."""
    path = Path(logged_in[job_token.FILE])
    assert path.read_text() == "header.claims.signature1"
    path.chmod(0o644)
    job_token.write(path, "sts.example", logged_in)
    assert capsys.readouterr().err == "::add-mask::header.claims.signature2\n"
    assert path.read_text() == "header.claims.signature2"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_long_transfer_outlasts_its_token(signer, logged_in, monkeypatch):
    """It is renewed again and again, also after a moment without GitHub, and not afterwards."""
    monkeypatch.setattr(job_token, "RENEW_S", 0.01)
    path = Path(logged_in[job_token.FILE])
    with job_token.kept_fresh(logged_in):
        _until(lambda: path.read_text() >= "header.claims.signature3")
        signer.status = 403
        asked = len(signer.asked)
        _until(lambda: len(signer.asked) > asked + 1)
        signer.status = 200
        known = path.read_text()
        _until(lambda: path.read_text() != known)
    time.sleep(0.1)
    asked = len(signer.asked)
    time.sleep(0.1)
    assert len(signer.asked) == asked


def _until(true):
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_begins_late_has_a_new_token(signer, logged_in):
    """After a long training the token of the login is old; soon after the login it is not."""
    path = Path(logged_in[job_token.FILE])
    with job_token.kept_fresh(logged_in):
        assert path.read_text() == "header.claims.signature1"
    os.utime(path, (time.time() - 300, time.time() - 300))
    with job_token.kept_fresh(logged_in):
        assert path.read_text() == "header.claims.signature2"
    os.utime(path, (time.time() - 300, time.time() - 300))
    signer.status = 403
    with pytest.raises(NoJobToken), job_token.kept_fresh(logged_in):
        pass


def test_without_a_login_nothing_is_asked(signer, job):
    """As on a laptop, or with STORE_PASSWORD."""
    with job_token.kept_fresh(job):
        assert signer.asked == []
