"""A project's manifests with the least that must differ, the tag production, kubectl."""

import json
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

NAME, NAMESPACE, NODE = "flight-delays", "flight-delays", "10.245.0.1"
# The registry has no TLS, so the follower asks it as one of its own machine; nodes do anyway.
FORWARD = """\
import asyncio
async def pipe(source, sink):
    while data := await source.read(65536):
        sink.write(data); await sink.drain()
    sink.close()
async def serve(reader, writer):
    there = await asyncio.open_connection("{host}", {port})
    await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", {port})
    await server.serve_forever()
asyncio.run(main())
"""


def run(*command: object, text: str | None = None, succeed: bool = True, **more) -> str:
    """Return what a command prints."""
    call = [str(word) for word in command]
    done = subprocess.run(call, input=text, capture_output=True, text=True, **more)
    if done.returncode and succeed:
        raise SystemExit(f"{' '.join(call)[:200]}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return (done.stdout if succeed else done.stdout + done.stderr).strip()


def kubectl(*command: object, **more) -> str:
    """Return what kubectl prints, in the project's namespace."""
    return run("kubectl", "--namespace", NAMESPACE, *command, **more)


def get(kind: str, *more: str) -> dict:
    """Return objects of the namespace."""
    return json.loads(kubectl("get", kind, *more, "--output", "json"))


def serving() -> list[dict]:
    """Return the endpoint's pods that are not being ended."""
    pods = get("pods", "--selector", "app.kubernetes.io/component=endpoint")["items"]
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def ready(pod: dict) -> bool:
    """Tell whether a pod has traffic."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True"


def until(what: str, test, timeout_s: float = 300) -> float:
    """Wait until a test holds; return the seconds."""
    start = time.monotonic()
    while not test():
        if time.monotonic() - start > timeout_s:
            raise SystemExit(f"not within {timeout_s:g} s: {what}")
        time.sleep(0.5)
    return time.monotonic() - start


@dataclass
class World:
    """`folder` has the manifests, `image` is the project's in the registry, by `digests`."""

    folder: Path
    image: str
    digests: dict[str, str]

    def point(self, name: str) -> str:
        """Move the tag production, as a release or rollback does; return the digest."""
        run("docker", "tag", f"kube-bench:{name.replace(' ', '-')}", f"{self.image}:production")
        pushed = run("docker", "push", f"{self.image}:production")
        assert self.digests[name] in pushed, pushed
        return self.digests[name]

    def apply(self, name: str | None = None) -> str:
        """Apply the manifests by apply.sh."""
        given = [self.digests[name]] if name else []
        env = os.environ | {"OVERLAY": "bench"}
        return run(self.folder / "apply.sh", *given, env=env)

    def follow(self) -> tuple[bool, str, float]:
        """Run the follower once, now; return whether it succeeded, its last line, its seconds."""
        job, start = f"follow-{time.time_ns()}", time.monotonic()
        kubectl("create", "job", job, f"--from=cronjob/{NAME}-follower")
        status: dict = {}

        def ended() -> bool:
            nonlocal status
            status = get("job", job)["status"]
            return bool(status.get("succeeded") or status.get("failed"))

        until(f"{job} ends", ended, 1200)
        said = kubectl("logs", f"job/{job}", "--container", "follower", succeed=False)
        kubectl("delete", "job", job)
        last = said.splitlines()[-1] if said else ""
        return bool(status.get("succeeded")), last, time.monotonic() - start


def manifests(project: Path, folder: Path, image: str, owner: str) -> Path:
    """Copy deploy/kubernetes, and add the overlay `bench`: another registry, nothing else."""
    copied = Path(shutil.copytree(project / "deploy" / "kubernetes", folder / "kubernetes"))
    (copied / "bench").mkdir()
    port = int(image.split("/")[0].split(":")[1])
    locked = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    forward = {
        "name": "forward",
        "image": f"{owner}:production",
        "restartPolicy": "Always",
        "command": ["python", "-c", FORWARD.format(host=NODE, port=port)],
        "securityContext": locked,
    }
    pod = {
        "initContainers": [forward],
        "containers": [{"name": "follower", "env": [{"name": "IMAGE", "value": image}]}],
    }
    template = {"spec": {"template": {"spec": pod}}}
    patch = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"{NAME}-follower"},
        "spec": {"jobTemplate": template},
    }
    overlay = {
        "resources": ["../production"],
        "images": [{"name": owner, "newName": image}],
        "patches": [{"target": {"kind": "CronJob"}, "patch": json.dumps(patch)}],
    }
    (copied / "bench" / "kustomization.yaml").write_text(json.dumps(overlay))
    return copied
