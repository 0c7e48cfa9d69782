"""Workers that would compute otherwise are refused by name; who may join is a matter of TLS."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from user_package import NAME

from mlops_loop import errors
from mlops_loop.pipeline import cluster, cluster_workers

MODULE = """
    import time
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    class Sum:
        blank = make_pipeline(Ridge())

        def score(self, values, fold):
            time.sleep(values.get("seconds", 0))
            return values["a"] + fold
"""
OTHER_JOBLIB = "import joblib\njoblib.__version__ = '1.0.0'\n"
CANDIDATES, RUNG = [{"a": 1.0}, {"a": 10.0}], [0.25, 0.5]
SCORES = {(0, 0): 1.25, (0, 1): 1.5, (1, 0): 10.25, (1, 1): 10.5}


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """What adds up a candidate and a fold, in a module that workers can import."""
    folder = tmp_path_factory.mktemp("sums")
    (folder / "sums.py").write_text(dedent(MODULE), encoding="utf-8")
    sys.path.insert(0, str(folder))
    from sums import Sum

    yield Sum()
    sys.path.remove(str(folder))


@pytest.fixture
def score(monkeypatch, problem):
    """`score(address)` is what the workers of that scheduler find."""

    def call(address: str, candidates: list[dict] = CANDIDATES) -> dict[tuple[int, int], float]:
        monkeypatch.setenv(cluster.VARIABLE, address)
        with cluster.connected(problem) as found:
            return {(i, k): value for i, k, value in found.scores(candidates, RUNG)}

    return call


def ahead(folder: Path, files: dict[str, str]) -> dict[str, str]:
    """The environment of a process that finds these modules first."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, sys.path)])}


def refused(score, address: str, *parts: str, **how) -> None:
    """The search is refused in a sentence with these parts."""
    with pytest.raises(errors.UsageError) as info:
        score(address, **how)
    assert str(info.value).startswith("The worker tcp://")
    assert "Next: on its machine, check out this commit, run uv sync --frozen" in str(info.value)
    assert [part for part in parts if part not in str(info.value)] == []


def test_a_worker_with_another_library_is_refused(make_cluster, problem, score, tmp_path):
    """With both versions."""
    own = make_cluster()
    own.worker(**ahead(tmp_path, {"sitecustomize": OTHER_JOBLIB}))
    own.wait(1)
    refused(
        score, own.address, "would not compute as this machine does: it has joblib 1.0.0 (here "
    )


def test_a_worker_that_joins_later_is_asked_as_well(make_cluster, problem, score, tmp_path):
    """By its first fold; the scores of a worker that differs are not taken."""
    own = make_cluster(1)
    own.worker(**ahead(tmp_path, {"sitecustomize": OTHER_JOBLIB}))
    slow = [{"a": 1.0, "seconds": 0.5}] * 40
    refused(score, own.address, "it has joblib 1.0.0 (here ", candidates=slow)


def test_a_worker_without_the_loop_is_refused(make_cluster, problem, score, tmp_path):
    """With the reason that Python gives."""
    own = make_cluster()
    own.worker(**ahead(tmp_path, {"mlops_loop/__init__": ""}))
    own.wait(1)
    refused(score, own.address, "No module named", "mlops_loop.pipeline")


def test_other_code_of_the_user_is_refused(make_cluster, problem, own_package, score, tmp_path):
    """Whatever differs in a module, and a file that changed while the worker runs."""
    folder = own_package(features="A = 1\n")
    own = make_cluster(1)
    assert score(own.address) == SCORES
    (folder / "features.py").write_text("A = 2\n")
    refused(score, own.address, "its files changed after it loaded them")
    other = ahead(tmp_path, {f"{NAME}/__init__": "", f"{NAME}/features": "A = 1\n"})
    another = make_cluster()
    another.worker(**other)
    another.wait(1)
    refused(score, another.address, "it has code of made_up_project ")


def test_other_kernels_of_blas_are_told(make_cluster, problem, score, capsys):
    """Their last bits differ; the scores are taken."""
    if not cluster_workers.kernels():
        pytest.skip("NumPy here has another BLAS than OpenBLAS")
    own = make_cluster(1, {"OPENBLAS_CORETYPE": "Prescott"})
    assert score(own.address) == SCORES
    assert "computes with other kernels of BLAS (" in capsys.readouterr().out


def write_certificate(folder: Path, name: str, issuer: str = "") -> dict[str, str]:
    """A certificate of an own authority; the variables by which Dask finds it."""
    key = ec.generate_private_key(ec.SECP256R1())
    signing, parent = key, name
    if issuer:
        signing, parent = (
            serialization.load_pem_private_key((folder / f"{issuer}.key").read_bytes(), None),
            issuer,
        )
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, parent)]
    builder = x509.CertificateBuilder(
        *reversed(names), key.public_key(), x509.random_serial_number(),
        now - datetime.timedelta(days=1), now + datetime.timedelta(days=1),
    ).add_extension(x509.BasicConstraints(not issuer, None), critical=True)  # fmt: skip
    (folder / f"{name}.pem").write_bytes(
        builder.sign(signing, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    form = serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    )
    roles = ("SCHEDULER", "WORKER", "CLIENT")
    found = {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(folder / f"{issuer or name}.pem")}
    for role in roles:
        found[f"DASK_DISTRIBUTED__COMM__TLS__{role}__CERT"] = str(folder / f"{name}.pem")
        found[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] = str(folder / f"{name}.key")
    return found


SCORE = """
import sys
from mlops_loop.errors import ProjectError
from mlops_loop.pipeline import cluster
from sums import Sum
cluster.CONNECT_S = 3
try:
    with cluster.connected(Sum()) as found:
        print(sorted(value for *_, value in found.scores([{"a": 1.0}], [0.25, 0.5])))
except ProjectError as error:
    sys.exit(str(error))
"""


def ask(address: str, env: dict[str, str], prefix: tuple[str, ...] = ()) -> str:
    """What a process with these variables gets from the cluster: its scores, or the refusal."""
    path = os.pathsep.join(filter(None, sys.path))
    own = os.environ | {"PYTHONPATH": path, "PYTHONWARNINGS": "ignore", "LOOP_CLUSTER": address}
    command = [*prefix, sys.executable, "-c", SCORE]
    done = subprocess.run(command, env=own | env, capture_output=True, text=True, timeout=100)
    assert not [line for line in done.stderr.splitlines() if line.startswith("Traceback")]
    return done.stdout if done.returncode == 0 else done.stderr


def test_tls_lets_in_who_has_a_certificate(make_cluster, problem, tmp_path):
    """One of the cluster's own authority, as Dask's own variables name it."""
    env = {}
    for name in ("ours", "theirs"):
        write_certificate(tmp_path, f"{name}-ca")
        env[name] = write_certificate(tmp_path, name, f"{name}-ca")
    own = make_cluster(1, env["ours"], scheme="tls")
    answer = ask(own.address, env["ours"])
    assert "[1.25, 1.5]" in answer
    assert "not encrypted" not in answer
    assert "tls:// needs CA_FILE, CLIENT__CERT and CLIENT__KEY" in ask(own.address, {})
    lost = env["ours"] | {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": str(tmp_path / "lost.pem")}
    answer = ask(own.address, lost)
    assert "CLIENT__KEY, each after DASK_DISTRIBUTED__COMM__TLS__ cannot be read" in answer
    for foreign in (
        env["theirs"],
        {**env["ours"], "LOOP_CLUSTER": own.address.replace("tls", "tcp")},
    ):
        assert "no Dask scheduler answers within 3 s" in ask(own.address, foreign)


def ip(*commands: str) -> None:
    """Commands of iproute2; raises CalledProcessError or OSError."""
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True, capture_output=True)


@pytest.fixture
def two_hosts():
    """Machines on one cable: how a command starts there, and the address of each.

    Addresses of this machine where nobody may make network namespaces, as in most containers.
    """
    name, (one, two) = f"loop{os.getpid()}", (1, 2)
    address = "10.213.77.{}"
    try:
        ip(f"netns add {name}-1", f"netns add {name}-2")
        ip(f"-n {name}-1 link add eth0 type veth peer name eth0 netns {name}-2")
        for i in (one, two):
            ip(f"-n {name}-{i} addr add {address.format(i)}/24 dev eth0")
            ip(f"-n {name}-{i} link set eth0 up", f"-n {name}-{i} link set lo up")
        prefixes = [("ip", "netns", "exec", f"{name}-{i}") for i in (one, two)]
    except (OSError, subprocess.CalledProcessError):
        address, prefixes = "127.0.0.{}", [()] * 2
    yield [(prefix, address.format(i)) for prefix, i in zip(prefixes, (one, two), strict=True)]
    for i in (one, two):
        with suppress(OSError, subprocess.CalledProcessError):
            ip(f"netns del {name}-{i}")


def test_two_machines(make_cluster, problem, two_hosts):
    """The worker is on another one than scheduler and search; no encryption is told."""
    (here, host), (there, other) = two_hosts
    own = make_cluster(host=host, prefix=here)
    own.prefix = there
    own.worker("--host", other)
    own.wait(1)
    answer = ask(own.address, {}, here)
    assert "[1.25, 1.5]" in answer
    assert ("the cluster is not encrypted" in answer) == bool(here)
    own.close()
