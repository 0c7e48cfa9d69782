"""A bucket without a secret: jobs log in by the double's tokens, to S3 as moto keeps it.

moto takes any token, so an STS stands before it that does what Amazon's does: it verifies the
signature by GitHub's published key, and evaluates the trust policy that `loop cloud policy` prints.
"""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest
from conftest import OPTION_SETS, check
from moto.server import ThreadedMotoServer

from . import scenes
from .double import Double, identity
from .rig import LOOP, Job
from .test_ci import CODE, LOOP_TESTS, STORE
from .test_cloud_policy import of_aws
from .world import BOT, Event, World

ACCOUNT = "arn:aws:iam::123456789012:role"
ROLES = {"reader": f"{ACCOUNT}/store-reader", "writer": f"{ACCOUNT}/store-writer"}
CLOUD_LOGIN = f"reader={ROLES['reader']} writer={ROLES['writer']} region=eu-central-1"
DENIED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>
<Type>Sender</Type><Code>AccessDenied</Code>
<Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message>
</Error></ErrorResponse>"""
# By its host, moto knows which service is asked.
OF_STS = {"Content-Type": "application/x-www-form-urlencoded", "Host": "sts.amazonaws.com"}


@dataclass
class Sts:
    """Stands before moto's; `asked` are role, subject and whether it was given."""

    github: Double
    stack: dict
    behind: str
    url: str = ""
    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def admits(self, form: dict[str, list[str]]) -> bool:
        """Verify a token, and evaluate the policy of the role that is asked for."""
        claims = identity.verified(form["WebIdentityToken"][0])
        (role,) = [name for name, arn in ROLES.items() if [arn] == form["RoleArn"]]
        given = bool(claims) and of_aws(self.stack, role, claims)
        self.asked.append((role, claims.get("sub", ""), given))
        return given


class _Visit(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        sts = self.server.sts
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = parse_qs(body.decode())
        assert form["Action"] == ["AssumeRoleWithWebIdentity"]
        status, text = 403, DENIED
        if sts.admits(form):
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Host": "sts.amazonaws.com",
            }
            answer = httpx.post(sts.behind, content=body, headers=headers)
            status, text = answer.status_code, answer.text
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def s3() -> Iterator[str]:
    """Return the address of S3 with the bucket of the answer, made for this test."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    httpx.post(f"{address}/moto-api/reset").raise_for_status()
    httpx.put(f"{address}/flight-delays-store").raise_for_status()
    yield address
    server.stop()


@pytest.fixture(scope="session")
def bucket(baked, shared: Path) -> Path:
    """Return the scene of a project whose store is a bucket, before the first push."""
    (options,) = (found for found in OPTION_SETS if found["dvc_remote"] == "s3")
    return scenes.begun(shared, "bucket", baked(options))


@pytest.fixture
def here(world, s3: str) -> Iterator[World]:
    """Return the repository with an account at Amazon that trusts it, and with no secret."""
    found = world("bucket")
    found.variables = {"CLOUD_LOGIN": CLOUD_LOGIN}
    check("make", ".venv", cwd=found.laptop)
    env = os.environ | found.github.environment(found.github.person())
    command = (*LOOP.split(), "cloud", "policy", "aws", "--issuer", f"{found.github.url}/oidc")
    stack = json.loads(check(*command, cwd=found.laptop, env=env))
    shutil.rmtree(found.laptop / ".venv")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Visit) as server:
        server.sts = found.sts = Sts(found.github, stack, s3)
        found.sts.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        found.env |= {"AWS_ENDPOINT_URL": s3, "AWS_ENDPOINT_URL_STS": found.sts.url}
        yield found
        server.shutdown()
        thread.join()


def roles(here: World) -> set[tuple[str, bool]]:
    """Return the roles that were asked for since the last time, and whether they were given."""
    found = {(role, given) for role, _, given in here.sts.asked}
    here.sts.asked.clear()
    return found


def experiment(here: World, event: Event) -> Job:
    """Run the job of a pull request without the checks of its code and container."""
    checks = "\n".join(("lint", "test", "image", LOOP_TESTS))
    more = {"RIG_STANDS_IN": checks, "RIG_MADE": str(here.folder / "made"), "RIG_FAILS": "image"}
    return here.run("ci", event, "experiment", **more).jobs["experiment"]


def silent(job: Job) -> bool:
    """Return whether a log holds neither a token nor the right to ask for one."""
    return not re.search(r"eyJ[\w-]+\.eyJ|ghs_run\d+\.\w+", job.log)


def failed_steps_of(job: Job) -> set[str]:
    """Return the steps that failed."""
    return {name for name, result in job.steps.items() if result == "failure"}


def test_main_writes_and_a_pull_request_reads(here):
    """A first push stores its results in a bucket, a pull request takes them, with no secret."""
    run = here.run("release", here.push(), "train")
    job = run.jobs["train"]
    assert job.result == "success", job.log[-4000:]
    assert "Logged in as the reader" in job.log and "Logged in as the writer" in job.log
    assert "is empty: a cold start" in job.log and "Running stage 'train'" in job.log
    assert re.search(r"Pushed: [1-9]", job.log) and silent(job)
    assert roles(here) == {("reader", True), ("writer", True)}
    assert here.github.unused_grants("release/train") == ["packages: write"]  # of other stores
    (lock,) = (run.artifacts / "model").rglob("dvc.lock")
    job = experiment(here, here.pull_request("code", CODE | {"dvc.lock": lock.read_text()}))
    assert "Logged in as the reader" in job.log and silent(job), job.log[-4000:]
    assert "Running stage 'train'" not in job.log and re.search(r"Pulled: [1-9]", job.log)
    assert roles(here) == {("reader", True)}


def test_a_pull_request_that_asks_for_more(here):
    """A pull request edits its workflow and asks for the role of main."""
    greedy = lambda text: text.replace("pull --checkout", "pull --checkout, role: writer")  # noqa: E731
    job = experiment(here, here.pull_request("greedy", {".github/workflows/ci.yml": greedy}))
    assert STORE in failed_steps_of(job) and "Running stage" not in job.log
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in job.log
    assert "loop cloud policy" in job.log and "Traceback" not in job.log and silent(job)
    assert roles(here) == {("writer", False)}


@pytest.mark.parametrize("who", ["fork", "dependabot"])
def test_a_run_without_an_identity_starts_cold(here, who):
    """A fork, or Dependabot, changes code: no identity, no secret; a fork has no variables."""
    more = {"fork": "ada/flight-delays"} if who == "fork" else {"login": BOT}
    here.variables = {} if who == "fork" else here.variables
    job = experiment(here, here.pull_request("cold", CODE, **more))
    assert job.steps[STORE] == "success", job.log[-4000:]
    assert "A run of a fork or of Dependabot has no login" in job.log
    assert "a cold start." in job.log and "Running stage 'train'" in job.log
    assert ("no identity: no login" in job.log) == (who == "dependabot")
    assert roles(here) == set() and silent(job)
