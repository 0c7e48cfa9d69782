"""Azure: commands that make an identity for each role, and a container.

An identity trusts whole subjects only, without a pattern, so a merge queue cannot read.
https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust-user-assigned-managed-identity
"""

from __future__ import annotations

from mlops_loop.cloud.trust import Trust
from mlops_loop.storage.cloud_login import AZURE_AUDIENCE

RIGHTS = {"reader": "Storage Blob Data Reader", "writer": "Storage Blob Data Contributor"}


def script(trust: Trust, container: str, account: str, group: str, location: str) -> list[str]:
    """The lines of a shell script. The account takes no keys: only identities log in."""
    return [
        "set -eu",
        f"az group create --name {group} --location {location}",
        f"az storage account create --name {account} --resource-group {group} "
        f"--location {location} --sku Standard_LRS --kind StorageV2 --https-only true "
        "--min-tls-version TLS1_2 --allow-blob-public-access false "
        "--allow-shared-key-access false",
        f"az storage account blob-service-properties update --account-name {account} "
        f"--resource-group {group} --enable-delete-retention true --delete-retention-days 30",
        f"az storage container-rm create --storage-account {account} --name {container}",
        f"SCOPE=$(az storage account show --name {account} --resource-group {group} --query id "
        f"--output tsv)/blobServices/default/containers/{container}",
        *(line for role in RIGHTS for line in _role(trust, role, group, location)),
        f"gh variable set STORE_USERNAME --body {account}",
        'gh variable set CLOUD_LOGIN --body "reader=$READER writer=$WRITER '
        'tenant=$(az account show --query tenantId --output tsv)"',
    ]


def _role(trust: Trust, role: str, group: str, location: str) -> list[str]:
    name = f"github-{trust.repository_id}-{role}"
    identity = f"--name {name} --resource-group {group}"
    return [
        f"az identity create {identity} --location {location}",
        *(
            f"az identity federated-credential create --identity-name {name} "
            f"--resource-group {group} --name {subject.split(':')[2].replace('_', '-')} "
            f"--issuer {trust.issuer} --subject {subject} --audiences {AZURE_AUDIENCE}"
            for subject in trust.subjects(role)
        ),
        f"{role.upper()}=$(az identity show {identity} --query clientId --output tsv)",
        f"az role assignment create --role '{RIGHTS[role]}' --scope $SCOPE "
        "--assignee-principal-type ServicePrincipal --assignee-object-id "
        f"$(az identity show {identity} --query principalId --output tsv)",
    ]
