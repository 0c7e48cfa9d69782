"""Hold the rig's stand-in for `gh attestation verify` to the real one: same answers, same exits.

    python benchmarks/attestation.py [PATH/TO/gh]

needs openssl and the real gh, 2.67 or newer. Makes a certificate and a timestamp authority of its
own (in the form of GitHub's Sigstore instance), signs statements as actions/attest does, and asks
the real gh with `--custom-trusted-root` and `--bundle`, and the stand-in about the same identity.
Prints what both answer, and ends with exit code 1 where they differ: in the exit code, the last
line of stderr, or the facts of the certificate that `loop verify-attestation` reads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT = Path(__file__).parents[1]
STAND_IN = ROOT / "tests/workflows/bin/gh"
NAME, SHA, OTHER = "octo-org/flight-delays", "a" * 40, "b" * 40
ARTIFACT = b"an image"
READ = ("buildSignerURI", "sourceRepositoryDigest", "runInvocationURI")
PREDICATE = "https://slsa.dev/provenance/v1"
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md: what GitHub's token becomes.
FULCIO = "1.3.6.1.4.1.57264.1"
TSA = """[tsa]
default_tsa = own
[own]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3
digests = sha256
accuracy = secs:1
"""


@dataclass(frozen=True)
class Signer:
    """A job as its certificate names it."""

    repository: str = NAME
    workflow: str = ".github/workflows/release.yml"
    ref: str = "refs/heads/main"
    sha: str = SHA
    server: str = "https://github.com"

    @property
    def uri(self) -> str:
        """Name the workflow as gh compares it."""
        return f"{self.server}/{self.repository}/{self.workflow}@{self.ref}"

    def extensions(self) -> dict[int, str]:
        """Return the facts of the certificate, by their number."""
        owner = self.repository.split("/")[0]
        where = f"{self.server}/{self.repository}"
        return {
            8: "https://token.actions.githubusercontent.com", 9: self.uri, 10: self.sha,
            11: "github-hosted", 12: where, 13: self.sha, 14: self.ref, 15: "1296269",
            16: f"{self.server}/{owner}", 17: "9919", 18: self.uri, 19: self.sha, 20: "push",
            21: f"{where}/actions/runs/1/attempts/1", 22: "public",
        }  # fmt: skip


class Sigstore:
    """An authority for certificates and one for timestamps, in a folder."""

    def __init__(self, folder: Path):
        """Make the keys and certificates of both."""
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.root = _certificate("GitHub, Inc.", self.key.public_key(), self.key, ca=True)
        tsa = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        self.tsa = _certificate("Time", tsa.public_key(), self.key, self.root, [(usage, True)])
        (folder / "tsa.pem").write_bytes(_pem(self.tsa))
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        plain = serialization.NoEncryption()
        (folder / "tsa.key").write_bytes(tsa.private_bytes(pem, pkcs8, plain))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(TSA.format(folder=folder))

    def trusted_root(self) -> Path:
        """Write the file for --custom-trusted-root."""
        start = {"start": "2020-01-01T00:00:00Z"}
        subject = {"organization": "GitHub, Inc.", "commonName": "Root"}

        def authority(*chain: x509.Certificate) -> dict:
            certificates = [{"rawBytes": _b64(_der(each))} for each in chain]
            return {
                "subject": subject,
                "certChain": {"certificates": certificates},
                "validFor": start,
            }

        root = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}
        root |= {"certificateAuthorities": [authority(self.root)]}
        root |= {
            "timestampAuthorities": [authority(self.tsa, self.root)],
            "tlogs": [],
            "ctlogs": [],
        }
        path = self.folder / "trusted_root.jsonl"
        path.write_text(json.dumps(root) + "\n")
        return path

    def attest(self, artifact: bytes, signer: Signer) -> dict:
        """Return the bundle that the action leaves."""
        key = ec.generate_private_key(ec.SECP256R1())
        more = [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False)]
        more += [(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(signer.uri)]), True)]
        for number, text in signer.extensions().items():
            oid = x509.ObjectIdentifier(f"{FULCIO}.{number}")
            der = b"\x0c" + _length(len(text.encode())) + text.encode()
            more.append((x509.UnrecognizedExtension(oid, der), False))
        leaf = _certificate("", key.public_key(), self.key, self.root, more, minutes=10)
        kind = "application/vnd.in-toto+json"
        payload = json.dumps(statement(artifact)).encode()
        signed = b" ".join(
            (b"DSSEv1", b"%d" % len(kind), kind.encode(), b"%d" % len(payload), payload)
        )
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        stamp = {"signedTimestamp": _b64(self._stamp(signature))}
        material = {"certificate": {"rawBytes": _b64(_der(leaf))}, "tlogEntries": []}
        material["timestampVerificationData"] = {"rfc3161Timestamps": [stamp]}
        envelope = {"payload": _b64(payload), "payloadType": kind}
        envelope["signatures"] = [{"sig": _b64(signature)}]
        return {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
            "dsseEnvelope": envelope,
        }

    def _stamp(self, data: bytes) -> bytes:
        names = {name: str(self.folder / name) for name in ("data", "query", "reply", "tsa.cnf")}
        Path(names["data"]).write_bytes(data)
        openssl = ["openssl", "ts"]
        query = ["-query", "-data", names["data"], "-sha256", "-cert", "-out", names["query"]]
        reply = ["-reply", "-queryfile", names["query"], "-config", names["tsa.cnf"]]
        for call in (query, [*reply, "-section", "own", "-out", names["reply"]]):
            subprocess.run([*openssl, *call], check=True, capture_output=True)
        return Path(names["reply"]).read_bytes()


def statement(artifact: bytes) -> dict:
    """Return what is said of an artifact."""
    digest = {"sha256": hashlib.sha256(artifact).hexdigest()}
    subject = [{"name": "ghcr.io/octo-org/flight-delays", "digest": digest}]
    kind = "https://in-toto.io/Statement/v1"
    return {"_type": kind, "subject": subject, "predicateType": PREDICATE, "predicate": {}}


def stand_in_bundle(artifact: bytes, signer: Signer) -> dict:
    """Return what the stand-in for the action leaves: the job's identity is its certificate."""
    claims = {"repository": signer.repository, "sha": signer.sha, "ref": signer.ref, "run_id": "1"}
    claims["job_workflow_ref"] = signer.uri.removeprefix(f"{signer.server}/")
    token = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return {
        "verificationMaterial": {"certificate": {"rawBytes": f"header.{token}.signature"}},
        "dsseEnvelope": {"payload": _b64(json.dumps(statement(artifact)).encode())},
    }


def questions(signer: Signer) -> dict[str, tuple[Signer, bytes, list[str]]]:
    """Return what is asked: by whom the artifact is signed, its content now, and the flags."""
    identity = ["--cert-identity", signer.uri]
    same, other = ["--source-digest", SHA], ["--source-digest", OTHER]
    workflow = ["--signer-workflow", f"{NAME}/.github/workflows/release.yml"]
    main = [*workflow, "--source-ref", signer.ref]
    branch, fork = replace(signer, ref="refs/heads/dev"), replace(signer, repository="eve/fork")
    neighbour = replace(signer, workflow=".github/workflows/other.yml")
    return {
        "signed by the release": (signer, ARTIFACT, [*identity, *same]),
        "any commit": (signer, ARTIFACT, identity),
        "another commit": (signer, ARTIFACT, [*identity, *other]),
        "another branch": (branch, ARTIFACT, identity),
        "another branch, by --signer-workflow": (branch, ARTIFACT, workflow),
        "another branch, by --source-ref": (branch, ARTIFACT, main),
        "another workflow": (neighbour, ARTIFACT, identity),
        "another workflow, repository alone": (neighbour, ARTIFACT, []),
        "another repository": (fork, ARTIFACT, identity),
        "another repository, repository alone": (fork, ARTIFACT, []),
        "another artifact": (signer, b"other", identity),
        "an unknown flag": (signer, ARTIFACT, ["--nonsense"]),
    }  # fmt: skip


def ask(gh: str, folder: Path, artifact: bytes, bundle: dict, *flags: str) -> tuple:
    """Return the exit code, the last line of stderr, and what the loop reads of the answer."""
    (folder / "artifact").write_bytes(artifact)
    (folder / "bundle.json").write_text(json.dumps(bundle))
    call = [gh, "attestation", "verify", folder / "artifact", "--repo", NAME, *flags]
    call += ["--bundle", folder / "bundle.json", "--format", "json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run(call, capture_output=True, text=True, env=env)
    rows = json.loads(done.stdout) if done.stdout else []
    facts = [row["verificationResult"]["signature"]["certificate"] for row in rows]
    last = next((line for line in done.stderr.splitlines() if "rror: " in line), "")
    # The stand-in is another authority than this one.
    last = last.replace("sigstore.dev", "GitHub, Inc.")
    return done.returncode, last, [[row[name] for name in READ] for row in facts]


def main() -> int:
    """Compare both, question by question."""
    gh, wrong = (sys.argv[1:] or ["gh"])[0], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Sigstore(folder)
        root = ["--custom-trusted-root", store.trusted_root()]
        for question, (signer, artifact, flags) in questions(Signer()).items():
            real = ask(gh, folder, artifact, store.attest(ARTIFACT, signer), *flags, *root)
            bundle = stand_in_bundle(ARTIFACT, signer)
            other = ask(str(STAND_IN), folder, artifact, bundle, *flags, *root)
            wrong += real != other
            print(f"{'same' if real == other else 'DIFFERS'}: {question}: {real}")
            if real != other:
                print(f"         stand-in: {other}")
    return int(wrong > 0)


def _certificate(name, public, key, issuer=None, more=(), ca=False, minutes=10**6):
    organization = "GitHub, Inc." if name else ""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if name else []
    parts += [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    subject, now = x509.Name(parts), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public)
    builder = builder.issuer_name(issuer.subject if issuer else subject)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5))
    builder = builder.not_valid_after(now + timedelta(minutes=minutes))
    builder = builder.add_extension(x509.BasicConstraints(ca, None), True)
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
         "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    usage |= {"digital_signature": not ca, "key_cert_sign": ca, "crl_sign": ca}
    builder = builder.add_extension(x509.KeyUsage(**usage), True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = builder.add_extension(identifier, False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256())


def _length(n: int) -> bytes:
    return bytes([n]) if n < 128 else bytes([0x81, n])


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    sys.exit(main())
