"""The API of Kubernetes, from a server with its own certificate: which calls, which refusals."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mlops_loop.deployment import cluster as clusters
from mlops_loop.deployment.cluster import Cluster
from mlops_loop.errors import ClusterRefused, UsageError

OLD, NEW = (f"sha256:{letter * 64}" for letter in "ab")
DEPLOYMENT = {
    "metadata": {"name": "flights", "generation": 3, "annotations": {"mlops-loop/good": OLD}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"b": "2", "a": "1"}},
        "template": {
            "spec": {"containers": [{"name": "endpoint", "image": f"ghcr.io/o/flights@{NEW}"}]}
        },
    },
    "status": {
        "observedGeneration": 3,
        "replicas": 2,
        "updatedReplicas": 2,
        "availableReplicas": 2,
        "conditions": [{"type": "Progressing", "status": "True", "message": "done"}],
    },
}


class Api(ThreadingHTTPServer):
    """Answers each path with what `answers` has, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, certificate):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers, self.asked = {}, []
        self.url = f"https://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        """Quiet."""

    def do_GET(self):
        self.reply()

    def do_PATCH(self):
        self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def reply(self, content=None):
        headers = (self.headers["Authorization"], self.headers["Content-Type"])
        self.server.asked.append((self.command, self.path, content, headers))
        status, answer, *more = self.server.answers[self.path.partition("?")[0]]
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in more:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def certificate(folder, name):
    """A certificate of 127.0.0.1 that signs itself, with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(1))
        .not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / f"{name}.pem").write_bytes(made.public_bytes(pem) + secret)
    return made.public_bytes(pem)


@pytest.fixture
def account(tmp_path):
    """What the kubelet mounts into a pod."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("first\n")
    (folder / "namespace").write_text("ns")
    (folder / "ca.crt").write_bytes(certificate(tmp_path, "own"))
    return folder


@pytest.fixture
def api(account, listening, tmp_path):
    with listening(Api(tmp_path / "own.pem")) as server:
        yield server


@pytest.fixture
def cluster(api, account):
    port = str(api.server_port)
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port}
    return Cluster(env, account)


PATH = "/apis/apps/v1/namespaces/ns/deployments/flights"


def changed(**status):
    return DEPLOYMENT | {"status": DEPLOYMENT["status"] | status}


def test_a_deployment_and_what_it_remembers(api, cluster):
    """Its digest, the good one, and its selector."""
    api.answers[PATH] = 200, DEPLOYMENT
    work = cluster.workload("flights")
    assert (work.digest, work.good, work.replicas, work.selector) == (NEW, OLD, 2, "a=1,b=2")
    assert (work.settled, work.stuck) == (True, "")
    assert [asked[3][0] for asked in api.asked] == ["Bearer first"]


UNSETTLED = [
    {"observedGeneration": 2},
    {"replicas": 3},
    {"updatedReplicas": 1},
    {"availableReplicas": 1},
]


@pytest.mark.parametrize("status", UNSETTLED, ids=str)
def test_a_rollout_that_is_not_over(api, cluster, status):
    """Not observed yet, an old pod more, a new pod less, a pod that does not answer."""
    api.answers[PATH] = 200, changed(**status)
    assert not cluster.workload("flights").settled


def test_a_rollout_that_kubernetes_gave_up(api, cluster):
    """With its words; of an older template they do not count."""
    late = [{"type": "Progressing", "status": "False", "message": "exceeded its deadline"}]
    api.answers[PATH] = 200, changed(conditions=late)
    assert cluster.workload("flights").stuck == "exceeded its deadline"
    api.answers[PATH] = 200, changed(conditions=late, observedGeneration=2)
    assert cluster.workload("flights").stuck == ""


def pod(name, *states, ready="True", **meta):
    conditions = [{"type": "Ready", "status": ready}]
    return {
        "metadata": {"name": name, **meta},
        "spec": DEPLOYMENT["spec"]["template"]["spec"],
        "status": {"podIP": "10.0.0.1", "conditions": conditions, "containerStatuses": states},
    }


def state(name, **now):
    return {"name": name, **now}


def ended(code, message):
    return {"terminated": {"exitCode": code, "message": message}}


def test_pods_and_their_problems(api, cluster):
    """Those that end are left out. What the check says comes first, in its last line."""
    pull = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
    back_off = {"waiting": {"reason": "CrashLoopBackOff"}}
    lost = pod("homeless", ready="False")
    unplaced = {"type": "PodScheduled", "status": "False", "message": "no CPU left"}
    lost["status"] = {"conditions": [unplaced]}
    api.answers["/api/v1/namespaces/ns/pods"] = (
        200,
        {
            "items": [
                pod("fine", state("endpoint", state={"running": {}})),
                pod("gone", deletionTimestamp="now"),
                pod("pulling", state("endpoint", state=pull), ready="False"),
                pod(
                    "wrong",
                    state("endpoint", state=back_off, lastState=ended(1, "unready")),
                    state("check", state=ended(5, "a\nSmokeFailed: \x1b[2J0.5")),
                    ready="False",
                ),
                lost,
            ]
        },
    )
    api.answers[PATH] = 200, DEPLOYMENT
    found = {p.name: p for p in cluster.pods(cluster.workload("flights"))}
    assert list(found) == ["fine", "pulling", "wrong", "homeless"]
    assert (found["fine"].ready, found["fine"].ip, found["fine"].digest) == (True, "10.0.0.1", NEW)
    assert (found["pulling"].problem, found["pulling"].unfetched) == (
        "ImagePullBackOff: not found",
        True,
    )
    assert found["wrong"].problem.startswith("the container check ended with 5: SmokeFailed: ")
    assert "\x1b" not in found["wrong"].problem
    assert not found["wrong"].unfetched
    assert (found["homeless"].problem, found["homeless"].unfetched) == (
        "it has no node: no CPU left",
        True,
    )
    assert api.asked[-1][1].endswith("/pods?labelSelector=a%3D1%2Cb%3D2")


def test_what_is_changed(api, cluster):
    """Image and digest of named containers, replicas, annotation, note: nothing else."""
    note = "/api/v1/namespaces/ns/configmaps/flights"
    api.answers = {PATH: (200, DEPLOYMENT), note: (200, {"data": {"refused": "why\n"}})}
    cluster.run("flights", "ghcr.io/o/flights", OLD, ("endpoint",))
    cluster.scale("flights", 1)
    cluster.keep("flights", OLD)
    cluster.write_note("flights", "why")
    cluster.write_note("flights", "")
    container = {
        "name": "endpoint",
        "image": f"ghcr.io/o/flights@{OLD}",
        "env": [{"name": "IMAGE_DIGEST", "value": OLD}],
    }
    assert [asked[2] for asked in api.asked] == [
        {"spec": {"template": {"spec": {"containers": [container]}}}},
        {"spec": {"replicas": 1}},
        {"metadata": {"annotations": {"mlops-loop/good": OLD}}},
        {"data": {"refused": "why"}},
        {"data": {"refused": None}},
    ]
    kinds = {asked[3][1] for asked in api.asked}
    assert kinds == {"application/strategic-merge-patch+json"}
    assert cluster.note("flights") == "why"
    api.answers[note] = 200, {}
    assert cluster.note("flights") == ""


def test_a_new_token_is_used_at_once(api, cluster, account):
    """The kubelet replaces it every hour."""
    api.answers[PATH] = 200, DEPLOYMENT
    cluster.workload("flights")
    (account / "token").write_text("second")
    cluster.workload("flights")
    assert [asked[3][0] for asked in api.asked] == ["Bearer first", "Bearer second"]


def test_a_refusal_says_what_kubernetes_says(api, cluster):
    """Which call, and the words of the API."""
    api.answers[PATH] = 403, {"message": 'deployments "flights" is forbidden: no patch'}
    with pytest.raises(ClusterRefused, match=r"GET .*deployments/flights: 403 .* no patch\. What"):
        cluster.workload("flights")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null"])
def test_no_object_is_a_refusal(api, cluster, body):
    """A proxy may answer for the API."""
    api.answers[PATH] = 200, body
    with pytest.raises(ClusterRefused):
        cluster.workload("flights")


def test_a_redirect_is_not_followed(api, cluster):
    """The token is for one host."""
    api.answers = {PATH: (307, b"", ("Location", f"{api.url}/elsewhere"))}
    api.answers["/elsewhere"] = 200, DEPLOYMENT
    with pytest.raises(ClusterRefused, match="307"):
        cluster.workload("flights")
    assert [asked[1] for asked in api.asked] == [PATH]


def test_a_server_with_another_certificate_gets_no_token(api, cluster, account, tmp_path):
    """Whoever answers at the address must be the cluster."""
    (account / "ca.crt").write_bytes(certificate(tmp_path, "other"))
    api.answers[PATH] = 200, DEPLOYMENT
    with pytest.raises(ClusterRefused, match=r"(?i)certificate"):
        cluster.workload("flights")
    assert api.asked == []


def test_nobody_listens(account, monkeypatch):
    """One sentence."""
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "9"}
    with pytest.raises(ClusterRefused, match="What runs stays"):
        Cluster(env, account).workload("flights")


def test_outside_of_a_cluster(tmp_path):
    """It says what is missing."""
    with pytest.raises(UsageError, match="no pod with a service account"):
        Cluster({}, clusters.ACCOUNT)
    with pytest.raises(UsageError, match="token is missing"):
        Cluster({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, tmp_path)
