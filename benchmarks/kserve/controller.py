"""KServe of its Go module: built, installed as it ships, and run beside the cluster."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from benchmarks.kubernetes.project import ROOT
from benchmarks.kubernetes.servers import free_port, wait_for
from benchmarks.kubernetes.world import NODE, run, until

VERSION = "v0.20.0"
KSERVE = f"github.com/kserve/kserve@{VERSION}"  # @latest is refused by Go's proxy
GATEWAY = "sigs.k8s.io/gateway-api@v1.5.1"  # of KServe's go.mod
NAMESPACE = "kserve"
# The controller runs outside, and nothing here makes certificates by themselves.
LEFT_OUT = ("Deployment", "Certificate", "Issuer")


def module(name: str) -> Path:
    """Return the folder of a Go module."""
    folder = ROOT / "build"
    folder.mkdir(exist_ok=True)
    return Path(json.loads(run("go", "mod", "download", "-json", name, cwd=folder))["Dir"])


def program() -> Path:
    """Return KServe's manager, built from its module unless it is there."""
    made = ROOT / "build" / f"kserve-{VERSION}" / "manager"
    if not made.exists():
        source = made.parent / "source"  # the module itself cannot be written to
        shutil.copytree(module(KSERVE), source, copy_function=shutil.copyfile, dirs_exist_ok=True)
        env = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-p=1"}
        flags = ("-ldflags=-s -w", "-o", made)
        run("nice", "-n", "10", "go", "build", *flags, "./cmd/manager", cwd=source, env=env)
        shutil.rmtree(source)
    return made


def certificate(folder: Path) -> str:
    """Make a certificate of the webhooks where the manager looks for it; its text in base64."""
    place = folder / "k8s-webhook-server" / "serving-certs"
    place.mkdir(parents=True)
    files = ("-keyout", place / "tls.key", "-out", place / "tls.crt")
    names = ("-subj", f"/CN={NODE}", "-addext", f"subjectAltName=IP:{NODE}")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *files, *names)
    return base64.b64encode((place / "tls.crt").read_bytes()).decode()


def shipped(source: Path) -> list[dict]:
    """Return the objects of KServe's own kustomization, and its settings."""
    texts = [run("kubectl", "kustomize", source / "config" / "default")]
    texts += [run("kubectl", "kustomize", source / "config" / "configmap")]
    texts += [(source / "config" / "base" / "namespace.yaml").read_text()]
    objects = [one for text in texts for one in yaml.load_all(text, yaml.CSafeLoader) if one]
    return [one for one in objects if one["kind"] not in LEFT_OUT]


def outside(objects: list[dict], authority: str, port: int) -> list[dict]:
    """Lead the webhooks to a port of the node, in the place of a pod."""
    for one in objects:
        for hook in one.get("webhooks", ()):
            path = hook["clientConfig"]["service"]["path"]
            url = f"https://{NODE}:{port}{path}"
            hook["clientConfig"] = {"url": url, "caBundle": authority}
    return objects


def apply(objects: list[dict]) -> None:
    """Apply objects, namespaces and types of resources first."""
    early = ("Namespace", "CustomResourceDefinition")
    for first in (True, False):
        some = [one for one in objects if (one["kind"] in early) == first]
        run("kubectl", "apply", "--server-side", "--filename", "-", text=listed(some))
        until("all types are known", established, 60)


def established() -> bool:
    """Tell whether the cluster serves every type that it was given."""
    types = json.loads(run("kubectl", "get", "crd", "--output", "json"))["items"]
    conditions = [one.get("status", {}).get("conditions") or [] for one in types]
    return all(any(c["type"] == "Established" for c in some) for some in conditions)


def listed(objects: list[dict]) -> str:
    """Return objects as kubectl reads them."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


@contextmanager
def manager(folder: Path, port: int) -> Iterator[None]:
    """Run the manager as the cluster's administrator; its log is in `folder`."""
    env = os.environ | {"TMPDIR": str(folder)}
    flags = ("--webhook-port", str(port), "--metrics-addr", "0", "--health-probe-addr", "0")
    with (folder / "manager.log").open("a") as log:
        process = subprocess.Popen([program(), *flags], env=env, stdout=log, stderr=log)
    try:
        wait_for(("127.0.0.1", port))
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def installed(folder: Path) -> Iterator[int]:
    """Install KServe, its webhooks at a port of this machine; the port. Remove it afterwards."""
    port, source = free_port(), module(KSERVE)
    objects = outside(shipped(source), certificate(folder), port)
    try:
        apply(objects)
        yield port
    finally:
        more = ("--ignore-not-found", "--timeout=120s", "--filename", "-")
        run("kubectl", "delete", *more, text=listed(objects), succeed=False)


def with_gateway_api() -> None:
    """Let KServe write HTTPRoutes; no gateway reads them. The manager must be started anew."""
    routes = module(GATEWAY) / "config" / "crd" / "standard"
    name = "gateway.networking.k8s.io_httproutes.yaml"
    run("kubectl", "apply", "--server-side", "--filename", routes / name)
    of_map = ("--namespace", NAMESPACE, "configmap", "inferenceservice-config")
    ingress = run("kubectl", "get", *of_map, "--output", "jsonpath={.data.ingress}")
    changed = json.dumps(json.loads(ingress) | {"enableGatewayApi": True})
    patch = json.dumps({"data": {"ingress": changed}})
    run("kubectl", "patch", *of_map, "--type", "merge", "--patch", patch)
