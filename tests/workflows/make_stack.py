"""Lint a CloudFormation template and make it in moto, with a provider that the account has.

Run in an environment of its own (moto, cfn-lint): `python make_stack.py stack.json`. Prints JSON.
"""

import json
import subprocess
import sys
from pathlib import Path

import boto3
from moto import mock_aws

REGION = "eu-central-1"


def lint(path: Path) -> list[str]:
    """Return what cfn-lint has against a template."""
    program = Path(sys.executable).with_name("cfn-lint")
    command = [program, "--regions", REGION, "--format", "json", "--", path]
    done = subprocess.run(command, capture_output=True, text=True)
    return [f"{row['Rule']['Id']} {row['Message']}" for row in json.loads(done.stdout)]


@mock_aws
def make(text: str) -> dict:
    """Return what the stack made."""
    clients = [boto3.client(n, region_name=REGION) for n in ("cloudformation", "iam", "s3")]
    stacks, iam, s3 = clients
    url = json.loads(text)["Resources"]["GitHub"]["Properties"]["Url"]
    given = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])
    provider = given["OpenIDConnectProviderArn"]
    parameter = {"ParameterKey": "Provider", "ParameterValue": provider}
    stacks.create_stack(StackName="store", TemplateBody=text, Parameters=[parameter])
    rows = stacks.list_stack_resources(StackName="store")["StackResourceSummaries"]
    made = {row["LogicalResourceId"]: row["PhysicalResourceId"] for row in rows}
    (output,) = stacks.describe_stacks(StackName="store")["Stacks"][0]["Outputs"]
    found = {"provider": provider, "login": output["OutputValue"]}
    for role in ("Reader", "Writer"):
        about = iam.get_role(RoleName=made[role])["Role"]["AssumeRolePolicyDocument"]
        found[role] = about["Statement"][0]
    bucket = made["Store"]
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    found["encryption"] = rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
    return found


stack = Path(sys.argv[1])
wrong = stack.with_name("wrong.json")
wrong.write_text(stack.read_text().replace("VersioningConfiguration", "VersionConfiguration"))
print(json.dumps(make(stack.read_text()) | {"linted": lint(stack), "typo": lint(wrong)}))
