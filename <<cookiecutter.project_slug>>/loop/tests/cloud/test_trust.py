"""Whom a cloud may trust: by ids, or nobody. The policies themselves: the template's tests."""

from __future__ import annotations

import pytest
from githubkit import GitHub

from mlops_loop.cloud import aws, azure, google, trust
from mlops_loop.errors import UsageError
from mlops_loop.github.api import operation

PREFIX = "repo:o@1/r@2"
KNOWN = trust.Trust("o/r", 1, 2)
FORM = {"use_default": True, "use_immutable_subject": True, "sub_claim_prefix": PREFIX}


class Asked:
    """GitHub with one repository; `form` is that of its subjects."""

    def __init__(self, form):
        self._client = GitHub("none")  # `rest` lives as long as its client
        self.rest, self.form = self._client.rest, form

    def call(self, method):
        about = {"full_name": "o/r", "id": 2, "owner": {"id": 1}}
        known = {"repos.get": about, "actions.get_custom_oidc_sub_claim_for_repo": self.form}
        return known[operation(method)]


def test_ids_come_from_github():
    """And the subjects are made of them."""
    found = trust.read(Asked(FORM))
    assert found == KNOWN
    assert found.subjects("writer") == [f"{PREFIX}:ref:refs/heads/main"]
    assert found.subjects("reader") == [*found.subjects("writer"), f"{PREFIX}:pull_request"]


@pytest.mark.parametrize(
    "form",
    [
        {"use_default": True, "sub_claim_prefix": "repo:o/r"},
        {"use_default": True},
        {"use_default": False, "include_claim_keys": ["context"], "sub_claim_prefix": PREFIX},
        {"use_default": True, "sub_claim_prefix": "repo:o@1/r@3"},
    ],
    ids=["a name", "unknown", "own claims", "another id"],
)
def test_no_policy_for_a_name(form):
    """With the call that sets the form of subjects."""
    with pytest.raises(UsageError, match=r"PUT repos/o/r/actions/oidc.*use_immutable_subject=true"):
        trust.read(Asked(form))


@pytest.mark.parametrize("issuer", ["x", "ftp://x", "https://x; touch y", "https://x y", ""])
def test_an_issuer_is_an_address(issuer):
    """It is written into a script."""
    with pytest.raises(UsageError, match="is no address"):
        trust.read(Asked(FORM), issuer)


def test_a_reader_cannot_write():
    """On no cloud; and a store in a folder of the bucket keeps to it."""
    roles = aws.stack(KNOWN, "bucket", "dvc")["Resources"]
    allowed = {
        role: roles[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        for role in ("Reader", "Writer")
    }
    assert allowed["Reader"][1]["Action"] == ["s3:GetObject"]
    assert "s3:PutObject" in allowed["Writer"][1]["Action"]
    assert allowed["Writer"][1]["Resource"]["Fn::Sub"].endswith(":::bucket/dvc/*")
    whole = aws.stack(KNOWN, "bucket", "")["Resources"]["Writer"]["Properties"]["Policies"][0]
    (_, objects) = whole["PolicyDocument"]["Statement"]
    assert objects["Resource"]["Fn::Sub"].endswith(":::bucket/*")
    for room in (google, azure):
        assert "iewer" in str(room.RIGHTS["reader"]) or "Reader" in room.RIGHTS["reader"]
        assert room.RIGHTS["reader"] != room.RIGHTS["writer"]
