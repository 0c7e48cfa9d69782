"""Who signed an image: a script stands for gh, and answers in its words."""

from __future__ import annotations

import pytest
from fake_gh import WORKFLOW, signature

from mlops_loop.deployment import attestation, docker
from mlops_loop.errors import NotAttested, UsageError

IMAGE = f"ghcr.io/o/r@sha256:{'0' * 64}"
COMMIT, OTHER = "a" * 40, "b" * 40
SIGNER = f"https://github.com/o/r/{WORKFLOW}"


def verify(commit=COMMIT):
    return attestation.verify(IMAGE, "o/r", commit)


def test_the_release_signed_it(gh):
    """The whole identity and the commit are asked for; the answer says who, and in which run."""
    gh.signed()
    found = verify()
    assert (found.workflow, found.commit) == (SIGNER, COMMIT)
    assert found.describe() == f"signed by {SIGNER} at commit {COMMIT} ({found.run})"
    asked = f"--repo o/r --cert-identity {SIGNER} --source-digest {COMMIT} --format json"
    assert gh.calls() == [f"attestation verify oci://{IMAGE} {asked}"]


def test_any_commit_of_main(gh):
    """Where the ledger knows no commit."""
    gh.signed(OTHER)
    assert verify("").commit == OTHER
    assert "--source-digest" not in gh.calls()[0]


def test_the_signature_beside_the_image_needs_no_login(gh, monkeypatch):
    """Without a token gh would ask for one, though the registry alone is asked."""
    script = gh.folder / "gh"
    script.write_text(script.read_text().replace("\n", "\necho $GH_TOKEN > token\n", 1))
    monkeypatch.chdir(gh.folder)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    gh.signed()
    assert attestation.verify(IMAGE, "o/r", from_registry=True).workflow == SIGNER
    assert "--bundle-from-oci" in gh.calls()[0]
    assert (gh.folder / "token").read_text() == "none\n"
    gh.refused(said="no attestations found")
    with pytest.raises(NotAttested):
        attestation.verify(IMAGE, "o/r", from_registry=True)
    assert all("--bundle-from-oci" in call for call in gh.calls())


REFUSALS = {
    "missing": ([], "no attestations found", "Found: no attestation that holds"),
    "another workflow": (
        [signature(workflow="https://github.com/o/r/.github/workflows/x.yml@refs/heads/main")],
        'verifying with issuer "sigstore.dev"',
        "Found: signed by https://github.com/o/r/.github/workflows/x.yml@refs/heads/main at",
    ),
    "another branch": (
        [signature(workflow=SIGNER.replace("main", "dev"))],
        'verifying with issuer "sigstore.dev"',
        "release.yml@refs/heads/dev at commit aaaa",
    ),
    "another commit": (
        [signature(OTHER)],
        f"expected SourceRepositoryDigest to be {COMMIT}, got {OTHER}",
        f"at commit {OTHER}",
    ),
}


@pytest.mark.parametrize(("others", "said", "told"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_who_signed_it(gh, others, said, told):
    """What is expected, what was found, and gh's own reason."""
    gh.refused(*others, said=said)
    with pytest.raises(NotAttested) as refused:
        verify()
    text = str(refused.value)
    assert f"{IMAGE} must be signed by {SIGNER} at commit {COMMIT}. Found: " in text
    assert told in text
    assert f"gh says: Error: {said}. Next: " in text


NOT_SIGNATURES = ["", "[]", "{}", "null", "nonsense", '[{"verificationResult": 1}]']


@pytest.mark.parametrize("text", NOT_SIGNATURES)
def test_an_answer_without_a_signature_is_a_refusal(gh, text):
    """Though gh exits with 0."""
    gh.says(text)
    with pytest.raises(NotAttested):
        verify()


def test_a_signature_that_gh_refuses_is_a_refusal(gh):
    """Whatever it prints."""
    gh.signed()
    (gh.folder / "code").write_text("1")
    with pytest.raises(NotAttested):
        verify()


def test_hostile_words_stay_text(gh):
    """Of a certificate, or of gh."""
    gh.refused(signature(workflow="\x1b[2J::error::x"), said="\x1b[2J::set-output::")
    with pytest.raises(NotAttested) as refused:
        verify()
    assert "\x1b" not in str(refused.value)
    assert "::" not in str(refused.value)


def test_gh_is_missing(monkeypatch, tmp_path):
    """A sentence says where it is had."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"gh is not installed.*https://cli\.github\.com"):
        verify()


def test_gh_does_not_answer(gh, monkeypatch):
    """Which is no verification."""
    (gh.folder / "gh").write_text("#!/bin/sh\nexec sleep 5\n")
    monkeypatch.setattr(attestation, "TIMEOUT_S", 0.1)
    with pytest.raises(NotAttested, match="no answer within"):
        verify()


def test_a_tag_is_no_image(gh):
    """It may move."""
    with pytest.raises(UsageError, match="may move"):
        attestation.verify("ghcr.io/o/r:production", "o/r")
    assert gh.calls() == []


def test_a_login_comes_first(gh, monkeypatch):
    """Gh reads an image with Docker's login."""
    gh.signed()
    logins = []
    monkeypatch.setattr(docker, "run", lambda *args, text="": logins.append((args, text)))
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    verify()
    assert logins == [(("login", "ghcr.io", "--username", "ada", "--password-stdin"), "secret")]
