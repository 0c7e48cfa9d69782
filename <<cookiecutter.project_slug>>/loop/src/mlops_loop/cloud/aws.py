"""Amazon: one CloudFormation stack of an identity provider, two roles and a bucket.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from __future__ import annotations

from typing import Any

from mlops_loop.cloud.trust import Trust
from mlops_loop.storage.cloud_login import AWS_AUDIENCE

Json = dict[str, Any]
LIST = ["s3:ListBucket", "s3:GetBucketLocation"]
READ = ["s3:GetObject"]
WRITE = [*READ, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
KEPT_DAYS = 30  # what was overwritten or deleted


def stack(trust: Trust, bucket: str, prefix: str) -> Json:
    """The template; `prefix` is the store's folder in the bucket, empty for all of it."""
    objects = f"arn:${{AWS::Partition}}:s3:::{bucket}/{prefix}{'/' if prefix else ''}*"
    roles = {"Reader": ("reader", READ), "Writer": ("writer", WRITE)}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The store of {trust.repository}: read by its pull requests, "
        "written by main",
        "Parameters": {
            "Provider": {
                "Type": "String",
                "Default": "",
                "Description": "ARN of the account's provider of this issuer, where it has one",
            }
        },
        "Conditions": {"NoProvider": {"Fn::Equals": [{"Ref": "Provider"}, ""]}},
        "Resources": {
            "GitHub": _provider(trust),
            "Store": _bucket(bucket),
            "StorePolicy": _over_tls(bucket),
            **{name: _role(trust, *facts, bucket, objects) for name, facts in roles.items()},
        },
        "Outputs": {"CloudLogin": {"Value": {"Fn::Sub": LOGIN}}},
    }


LOGIN = "reader=${Reader.Arn} writer=${Writer.Arn} region=${AWS::Region}"


def _provider(trust: Trust) -> Json:
    properties = {"Url": trust.issuer, "ClientIdList": [AWS_AUDIENCE]}
    return {
        "Type": "AWS::IAM::OIDCProvider",
        "Condition": "NoProvider",
        "DeletionPolicy": "Retain",  # other repositories of the account may use it
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _bucket(name: str) -> Json:
    """Private and encrypted. What a push or `store gc` removes can be restored for a while."""
    blocked = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    encrypted = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    rule = {
        "Id": "expire",
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": KEPT_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": name,
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": [rule]},
            "PublicAccessBlockConfiguration": dict.fromkeys(blocked, True),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [encrypted]},
        },
    }


def _over_tls(bucket: str) -> Json:
    arn = f"arn:${{AWS::Partition}}:s3:::{bucket}"
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [{"Fn::Sub": arn}, {"Fn::Sub": f"{arn}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    properties = {"Bucket": {"Ref": "Store"}, "PolicyDocument": _document(statement)}
    return {"Type": "AWS::S3::BucketPolicy", "Properties": properties}


def _role(trust: Trust, role: str, actions: list[str], bucket: str, objects: str) -> Json:
    holder = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{bucket}"}
    allowed = _document(
        {"Effect": "Allow", "Action": LIST, "Resource": holder},
        {"Effect": "Allow", "Action": actions, "Resource": {"Fn::Sub": objects}},
    )
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": f"The {role} of the store of {trust.repository}",
            "AssumeRolePolicyDocument": _document(trusted(trust, role)),
            "Policies": [{"PolicyName": "store", "PolicyDocument": allowed}],
        },
    }


def trusted(trust: Trust, role: str) -> Json:
    """The statement that says who may take a role."""
    key = trust.issuer.partition("://")[2]
    queue = [f"{trust.queue()}*"] if role == "reader" else []
    return {
        "Effect": "Allow",
        "Principal": {
            "Federated": {"Fn::If": ["NoProvider", {"Ref": "GitHub"}, {"Ref": "Provider"}]}
        },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{key}:aud": AWS_AUDIENCE},
            # A name on GitHub holds no * and no ?: only the one at the end of the queue's matches.
            "StringLike": {f"{key}:sub": [*trust.subjects(role), *queue]},
        },
    }


def _document(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def commands(name: str) -> list[str]:
    """What to type with the template in the file stack.json."""
    deploy = f"aws cloudformation deploy --stack-name {name} --template-file stack.json"
    query = "Stacks[0].Outputs[?OutputKey=='CloudLogin'].OutputValue"
    shown = f'aws cloudformation describe-stacks --stack-name {name} --query "{query}"'
    return [
        f"{deploy} --capabilities CAPABILITY_IAM",
        f"{shown} --output text | gh variable set CLOUD_LOGIN",
    ]
