"""Run deploy/kubernetes on a real cluster, and break it on purpose.

    KUBECONFIG=... python -m benchmarks.kubernetes [PROJECT]

Needs kubectl with an empty cluster of one node that shares this machine, docker, docker-registry
and postgresql. PROJECT is a generated project of deploy_target kubernetes; without one it is made.
Prints a table and writes it to loop/docs/kubernetes.md.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.kubernetes.load import ask, load
from benchmarks.kubernetes.project import build, prepared, write
from benchmarks.kubernetes.servers import postgres, registry
from benchmarks.kubernetes.world import (
    NAME,
    NAMESPACE,
    NODE,
    World,
    get,
    kubectl,
    manifests,
    ready,
    run,
    serving,
    until,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "<<cookiecutter.project_slug>>" / "loop" / "docs" / "kubernetes.md"
OWNER = "ghcr.io/octo-org/flight-delays"


class Bench:
    """Each method is one run, and adds its row."""

    def __init__(self, world: World, row: dict, url: str):
        """Start with an empty table."""
        self.world, self.row, self.url = world, row, url
        self.rows: list[tuple[str, str]] = []
        self.host = ""

    def add(self, what: str, result: str) -> None:
        """Add a row, and print it at once."""
        self.rows.append((what, result))
        print(f"| {what} | {result} |", flush=True)

    def reports(self, name: str) -> bool:
        """Tell whether there are two pods or more, and all of them report an image."""
        pods, digest = serving(), self.world.digests[name]
        if len(pods) < 2 or not all(map(ready, pods)):
            return False
        return all(
            ask(pod["status"]["podIP"], "/version", port=8000)[1]["image_digest"] == digest
            for pod in pods
        )

    def start(self) -> None:
        """Apply, wait, ask through the Service."""
        kubectl("create", "namespace", NAMESPACE)
        kubectl("create", "secret", "generic", f"{NAME}-log", f"--from-literal=url={self.url}")
        self.world.point("first")
        start = time.monotonic()
        self.world.apply("first")
        until("two pods report the first image", lambda: self.reports("first"))
        taken = time.monotonic() - start
        self.host = get("service", NAME)["spec"]["clusterIP"]
        status, answer = ask(self.host, "/predict", self.row)
        assert status == 200 and "prediction_id" in answer, answer
        self.add(
            "`./apply.sh sha256:...` on an empty cluster, in a namespace that enforces the "
            "restricted pod security standard",
            f"two pods are ready after {taken:.0f} s, and the Service answers /predict",
        )

    def by_itself(self) -> None:
        """Let the CronJob notice a new digest."""
        with load(self.host, self.row) as seen:
            start = time.monotonic()
            self.world.point("second")
            until("the CronJob rolls it out", lambda: self.reports("second"), 600)
            taken = time.monotonic() - start
            time.sleep(10)
        kubectl("patch", "cronjob", f"{NAME}-follower", "--patch", '{"spec": {"suspend": true}}')
        until(
            "no follower runs",
            lambda: not get("cronjob", f"{NAME}-follower")["status"].get("active"),
        )
        assert not seen.failed, seen.failed[:3]
        self.add(
            "The tag `production` names another digest, under load; the CronJob alone",
            f"every pod reports it after {taken:.0f} s; {seen}",
        )

    def broken(self, name: str) -> None:
        """See the old image serve all the time, and /version say why."""
        self.world.point(name)
        with load(self.host, self.row) as seen:
            succeeded, said, taken = self.world.follow()
            time.sleep(8)
        assert not succeeded, said
        until("the old image runs", lambda: self.reports("second"), 60)

        def noted() -> bool:
            note = ask(self.host, "/version")[1]["deploy_note"]
            return bool(note) and self.world.digests[name] in note

        until("the note is at /version", noted, 180)
        assert not seen.failed, seen.failed[:3]
        reason = said.partition(". The row")[0].rpartition("SmokeFailed: ")[2][-110:]
        self.add(
            f"A new image that {name}",
            f'refused after {taken:.0f} s ("{reason}"), every pod runs the old one, `deploy_note` '
            f"says why; {seen}",
        )

    def undo(self) -> None:
        """Go back to the old digest."""
        with load(self.host, self.row) as seen:
            self.world.point("first")
            succeeded, said, taken = self.world.follow()
            time.sleep(8)
        assert succeeded and self.reports("first"), said
        assert not seen.failed, seen.failed[:3]
        self.add(
            "Undo: the tag names the first digest again", f"every pod after {taken:.0f} s; {seen}"
        )

    def again(self) -> None:
        """Apply anew, which keeps what the follower chose."""
        said = self.world.apply()
        assert self.world.digests["first"] in said and self.reports("first"), said
        self.add("`./apply.sh` again", "the image that runs stays")

    def stored(self, ids: list[str]) -> int:
        """Return how many of these predictions the log has."""
        sql = "select id from predictions"
        known = set(run("psql", "-qtAX", self.url, "-c", sql).split())
        return len(set(ids) & known)

    def killed(self, how: str, kill) -> None:
        """End one pod of two under load; count acknowledged rows that the log lacks."""
        with load(self.host, self.row, clients=4, pause_s=0.02) as seen:
            time.sleep(5)
            kill(serving()[0])
            time.sleep(15)
        time.sleep(2)
        lost = len(seen.answered) - self.stored(seen.answered)
        until("two pods are ready", lambda: self.reports("first"), 180)
        self.add(
            f"PostgreSQL and two pods under load, {how}",
            f"{lost} of {len(seen.answered):,} acknowledged rows are lost; {seen}",
        )

    def drain(self) -> None:
        """Evict both pods: the budget lets one go at a time."""
        pods = [pod["metadata"]["name"] for pod in serving()]
        with load(self.host, self.row) as seen:
            first, second = (evict(pod) for pod in pods[:2])
            until("a new pod is ready", lambda: self.reports("first"), 180)
            taken = until("the second may go", lambda: evict(pods[1]) == "", 180)
            until("two pods are ready", lambda: self.reports("first"), 180)
            time.sleep(8)
        assert first == "" and "disruption budget" in second, (first, second)
        assert not {pod["metadata"]["name"] for pod in serving()} & set(pods)
        assert not seen.failed, seen.failed[:3]
        self.add(
            "Both pods are evicted, as a drain of their nodes does",
            f"the second is refused until the first is replaced ({taken:.0f} s more); {seen}",
        )

    def scale(self) -> None:
        """Let the autoscaler add pods."""
        with load(self.host, [self.row] * 500, clients=8, pause_s=0) as seen:
            taken = until(
                "a third pod has traffic", lambda: len(list(filter(ready, serving()))) > 2, 420
            )
        assert not seen.failed, seen.failed[:3]
        self.add(
            "8 clients send batches of 500 rows without a pause",
            f"the autoscaler's third pod has traffic after {taken:.0f} s; {seen}",
        )


def evict(pod: str) -> str:
    """Ask for an eviction; return the refusal, empty where there was none."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction"
    wanted = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": NAMESPACE},
    }
    said = run(
        "kubectl", "create", "--raw", path, "-f", "-", text=json.dumps(wanted), succeed=False
    )
    return "" if "Success" in said else said


def delete(pod: dict) -> None:
    """End a pod as Kubernetes does: SIGTERM, and time to finish."""
    kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")


def kill(pod: dict) -> None:
    """SIGKILL to the process of a pod's container, as the kernel does without memory."""
    name = pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if name in (folder / "cgroup").read_text():
                subprocess.run(["kill", "-9", folder.name], check=True)
        except OSError:
            continue


def runs(bench: Bench) -> None:
    """Everything, in the order of the table."""
    bench.start()
    bench.by_itself()
    for name in ("answers wrongly", "crashes", "is never ready", "fails only with traffic"):
        bench.broken(name)
    bench.undo()
    bench.again()
    bench.killed("one is deleted", delete)
    bench.killed("one gets SIGKILL", kill)
    bench.drain()
    bench.scale()


def main() -> None:
    """Make all of it, run all of it, remove all of it."""
    project = prepared(sys.argv[1:], "kubernetes")
    golden = (project / "models/bundle/golden.jsonl").read_text().splitlines()[0]
    version = json.loads(run("kubectl", "version", "--output", "json"))["serverVersion"][
        "gitVersion"
    ]
    with tempfile.TemporaryDirectory() as name, registry(Path(name)) as port, postgres(NODE) as url:
        image = f"127.0.0.1:{port}/flight-delays"
        digests = build(image)
        folder = manifests(project, Path(name), image, OWNER)
        bench = Bench(World(folder, image, digests), json.loads(golden)["row"], url)
        try:
            runs(bench)
            write(PAGE, [f"Kubernetes {version}, one node of two busy cores."], bench.rows)
        finally:
            # With a metrics API that does not answer, Kubernetes never finishes this.
            run(
                "kubectl",
                "delete",
                "namespace",
                NAMESPACE,
                "--ignore-not-found",
                "--timeout=120s",
                succeed=False,
            )


if __name__ == "__main__":
    main()
