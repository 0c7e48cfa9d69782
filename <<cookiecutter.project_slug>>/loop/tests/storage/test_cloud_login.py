"""Login to a cloud by the job's token: what each cloud's library reads, and what is refused."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
from job_tokens import exported

from mlops_loop.errors import UsageError
from mlops_loop.storage import cloud_login, remote_kinds
from mlops_loop.storage.store import _explain as explain

ACCOUNT = "arn:aws:iam::123456789012:role"
AWS = f"reader={ACCOUNT}/delays-reader writer={ACCOUNT}/delays-writer region=eu-central-1"
IDS = [f"{n}{n}{n}{n}{n}{n}{n}{n}-0000-4000-8000-0123456789ab" for n in "abc"]
AZURE = f"tenant={IDS[0]} reader={IDS[1]} writer={IDS[2]}"
POOLS = "projects/42/locations/global/workloadIdentityPools"
GOOGLE = f"reader={POOLS}/delays-reader/providers/github "
GOOGLE += f"writer={POOLS}/delays-writer/providers/github"


@pytest.fixture
def log_in(job, tmp_path, monkeypatch):
    """`log_in(url, text)` logs in to the store at a URL by the content of CLOUD_LOGIN."""
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("")

    def run(url, text, role="reader", **more):
        monkeypatch.setenv("STORE_URL", url)
        return cloud_login.log_in(root, role, job | {"CLOUD_LOGIN": text} | more)

    return run


def test_aws(log_in, job, signer):
    """The role that is asked for, and a session that names run and job."""
    assert log_in("s3://b/dvc", AWS).identity == f"{ACCOUNT}/delays-reader"
    found = exported(job)
    token = Path(found.pop("AWS_WEB_IDENTITY_TOKEN_FILE"))
    assert found == {
        "AWS_ROLE_ARN": f"{ACCOUNT}/delays-reader",
        "AWS_ROLE_SESSION_NAME": "loop-7-train",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "STORE_TOKEN_FILE": str(token),
        "STORE_TOKEN_AUDIENCE": "sts.amazonaws.com",
    }
    assert token.read_text() == "header.claims.signature1"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert signer.asked[0][0] == ["sts.amazonaws.com"]
    assert log_in("s3://b/dvc", AWS, "writer").identity == f"{ACCOUNT}/delays-writer"
    assert exported(job)["AWS_ROLE_ARN"] == f"{ACCOUNT}/delays-writer"


def test_azure(log_in, job, signer, monkeypatch):
    """Its library takes the token, and DVC turns on no other way."""
    log_in("azure://c/dvc", AZURE, "writer", STORE_USERNAME="account")
    found = exported(job)
    assert signer.asked[0][0] == ["api://AzureADTokenExchange"]
    assert found["AZURE_FEDERATED_TOKEN_FILE"] == found["STORE_TOKEN_FILE"]
    assert (found["AZURE_CLIENT_ID"], found["AZURE_TENANT_ID"]) == (IDS[2], IDS[0])
    assert found["AZURE_TOKEN_CREDENTIALS"] == "WorkloadIdentityCredential"
    monkeypatch.setenv("STORE_TOKEN_FILE", found["STORE_TOKEN_FILE"])
    monkeypatch.setenv("STORE_USERNAME", "account")
    assert remote_kinds.with_login({"url": "azure://c/dvc"}) == {
        "url": "azure://c/dvc",
        "account_name": "account",
        "exclude_environment_credential": True,
        "exclude_managed_identity_credential": True,
        "exclude_shared_token_cache_credential": True,
        "exclude_visual_studio_code_credential": True,
    }


def test_google(log_in, job, signer):
    """A description of the login, which holds no secret."""
    log_in("gs://b/dvc", GOOGLE)
    found = exported(job)
    pool = f"{POOLS}/delays-reader/providers/github"
    assert signer.asked[0][0] == [f"https://iam.googleapis.com/{pool}"]
    about = json.loads(Path(found["GOOGLE_APPLICATION_CREDENTIALS"]).read_text())
    assert (about["type"], about["audience"]) == (
        "external_account",
        f"//iam.googleapis.com/{pool}",
    )
    assert about["credential_source"]["file"] == found["STORE_TOKEN_FILE"]
    assert "signature" not in json.dumps(about)


def test_a_cloud_that_refuses_the_job(monkeypatch):
    """The policy is to be compared; no other login is proposed, and no traceback is logged."""
    store = SimpleNamespace(address="s3://b/dvc")
    monkeypatch.setenv("STORE_TOKEN_FILE", "token")
    said = explain(store, PermissionError("Not authorized"))
    assert said.endswith("compare its policy with loop cloud policy")
    assert "STORE_PASSWORD" not in said
    assert not logging.getLogger("aiobotocore.credentials").isEnabledFor(logging.WARNING)


WRONG = [
    ("s3", "", "lacks reader="),
    ("s3", AWS.replace("region=eu-central-1", ""), "lacks region="),
    ("s3", f"{AWS} region=eu-west-1", "holds 'region=eu-west-1'"),
    ("s3", AWS.replace("123456789012", "12"), "holds 'reader="),
    ("s3", f"{AWS};x", "holds 'region=eu-central-1;x'"),
    ("s3", f"{AWS} tenant=x", "holds 'tenant=x'"),
    ("s3", AZURE, "holds 'tenant="),
    ("azure", AZURE.replace("-4000-", "-"), "holds 'tenant="),
    ("gs", GOOGLE.replace("/providers/github", ""), "holds 'reader="),
]


@pytest.mark.parametrize(("kind", "text", "reason"), WRONG)
def test_a_variable_that_cannot_be_right(log_in, job, kind, text, reason):
    """It is named, with what is allowed and the command that prints the right one."""
    with pytest.raises(UsageError, match=f"CLOUD_LOGIN {reason}.* it holds .*loop cloud policy"):
        log_in(f"{kind}://b/dvc", text)
    assert not os.listdir(job["RUNNER_TEMP"])


@pytest.mark.parametrize(
    ("url", "more", "reason"),
    [
        ("ssh://h/dvc", {}, "the store is no bucket"),
        ("https://ghcr.io/o/r/store", {}, "the store is no bucket"),
        ("s3://b/dvc", {"STORE_PASSWORD": "pa55"}, "STORE_PASSWORD are both set"),
        ("s3://b/dvc", {"ACTIONS_ID_TOKEN_REQUEST_URL": ""}, "may not ask GitHub"),
        ("s3://b/dvc", {"GITHUB_ENV": ""}, "a job of GitHub Actions"),
    ],
)
def test_a_job_that_cannot_log_in(log_in, job, signer, url, more, reason):
    """Nothing is asked and nothing is written."""
    with pytest.raises(UsageError, match=f"{reason}.*Next:") as error:
        log_in(url, AWS, **more)
    assert "pa55" not in str(error.value)
    assert not signer.asked
    assert not os.listdir(job["RUNNER_TEMP"])
