"""Run deploy/kserve under KServe's own controller on a real cluster, and break it on purpose.

    KUBECONFIG=... python -m benchmarks.kserve [PROJECT]

Needs kubectl with an empty cluster of one node that shares this machine, docker, docker-registry,
openssl and go. PROJECT is a generated project of deploy_target kserve; without one it is made.
Scaling is left out where the cluster has no metrics.
KServe's manager is built from its Go module and runs outside the cluster, as its administrator.
Prints a table and writes it to loop/docs/kserve.md.
"""

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.kserve.controller import VERSION, installed, manager, with_gateway_api
from benchmarks.kserve.world import (
    World,
    address,
    condition,
    copied,
    digests_at,
    names,
    namespace,
    own_config,
    pods,
)
from benchmarks.kubernetes.load import ask, load
from benchmarks.kubernetes.project import ROOT, build, prepared, write
from benchmarks.kubernetes.servers import registry
from benchmarks.kubernetes.world import NAME, NAMESPACE, get, kubectl, ready, run, until

PAGE = ROOT / "<<cookiecutter.project_slug>>" / "loop" / "docs" / "kserve.md"
IMAGES = ("first", "second", "crashes", "is never ready")
STABLE, CANARY = f"{NAME}-predictor", f"{NAME}-canary-predictor"
MODEL = NAME.replace("-", "_")
METRICS = "/apis/metrics.k8s.io/v1beta1"
KINDS = ("deployment", "service", "hpa", "ingress")


class Bench:
    """Each method is one run, and adds its row."""

    def __init__(self, world: World, row: dict):
        """Start with an empty table."""
        self.world, self.row = world, row
        self.rows: list[tuple[str, str]] = []
        self.host = ""

    def add(self, what: str, result: str) -> None:
        """Add a row, and print it at once."""
        self.rows.append((what, result))
        print(f"| {what} | {result} |", flush=True)

    def reports(self, name: str, service: str = STABLE, least: int = 2) -> bool:
        """Tell whether all pods are ready and report an image."""
        found = pods(service)
        wanted = {self.world.digests[name]}
        enough = len(found) >= least and all(map(ready, found))
        return enough and digests_at(service) == wanted

    def infer(self, host: str) -> float:
        """Ask by the Open Inference Protocol; return the first number of the answer."""
        about = ask(host, f"/v2/models/{MODEL}")[1]
        known = [c for c in about["inputs"] if self.row.get(c["name"]) is not None]
        inputs = [
            {k: c[k] for k in ("name", "datatype")} | {"shape": [1], "data": [self.row[c["name"]]]}
            for c in known
        ]
        status, answer = ask(host, f"/v2/models/{MODEL}/infer", {"inputs": inputs})
        assert status == 200, answer
        outputs = {one["name"]: one["data"] for one in answer["outputs"]}
        return outputs["probability"][0]

    def start(self) -> None:
        """Apply, wait, ask through the Service."""
        succeeded, said, taken = self.world.deploy("stable", "first")
        assert succeeded, said
        taken += until("the autoscaler's second pod is ready", lambda: self.reports("first"), 120)
        until("the InferenceService is ready", lambda: condition() == "True")
        self.host = address(STABLE)
        plain = ask(self.host, "/predict", self.row)[1]["probability"]
        assert abs(self.infer(self.host) - plain) < 1e-9
        assert all(
            one in names(kind) for kind, one in zip(KINDS, (*[STABLE] * 3, NAME), strict=True)
        )
        self.add(
            "`./deploy.sh stable sha256:...` on an empty cluster, in a namespace that enforces the "
            "restricted pod security standard",
            "Deployment, Service, HorizontalPodAutoscaler and Ingress are made, two pods are ready "
            f"after {taken:.0f} s, the Service answers `/v2/models/{MODEL}/infer` as `/predict`",
        )

    def rollout(self, what: str, name: str) -> None:
        """Bring another digest, under load."""
        with load(self.host, self.row) as seen:
            succeeded, said, taken = self.world.deploy("stable", name)
            until("every pod reports it", lambda: self.reports(name), 60)
            time.sleep(8)
        assert succeeded, said
        assert not seen.failed, seen.failed[:3]
        self.add(what, f"every pod reports it after {taken:.0f} s; {seen}")

    def broken(self, name: str) -> None:
        """See the old image serve all the time."""
        with load(self.host, self.row) as seen:
            succeeded, said, taken = self.world.deploy("stable", name, late_s=40)
            time.sleep(8)
        assert not succeeded and "is back" in said, said
        until("the old image runs", lambda: self.reports("second"), 60)
        assert not seen.failed, seen.failed[:3]
        self.add(
            f"`stable` with an image that {name}, `ROLLOUT_TIMEOUT=40s`",
            f"deploy.sh ends with 1 after {taken:.0f} s, and the image before is back; {seen}",
        )

    def canary(self) -> None:
        """Run another digest beside the stable one, then none."""
        with load(self.host, self.row) as seen:
            succeeded, said, taken = self.world.deploy("canary", "first")
            assert succeeded and self.reports("first", CANARY, 1), said
            self.infer(address(CANARY))
            share = self.shares(address(STABLE))
            time.sleep(5)
            undone, said, _ = self.world.deploy("undo")
            until("no canary is left", lambda: not pods(CANARY), 120)
        assert undone and self.reports("second"), said
        left = [kind for kind in KINDS if CANARY in names(kind)]
        assert not seen.failed and not left and share == {self.world.digests["second"]}, left
        self.add(
            "`./deploy.sh canary sha256:...`, then `./deploy.sh undo`",
            f"its own Service answers after {taken:.0f} s, with no share of the traffic; after the "
            f"undo nothing of it is left; {seen}",
        )

    def shares(self, host: str, times: int = 200) -> set[str]:
        """Return the digests that answer at an address."""
        return {ask(host, "/version")[1]["image_digest"] for _ in range(times)}

    def broken_canary(self) -> None:
        """See the stable one unharmed."""
        with load(self.host, self.row) as seen:
            succeeded, said, taken = self.world.deploy("canary", "crashes", late_s=40)
            assert not succeeded and "stable one has all traffic" in said, said
            self.world.deploy("undo")
        assert self.reports("second") and not seen.failed, seen.failed[:3]
        self.add(
            "`canary` with an image that crashes, `ROLLOUT_TIMEOUT=40s`",
            f"deploy.sh ends with 1 after {taken:.0f} s; {seen}",
        )

    def percent(self) -> str:
        """Set half of the traffic by hand; return what KServe then reports."""
        self.world.deploy("canary", "first")
        change = [{"op": "replace", "path": "/spec/canary/0/trafficPercent", "value": 50}]
        kubectl("patch", "inferenceservice", NAME, "--type", "json", "--patch", json.dumps(change))

        def reported() -> list[dict]:
            return get("inferenceservice", NAME)["status"].get("canaryStatuses", [])

        until("it is reported", lambda: any(c["trafficPercent"] == 50 for c in reported()), 60)
        time.sleep(10)
        return json.dumps(reported()[0])

    def ingress(self) -> None:
        """See where traffic goes when half of it should go to the canary."""
        status = self.percent()
        text = json.dumps(get("ingress", NAME)["spec"])
        asked = self.shares(self.host)
        assert CANARY not in text and asked == {self.world.digests["second"]}, (text, asked)
        self.add(
            "`trafficPercent: 50` by hand, with KServe's Ingress",
            f"the status says `{status}`; the Ingress names the stable Service alone, and 200 of "
            "200 answers of that Service are the stable image's",
        )

    def routes(self) -> None:
        """See the same with the Gateway API."""
        until("KServe writes its routes", lambda: NAME in names("httproute"), 120)
        text = json.dumps([one["spec"] for one in get("httproute")["items"]])
        assert CANARY not in text and "weight" not in text.replace('"weight": 1', ""), text
        self.add(
            "The same with `enableGatewayApi`; no gateway reads the HTTPRoutes",
            "every HTTPRoute names the stable Service alone",
        )
        self.world.deploy("undo")
        until("no canary is left", lambda: not pods(CANARY), 120)

    def leftover(self) -> None:
        """Let KServe give a canary its autoscaler, and undo it."""
        text = (self.world.folder / "canary.yaml").read_text()
        line = next(row for row in text.splitlines() if "autoscalerClass" in row)
        changed = text.replace(f"{line}\n", "")
        (self.world.folder / "canary.yaml").write_text(changed)
        succeeded, said, _ = self.world.deploy("canary", "first")
        (self.world.folder / "canary.yaml").write_text(text)
        self.world.deploy("undo")
        until("no canary is left", lambda: not pods(CANARY), 120)
        time.sleep(10)
        assert succeeded, said
        left = [kind for kind in KINDS if CANARY in names(kind)]
        self.add(
            "A canary without `autoscalerClass: none`, then undo",
            f"what stays of it: {', '.join(left) or 'nothing'}",
        )

    def scale(self) -> None:
        """Let the autoscaler add pods."""
        with load(self.host, [self.row] * 500, clients=8, pause_s=0) as seen:
            taken = until(
                "a third pod has traffic", lambda: len(list(filter(ready, pods(STABLE)))) > 2, 420
            )
        assert not seen.failed, seen.failed[:3]
        self.add(
            "8 clients send batches of 500 rows without a pause",
            f"the autoscaler's third pod has traffic after {taken:.0f} s; {seen}",
        )

    def renamed(self) -> None:
        """Give the predictor another name, as KServe's own way to promote a canary does."""
        patch = '{"spec": {"predictor": {"name": "other"}}}'
        other = f"{NAME}-other-predictor"
        with load(self.host, self.row) as seen:
            time.sleep(3)
            kubectl("patch", "inferenceservice", NAME, "--type", "merge", "--patch", patch)
            gone = until("the Service is gone", lambda: STABLE not in names("service"), 60)
            taken = until("a pod of the new name is ready", lambda: any(map(ready, pods(other))))
        self.add(
            "`spec.predictor.name` is changed by hand",
            f"Deployment and Service of the old name are gone after {gone:.0f} s, a pod of the new "
            f"name is ready {taken:.0f} s later; {seen}",
        )


def runs(bench: Bench) -> None:
    """Everything before the Gateway API, in the order of the table."""
    bench.start()
    bench.rollout("`stable` with another digest, under load", "second")
    for name in IMAGES[2:]:
        bench.broken(name)
    bench.canary()
    bench.broken_canary()
    bench.leftover()
    bench.ingress()


def later_runs(bench: Bench) -> None:
    """With the Gateway API."""
    bench.routes()
    bench.rollout("Undo: `stable` with the first digest again", "first")
    if "NodeMetrics" in run("kubectl", "get", "--raw", METRICS, succeed=False):
        bench.scale()
    bench.renamed()


def main() -> None:
    """Make all of it, run all of it, remove all of it."""
    project = prepared(sys.argv[1:], "kserve")
    golden = (project / "models/bundle/golden.jsonl").read_text().splitlines()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(registry(folder))
        own_config(folder)
        image = f"127.0.0.1:{port}/flight-delays"
        digests = build(image, IMAGES)
        world = World(copied(project, folder, image), digests)
        bench = Bench(world, json.loads(golden)["row"])
        webhooks = stack.enter_context(installed(folder))
        everything(bench, folder, webhooks)
    version = json.loads(run("kubectl", "version", "--output", "json"))["serverVersion"][
        "gitVersion"
    ]
    about = f"KServe {VERSION} on Kubernetes {version}, one node of two busy cores."
    write(PAGE, [about], bench.rows)


def everything(bench: Bench, folder: Path, webhooks: int) -> None:
    """Run all, with KServe's manager as long as there is an InferenceService."""
    delete = ("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
    try:
        with manager(folder, webhooks):
            namespace()
            runs(bench)
            with_gateway_api()
        with manager(folder, webhooks):
            later_runs(bench)
    finally:
        with manager(folder, webhooks):
            run("kubectl", *delete, succeed=False)


if __name__ == "__main__":
    main()
