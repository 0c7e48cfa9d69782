"""The manifests of deploy/kubernetes: valid, strict and scored without a cluster.

benchmarks/kubernetes runs them on one.
"""

import itertools
import json
import re
import subprocess

import pytest
import yaml
from conftest import DEFAULTS, OPTION_SETS, check, require_tool, run

VERSIONS = ("1.30", "1.34")  # the oldest that has what is used, and the one that they were run on
VALIDATE = "kubernetes-validate==1.37.0"
# What kube-score asks for, and why it is not done.
EXCEPTIONS = {
    "container-resources": "no limit of CPU: it would slow down a pod on a node that has room",
    "container-image-pull-policy": "images are named by digest, which never names another one",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints spread the pods",
}
DIGEST = f"sha256:{'d' * 64}"


@pytest.fixture(scope="module")
def folder(baked):
    """Return deploy/kubernetes of a generated project."""
    options = next(o for o in OPTION_SETS if o["deploy_target"] == "kubernetes")
    return baked(options) / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def manifests(folder):
    """Return what the overlay `production` applies, as text."""
    return check(require_tool("kustomize"), "build", "production", cwd=folder)


@pytest.fixture(scope="module")
def objects(manifests):
    """Return each object by kind and name."""
    found = list(yaml.safe_load_all(manifests))
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def validated(text, version, tmp_path):
    """Validate manifests against the schema of a version, strictly: unknown keys are refused."""
    (tmp_path / "all.yaml").write_text(text)
    call = ("--quiet", "--from", VALIDATE, "kubernetes-validate", "--strict", "-k", version)
    return run(require_tool("uv"), "tool", "run", *call, tmp_path / "all.yaml", cwd=tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_of_kubernetes_holds(manifests, version, tmp_path):
    """Every key is known, and every value has its type."""
    done = validated(manifests, version, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("line", ["maxUnavailable: 0", "readOnlyRootFilesystem: true"])
def test_a_slip_is_found(manifests, line, tmp_path):
    """A key that is misspelled would be dropped in silence by an older API."""
    assert line in manifests
    done = validated(manifests.replace(line, f"x{line}"), VERSIONS[-1], tmp_path)
    assert done.returncode != 0


def scored(text):
    """Return what kube-score criticises, by the ids of its checks."""
    call = (require_tool("kube-score"), "score", "--output-format", "json", "-")
    done = subprocess.run(call, input=text, capture_output=True, text=True, timeout=60)
    checks = [(row["object_name"], c) for row in json.loads(done.stdout) for c in row["checks"]]
    return {c["check"]["id"] for _, c in checks if not c["skipped"] and c["grade"] < 10}


def test_kube_score_finds_the_exceptions_alone(manifests):
    """Each of which has its reason above."""
    assert scored(manifests) == set(EXCEPTIONS)
    assert "container-security-context-readonlyrootfilesystem" in scored(
        manifests.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false")
    )


def test_a_rollout_takes_no_pod_away(objects):
    """And needs no more than one pod of room; the autoscaler alone sets the number."""
    spec = objects["Deployment", "flight-delays"]["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in spec
    assert objects["HorizontalPodAutoscaler", "flight-delays"]["spec"]["minReplicas"] >= 2


def pod_of(objects, name):
    """Return the pod's settings, and those of its endpoint."""
    pod = objects["Deployment", name]["spec"]["template"]["spec"]
    return pod, next(c for c in pod["containers"] if c["name"] == "endpoint")


def test_a_candidate_is_the_endpoint_without_traffic_and_log(objects):
    """The same container but for the log, the note and the goodbye; no Service selects it."""
    endpoint, candidate = (
        pod_of(objects, name)[1] for name in ("flight-delays", "flight-delays-candidate")
    )
    names = [{e["name"] for e in container["env"]} for container in (endpoint, candidate)]
    assert names[0] - names[1] == {"LOG_URL", "NOTE_FILE"} and names[1] <= names[0]
    same = set(endpoint) - {"env", "lifecycle", "volumeMounts"}
    assert {k: endpoint[k] for k in same} == {k: candidate[k] for k in same}
    selector = objects["Service", "flight-delays"]["spec"]["selector"]
    work = objects["Deployment", "flight-delays-candidate"]["spec"]
    assert not selector.items() <= work["template"]["metadata"]["labels"].items()
    assert work["replicas"] == 0


def test_every_selector_finds_its_pods(objects):
    """Of Service, budget, autoscaler and network policies."""
    labels = objects["Deployment", "flight-delays"]["spec"]["template"]["metadata"]["labels"]
    budget = objects["PodDisruptionBudget", "flight-delays"]["spec"]["selector"]["matchLabels"]
    policy = objects["NetworkPolicy", "flight-delays"]["spec"]["podSelector"]["matchLabels"]
    service = objects["Service", "flight-delays"]["spec"]["selector"]
    for selector in (budget, policy, service):
        assert selector.items() <= labels.items()
        assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/component"}


def test_the_follower_may_change_no_more_than_it_does(objects):
    """Two Deployments and one ConfigMap by name, and list pods; no secret, no pod is made."""
    rules = objects["Role", "flight-delays-follower"]["rules"]
    granted = {
        (resource, verb, name)
        for rule in rules
        for resource, verb, name in itertools.product(
            rule["resources"], rule["verbs"], rule.get("resourceNames", ["*"])
        )
    }
    own = {("Deployment", "flight-delays"), ("Deployment", "flight-delays-candidate")}
    assert {name for resource, _, name in granted if resource == "deployments"} == {
        name for _, name in own
    }
    assert own <= set(objects)
    assert {(r, v) for r, v, _ in granted} == {
        ("deployments", "get"),
        ("deployments", "patch"),
        ("configmaps", "get"),
        ("configmaps", "patch"),
        ("pods", "list"),
    }
    for _, one in objects.items():
        assert one["kind"] not in {"ClusterRole", "ClusterRoleBinding", "Secret"}


def test_only_the_follower_has_a_token(objects):
    """Whoever breaks into an endpoint finds no right in the cluster."""
    for name in ("flight-delays", "flight-delays-candidate"):
        assert pod_of(objects, name)[0]["automountServiceAccountToken"] is False
    job = objects["CronJob", "flight-delays-follower"]["spec"]["jobTemplate"]["spec"]
    assert job["template"]["spec"]["automountServiceAccountToken"] is True
    assert job["template"]["spec"]["serviceAccountName"] == "flight-delays-follower"


KUBECTL = """#!/bin/sh
case $1 in
  get) cat {folder}/runs ;;
  kustomize) exec {kustomize} build "$2" ;;
  apply) cat > {folder}/applied ;;
esac
"""


@pytest.fixture
def apply(folder, tmp_path):
    """Give a function that runs apply.sh against a kubectl that keeps what is applied."""
    text = KUBECTL.format(folder=tmp_path, kustomize=require_tool("kustomize"))
    (tmp_path / "kubectl").write_text(text)
    (tmp_path / "kubectl").chmod(0o755)

    def call(*arguments, runs=""):
        (tmp_path / "runs").write_text(runs)
        path = f"{tmp_path}:/usr/bin:/bin"
        done = run("./apply.sh", *arguments, cwd=folder, env={"PATH": path})
        applied = tmp_path / "applied"
        return done, list(yaml.safe_load_all(applied.read_text())) if applied.exists() else []

    return call


def images(applied):
    """Return every image that a container is given."""
    return set(re.findall(r'"image": "([^"]+)"', json.dumps(applied)))


IMAGE = "ghcr.io/flight-delays-authors/flight-delays"


def test_apply_names_a_digest(apply):
    """The given one, in every container; later the one that runs."""
    done, applied = apply(DIGEST)
    assert done.returncode == 0, done.stderr
    assert images(applied) == {f"{IMAGE}@{DIGEST}"}
    deployments = {d["metadata"]["name"]: d for d in applied if d["kind"] == "Deployment"}
    for one in deployments.values():
        (endpoint,) = (
            c for c in one["spec"]["template"]["spec"]["containers"] if c["name"] == "endpoint"
        )
        assert {"name": "IMAGE_DIGEST", "value": DIGEST} in endpoint["env"]
    other = DIGEST.replace("d", "e")
    assert images(apply(runs=f"{IMAGE}@{other}")[1]) == {f"{IMAGE}@{other}"}
    assert images(apply(DIGEST, runs=f"{IMAGE}@{other}")[1]) == {f"{IMAGE}@{DIGEST}"}


@pytest.mark.parametrize("arguments", [(), ("v1.0.0",), ("latest",)])
def test_apply_without_a_digest(apply, arguments):
    """Nothing is applied, and the next command is named."""
    done, applied = apply(*arguments)
    assert (done.returncode, applied) == (64, [])
    assert "Next: ./apply.sh sha256:DIGEST" in done.stderr


def test_other_targets_have_no_manifests(baked):
    """One folder of deploy/ is kept beside the monitoring."""
    kept = {p.name for p in (baked(DEFAULTS) / "deploy").iterdir() if p.is_dir()}
    assert kept == {"host", "monitoring"}


def test_the_image_has_what_a_cluster_needs(folder, baked):
    """The follower's client, and PostgreSQL for the log; on a host neither."""
    project = folder.parents[1]
    assert 'ARG GROUP="kubernetes"' in (project / "Dockerfile").read_text()
    assert 'ARG GROUP=""' in (baked(DEFAULTS) / "Dockerfile").read_text()
    assert "kubernetes = " in (project / "pyproject.toml").read_text()
