"""The rig: a repository as GitHub holds it, and its workflows run for real by act in host mode.

A scenario is a few lines: who does what, and what must be true afterwards.

    pull = repository.pull_request("better", {"params.yaml": better})
    run = repository.run("ci", pull)
    assert run.jobs["experiment"].result == "success"

What act does not do, the rig does: each job's token is its own, with the rights of its
`permissions:` (the workflow is read with `github.token` replaced by a token for the job), and
third-party actions are small local ones in `actions/`, which do the thing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
LOOP = "uv run --frozen loop"
ACTIONS = {
    "actions/attest": "attest",
    "actions/checkout": "checkout",
    "actions/deploy-pages": "deploy-pages",
    "actions/download-artifact": "download-artifact",
    "actions/setup-python": "setup-python",
    "actions/upload-artifact": "upload-artifact",
    "actions/upload-pages-artifact": "upload-pages-artifact",
    "actions/dependency-review-action": "dependency-review",
    "anchore/scan-action": "scan",
    "astral-sh/setup-uv": "setup-uv",
    "docker/build-push-action": "build-push",
    "docker/login-action": "docker-login",
    "docker/setup-buildx-action": "setup-buildx",
    "github/codeql-action": "codeql",
    "ossf/scorecard-action": "scorecard",
}
USES = re.compile(r"uses: ([\w.-]+/[\w.-]+)[^@\s]*@([0-9a-f]{40})")
TOKEN = re.compile(r"github\.token|secrets\.GITHUB_TOKEN")
# What a job's steps see of this machine; a runner of GitHub has its own.
MACHINE = re.compile(
    r"(UV_|PIP_|SSL_|REQUESTS_|CURL_|NODE_|OMP_)\w+|\w*_(proxy|PROXY)|RIG_BYTECODE"
)
TIMEOUT_S = 1200


@dataclass
class Job:
    """What happened to a job: its result, what it printed, and its summary."""

    result: str = "skipped"
    log: str = ""
    summary: str = ""
    seconds: float = 0.0
    steps: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """A workflow's run: jobs by id, and the folder of its artifacts."""

    workflow: str
    jobs: dict[str, Job]
    artifacts: Path
    log: str

    @property
    def results(self) -> dict[str, str]:
        """Results by job."""
        return {name: job.result for name, job in self.jobs.items()}

    @property
    def ok(self) -> bool:
        """Whether no job failed."""
        return "failure" not in self.results.values()


def local_actions(server: str, *texts: str) -> list[str]:
    """Return act's options that put a folder of `actions/` in the place of each action."""
    found = {match.groups() for text in texts for match in USES.finditer(text)}
    if unknown := {action for action, _ in found} - set(ACTIONS):
        raise LookupError(f"no stand-in in {HERE / 'actions'} for {sorted(unknown)}")
    return [
        f"--local-repository={server}/{action}@{sha}={HERE / 'actions' / ACTIONS[action]}"
        for action, sha in sorted(found)
    ]


def permissions(workflow: dict[str, Any], job: str) -> dict[str, str]:
    """Return the rights that a workflow grants to a job: the job's own, else the workflow's."""
    return workflow["jobs"][job].get("permissions", workflow.get("permissions", {}))


def with_identities(text: str, url: str, token: str) -> str:
    """Return a workflow whose jobs with `id-token: write` know whom to ask, and no others."""
    workflow = yaml.safe_load(text)
    for job in workflow["jobs"]:
        if permissions(workflow, job).get("id-token") != "write":
            continue
        own = f"      ACTIONS_ID_TOKEN_REQUEST_URL: {url}\n"
        own += f"      ACTIONS_ID_TOKEN_REQUEST_TOKEN: {token}.{job}\n"
        head, body, rest = re.split(rf"(?ms)^(  {re.escape(job)}:\n.*?)(?=^  \S|\Z)", text)
        known = body.replace("\n    env:\n", f"\n    env:\n{own}", 1)
        if known == body:
            assert "\n    env:" not in body, job
            known = body.replace("\n", f"\n    env:\n{own}", 1)
        text = head + known + rest
    return text


def execute(
    workflow: Path, event: str, payload: dict[str, Any], checkout: Path, scratch: Path, *,
    env: dict[str, str], variables: dict[str, str], token: str, actor: str, identity: str = "",
    jobs: tuple[str, ...] = (), secrets: dict[str, str] | None = None,
) -> Run:  # fmt: skip
    """Run a workflow file with act on the commit that is checked out; `jobs` with what they need.

    `token` is followed by a dot and the job's id wherever the workflow asks for its token.
    `identity` is where jobs ask who they are, empty where GitHub tells them nothing.
    """
    text = workflow.read_text()
    copy = scratch / workflow.name
    known = text.replace(", queue: max", "")  # act does not know it, and would run no job
    known = with_identities(known, identity, token) if identity else known
    copy.write_text(TOKEN.sub("format('{0}.{1}', github.token, github.job)", known))
    composite = [path.read_text() for path in checkout.glob(".github/actions/*/action.yml")]
    (scratch / "event.json").write_text(json.dumps(payload))
    artifacts = scratch / "artifacts"
    artifacts.mkdir()
    machine = {name: text for name, text in os.environ.items() if MACHINE.fullmatch(name)}
    options = [f"--env={k}={v}" for k, v in {**machine, **env}.items()]
    options += [f"--var={k}={v}" for k, v in variables.items()]
    options += [f"--secret={k}={v}" for k, v in (secrets or {}).items()]
    options += [f"--job={name}" for name in jobs]
    command = [
        "act", event, "--json", "--workflows", copy, "--eventpath", scratch / "event.json",
        "--platform=ubuntu-24.04=-self-hosted", "--no-skip-checkout", "--action-offline-mode",
        *local_actions(env["GITHUB_SERVER_URL"], text, *composite),
        f"--secret=GITHUB_TOKEN={token}", f"--actor={actor}",
        "--cache-server-addr=127.0.0.1", "--artifact-server-addr=127.0.0.1",
        f"--env=PATH={HERE / 'bin'}:{os.environ['PATH']}", f"--env=RIG_ARTIFACTS={artifacts}",
        f"--action-cache-path={scratch / 'act'}",
        "--defaultbranch=main", "--concurrent-jobs=2", *options,
    ]  # fmt: skip
    own = {name: text for name, text in os.environ.items() if not name.startswith("GITHUB_")}
    done = subprocess.run(
        list(map(str, command)), cwd=checkout, capture_output=True, text=True, timeout=TIMEOUT_S,
        env=own,
    )  # fmt: skip
    found = read(done.stdout.splitlines(), yaml.safe_load(text)["jobs"])
    shutil.rmtree(scratch / "act", ignore_errors=True)
    return Run(workflow.stem, found, artifacts, done.stdout + done.stderr)


def read(lines: list[str], names: dict[str, Any]) -> dict[str, Job]:
    """Return each job's fate from what act printed; a job that it does not name was skipped."""
    jobs, starts = {name: Job() for name in names}, {}
    for line in lines:
        if not line.startswith("{"):
            continue
        record = json.loads(line)
        job = jobs.get(record.get("jobID", ""))
        if job is None:
            continue
        moment = _seconds(record["time"])
        starts.setdefault(record["jobID"], moment)
        message = record.get("msg", "")
        if record.get("raw_output"):
            job.log += message
        elif record.get("command") == "summary":
            job.summary += record.get("content", "")
        elif "stepResult" in record and record.get("stage") == "Main":
            job.steps[record["step"]] = record["stepResult"]
        if "jobResult" in record:
            # Of a matrix, one that failed is the result.
            job.result = "failure" if job.result == "failure" else record["jobResult"]
            job.seconds = moment - starts[record["jobID"]]
    return jobs


def _seconds(moment: str) -> float:
    return time.mktime(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S"))
