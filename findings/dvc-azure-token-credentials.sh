#!/usr/bin/env bash
# AZURE_TOKEN_CREDENTIALS, which names the one way to log in to Azure, is ignored under DVC.
#
# azure-identity reads the variable: with WorkloadIdentityCredential, a DefaultAzureCredential tries that
# and nothing else. DVC makes one with four `exclude_..._credential=False`, and an explicit False counts
# more than the variable. So the environment's client secret is tried before the token of the workload,
# and managed identity and caches after it, though the variable says otherwise. DVC's own settings of
# these names, set to true, have the effect that the variable should have.
#
# Seen with dvc 3.67.1, dvc-azure 3.1.1 and azure-identity 1.27.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check dvc==3.67.1 dvc-azure==3.1.1 azure-identity==1.27.0
export HOME="$folder" AZURE_TOKEN_CREDENTIALS=WorkloadIdentityCredential
export AZURE_FEDERATED_TOKEN_FILE="$folder/token" AZURE_CLIENT_ID=client AZURE_TENANT_ID=tenant
cd "$folder"
"$folder/env/bin/python" - <<'END'
from azure.identity.aio import DefaultAzureCredential
from dvc_azure import AzureFileSystem


def tried(credential):
    return [type(found).__name__ for found in credential.credentials]


def by_dvc(**settings):
    files = AzureFileSystem(url="azure://container/dvc", account_name="account", **settings)
    return tried(files.fs_args["credential"])


plain = tried(DefaultAzureCredential())
names = ("environment", "visual_studio_code", "shared_token_cache", "managed_identity")
settings = {f"exclude_{name}_credential": True for name in names}
print(f"azure-identity alone: {plain}")
print(f"by DVC: {by_dvc()}")
print(f"by DVC with its own settings: {by_dvc(**settings)}")
assert plain == ["WorkloadIdentityCredential"], plain
assert {"EnvironmentCredential", "ManagedIdentityCredential"} <= set(by_dvc())
assert by_dvc()[0] == "EnvironmentCredential"
assert by_dvc(**settings) == plain
END
