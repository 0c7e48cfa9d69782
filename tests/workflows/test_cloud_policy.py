"""Policies of clouds against the tokens of GitHub's double: who gets which role, and who none.

The conditions are read from what the command prints and evaluated here, by each cloud's own rules.
No cloud is asked. Each condition is broken on purpose: then somebody gets what is not theirs.
"""

import copy
import fnmatch
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from conftest import AS_OF, ROOT, check, require_tool, run

from .double import Double, identity
from .double.rights import for_job
from .world import REPOSITORY

AUDIENCES = {"aws": "sts.amazonaws.com", "azure": "api://AzureADTokenExchange"}
STORES = {"aws": "s3", "gcp": "gs", "azure": "azure"}
MORE = {"aws": (), "gcp": ("--project", "my-project"), "azure": ("--account", "delays")}
BOTH, READER, NONE = {"reader", "writer"}, {"reader"}, set()
PULL = {"event_name": "pull_request", "ref": "refs/pull/7/merge"}
QUEUE = {"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/main/pr-7-abc"}
# What a job's token says, and the roles that it gets.
JOBS: dict[str, tuple[dict[str, str], set[str]]] = {
    "a push to main": ({}, BOTH),
    "a schedule": ({"event_name": "schedule"}, BOTH),
    "a pull request": (PULL, READER),
    "the merge queue": (QUEUE, READER),
    "another branch": ({"ref": "refs/heads/main2"}, NONE),
    "a branch below main": ({"ref": "refs/heads/main/x"}, NONE),
    "a tag": ({"ref": "refs/tags/main"}, NONE),
    "an environment": ({"environment": "production"}, NONE),
    "the queue of another branch": (
        {"ref": "refs/heads/gh-readonly-queue/other/pr-7-abc"}, NONE
    ),
    "another repository": ({"repository": "octo-org/other", "repository_id": "7"}, NONE),
    "its pull request": ({"repository": "octo-org/other", "repository_id": "7"} | PULL, NONE),
    "another owner": ({"repository": "evil/flight-delays", "repository_owner_id": "7"}, NONE),
    "the name with another id": ({"repository_id": "7"}, NONE),
    "its name with another id, a pull request": ({"repository_id": "7"} | PULL, NONE),
    "its merge queue": ({"repository_id": "7"} | QUEUE, NONE),
    "the owner's name with another id": ({"repository_owner_id": "7"}, NONE),
    "another audience": ({"aud": "https://example.org"}, NONE),
    "another issuer": ({"iss": "https://example.org"}, NONE),
    "a subject without ids": ({"sub": f"repo:{REPOSITORY}:ref:refs/heads/main"}, NONE),
}  # fmt: skip


@dataclass
class Cloud:
    """A printed policy, what it takes for each role, and who gets a role by its rules."""

    name: str
    policy: Any
    github: Double
    admits: Callable[[Any, str, dict[str, str]], bool]

    def roles(self, claims: dict[str, str], policy: Any = None) -> set[str]:
        """Return the roles that the job of a token gets."""
        audiences = {role: self.audience(role) for role in BOTH}
        return {
            role
            for role, audience in audiences.items()
            if self.admits(policy or self.policy, role, {"aud": audience} | claims)
        }

    def audience(self, role: str) -> str:
        """Return whom the token is for; Google's provider takes its own address."""
        return AUDIENCES.get(self.name, f"https://iam.googleapis.com/{role}")

    def token(self, more: dict[str, str]) -> dict[str, str]:
        """Return the claims that the double signs for a job; `aud` is chosen by role."""
        job = for_job("ci/train", {"id-token": "write"}, False, more)
        said = identity.claims(self.github, job, "any") | more
        return said if "aud" in more else {k: v for k, v in said.items() if k != "aud"}

    def table(self, policy: Any = None) -> dict[str, set[str]]:
        """Return the roles of every job."""
        return {name: self.roles(self.token(job), policy) for name, (job, _) in JOBS.items()}


def of_aws(stack: Any, role: str, claims: dict[str, str]) -> bool:
    """Evaluate the trust policy of a role.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
    """
    about = stack["Resources"][role.title()]["Properties"]["AssumeRolePolicyDocument"]
    (statement,) = about["Statement"]
    issuer = stack["Resources"]["GitHub"]["Properties"]["Url"]
    if claims["iss"] != issuer or statement["Effect"] != "Allow":
        return False
    for operator, keys in statement["Condition"].items():
        for key, values in keys.items():
            value = claims[key.removeprefix(issuer.partition("://")[2] + ":")]
            values = [values] if isinstance(values, str) else values
            same = {"StringEquals": str.__eq__, "StringLike": fnmatch.fnmatchcase}[operator]
            if not any(same(value, wanted) for wanted in values):
                return False
    return True


def options(line: str) -> dict[str, str]:
    """Return the options of a command as a shell would read them."""
    parts = shlex.split(line)
    found = {}
    for index, part in enumerate(parts):
        if part.startswith("--"):
            name, equals, value = part[2:].partition("=")
            follows = parts[index + 1] if index + 1 < len(parts) else ""
            found[name] = value if equals else follows
    return found


def of_gcp(script: Any, role: str, claims: dict[str, str]) -> bool:
    """Evaluate the condition of a role's provider: a small part of CEL, in Python's words."""
    (line,) = [line for line in script if "create-oidc" in line and f"-{role} " in line]
    given = options(line)
    text = given["attribute-condition"].replace("||", " or ").replace("&&", " and ")
    text = re.sub(r"assertion\.sub\b", repr(claims["sub"]), text)
    text = text.replace(".startsWith(", ".startswith(")
    assert "assertion" not in text
    audience = given.get("allowed-audiences", f"https://iam.googleapis.com/{role}")
    same = (given["issuer-uri"], audience) == (claims["iss"], claims["aud"])
    return same and eval(text, {})  # noqa: S307  # of this repository


def of_azure(script: Any, role: str, claims: dict[str, str]) -> bool:
    """Compare whole values, as Azure does."""
    lines = [line for line in script if "federated-credential create" in line]
    given = [options(line) for line in lines if f"-{role} " in line]
    found = [(row["issuer"], row["subject"], row["audiences"]) for row in given]
    return (claims["iss"], claims["sub"], claims["aud"]) in found


ADMITS = {"aws": of_aws, "gcp": of_gcp, "azure": of_azure}


@pytest.fixture
def github() -> Iterator[Double]:
    """Return GitHub with the repository, created today."""
    with Double(REPOSITORY) as double:
        yield double


@pytest.fixture
def say(github: Double, laptop: Path) -> Callable[..., CompletedProcess[str]]:
    """Give a function that prints the policy of a cloud, as a person with a clone does."""

    def run_policy(cloud: str, *more: str, **env: str) -> CompletedProcess[str]:
        store = {"STORE_URL": f"{STORES[cloud]}://flight-delays-store/dvc"}
        environment = os.environ | github.environment(github.person()) | store | env
        command = ("cloud", "policy", cloud, *MORE[cloud], *more)
        return run(laptop / ".venv/bin/loop", *command, cwd=laptop, env=environment)

    return run_policy


@pytest.fixture(params=STORES)
def cloud(request, github: Double, say) -> Cloud:
    """Return each cloud with the policy that the command prints for this repository."""
    done = say(request.param, "--issuer", f"{github.url}/oidc")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    policy = json.loads(text) if request.param == "aws" else text.splitlines()
    return Cloud(request.param, policy, github, ADMITS[request.param])


def expected(name: str) -> dict[str, set[str]]:
    """Return who must get which role; Azure knows no pattern for the merge queue."""
    found = {job: roles for job, (_, roles) in JOBS.items()}
    return found | ({"the merge queue": NONE} if name == "azure" else {})


def test_who_gets_which_role(cloud):
    """By the double's own claims: ids count, names alone do not."""
    assert cloud.table() == expected(cloud.name)


def broken_stacks(stack: Any) -> Iterator[Any]:
    """Give the stack with each condition of each role widened or taken away."""
    for role in ("Reader", "Writer"):
        path = ("Resources", role, "Properties", "AssumeRolePolicyDocument", "Statement")

        def conditions(found: Any, path=path) -> Any:
            for name in path:
                found = found[name]
            return found[0]["Condition"]

        for operator in conditions(stack):
            broken = copy.deepcopy(stack)
            del conditions(broken)[operator]
            yield broken
        (key,) = conditions(stack)["StringLike"]
        for index, subject in enumerate(conditions(stack)["StringLike"][key]):
            broken = copy.deepcopy(stack)
            subjects = conditions(broken)["StringLike"][key]
            subjects[index] = re.sub(r"@\d+", "@*", subject)
            yield broken
            broken = copy.deepcopy(stack)
            conditions(broken)["StringLike"][key].pop(index)
            yield broken


def broken_scripts(script: list[str]) -> Iterator[list[str]]:
    """Give the script with each issuer, subject or condition of each role changed."""
    issuer = r"(?<=--issuer)(-uri=| )\S+"
    changes = [
        (issuer, r"\1https://example.org"),
        (r"(?<=--audiences )\S+", "https://example.org"),
        (r"@\d+/", "@7/"),
        (r"@\d+:", "@7:"),
        (r'(?<=condition=")[^"]+', "True"),
        ("refs/heads/main(?=')", "refs/heads/main2"),
        (":pull_request", ":other"),
        ("gh-readonly-queue/main/", "gh-readonly-queue/"),
        (r"refs/heads/main(?= )", "refs/heads/main2"),
    ]
    for index, line in enumerate(script):
        for pattern, other in changes:
            changed = re.sub(pattern, other, line)
            if changed != line and ("create-oidc" in line or "federated" in line):
                yield [*script[:index], changed, *script[index + 1 :]]


def test_every_condition_is_needed(cloud):
    """With one of them broken, somebody gets a role that is not theirs, or loses their own."""
    breaks = broken_stacks if cloud.name == "aws" else broken_scripts
    variants = list(breaks(cloud.policy))
    assert len(variants) >= 8
    for variant in variants:
        assert cloud.table(variant) != expected(cloud.name)


def test_subjects_without_ids_are_refused(say):
    """The repository is older than ids in subjects: a policy would trust a name."""
    with Double(REPOSITORY, created="2026-07-14T00:00:00Z") as old:
        env = old.environment(old.person())
        done = say("aws", **env)
    assert done.returncode == 64 and done.stdout == ""
    assert "a name can be taken over" in done.stderr and "Traceback" not in done.stderr
    assert "-F use_immutable_subject=true" in done.stderr


@pytest.mark.parametrize(
    ("cloud_name", "more", "env", "reason"),
    [
        ("aws", (), {"STORE_URL": "gs://b/dvc"}, "this policy is for s3://"),
        ("gcp", (), {"STORE_URL": "https://ghcr.io/o/r/store"}, "this policy is for gs://"),
        ("gcp", (), {"STORE_URL": "gs://b;touch x/dvc"}, "in a-z"),
        ("azure", ("--group", "a b"), {}, "--group='a b'"),
        ("aws", ("--issuer", "x; touch y"), {}, "--issuer"),
    ],
)
def test_what_a_shell_would_take_otherwise_is_refused(say, cloud_name, more, env, reason):
    """And a store of another kind."""
    done = say(cloud_name, *more, **env)
    assert done.returncode == 64 and done.stdout == "", done.stdout
    assert reason in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["gcp", "azure"])
def test_a_script_is_one_for_a_shell(say, name, tmp_path):
    """It parses, and runs through with programs that only record: in order, and to the end."""
    script = tmp_path / "script.sh"
    script.write_text(say(name).stdout)
    for program in ("gcloud", "az", "gh"):
        call = tmp_path / program
        call.write_text(
            f'#!/bin/sh\necho "{program} $*" >> {tmp_path}/calls\necho made-{program}\n'
        )
        call.chmod(0o755)
    check("bash", script, cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[-1].startswith("gh variable set CLOUD_LOGIN --body reader=")
    assert " writer=" in calls[-1] and "$" not in calls[-1]
    assert sum("bucket" in call or "container-rm" in call for call in calls) >= 1


def test_the_stack_is_linted_and_made(say, tmp_path):
    """By cfn-lint, and by moto as far as it goes: roles and bucket, as they were printed.

    It has no AWS::IAM::OIDCProvider, so its account has the provider already; and it leaves out
    AWS::S3::BucketPolicy, the bucket's versions and its block of public access.
    """
    stack = tmp_path / "stack.json"
    stack.write_text(say("aws").stdout)
    uv = require_tool("uv")
    with_them = ("--with", "moto[cloudformation,iam,s3]==5.2.5", "--with", "cfn-lint==1.58.0")
    command = (uv, "run", "--no-project", "--isolated", "--quiet", *AS_OF, *with_them, "python")
    script = ROOT / "tests" / "workflows" / "make_stack.py"
    done = run(*command, script, stack, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    printed = json.loads(stack.read_text())["Resources"]
    for role in ("Reader", "Writer"):
        wanted = printed[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
        assert found[role]["Condition"] == wanted["Condition"]
        assert found[role]["Principal"] == {"Federated": found["provider"]}
    assert found["encryption"] == "AES256"
    block = printed["Store"]["Properties"]["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and set(block.values()) == {True}
    assert re.fullmatch(r"reader=arn:\S+ writer=arn:\S+ region=eu-central-1", found["login"])
    assert found["linted"] == []
    assert any("VersionConfiguration" in line for line in found["typo"])
