"""Google: commands that make a pool of identities for each role, and a bucket.

https://docs.cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines
"""

from __future__ import annotations

from mlops_loop.cloud.trust import Trust

# Each role's own pool is all that the bucket knows of it. Reading needs the bucket's own facts too.
RIGHTS = {
    "reader": ("roles/storage.legacyBucketReader", "roles/storage.objectViewer"),
    "writer": ("roles/storage.legacyBucketReader", "roles/storage.objectUser"),
}
# Not the subject: Google allows 127 bytes, and that of a merge queue can be longer.
SUBJECT = "assertion.repository_id + ':' + assertion.run_id"


def script(trust: Trust, bucket: str, project: str, location: str) -> list[str]:
    """The lines of a shell script; raises nothing, but each command stops it."""
    return [
        "set -eu",
        f"PROJECT={project}",
        "NUMBER=$(gcloud projects describe $PROJECT --format='value(projectNumber)')",
        "POOLS=projects/$NUMBER/locations/global/workloadIdentityPools",
        "gcloud services enable iam.googleapis.com sts.googleapis.com storage.googleapis.com "
        "--project=$PROJECT",
        f"gcloud storage buckets create gs://{bucket} --project=$PROJECT --location={location} "
        "--uniform-bucket-level-access --public-access-prevention --soft-delete-duration=30d",
        *(line for role in RIGHTS for line in _role(trust, role, bucket)),
        f'gh variable set CLOUD_LOGIN --body "{_login(trust)}"',
    ]


def _pool(trust: Trust, role: str) -> str:
    return f"github-{trust.repository_id}-{role}"


def _login(trust: Trust) -> str:
    return " ".join(f"{r}=$POOLS/{_pool(trust, r)}/providers/github" for r in RIGHTS)


def _role(trust: Trust, role: str, bucket: str) -> list[str]:
    pool, where = _pool(trust, role), "--project=$PROJECT --location=global"
    member = f'"principalSet://iam.googleapis.com/$POOLS/{pool}/*"'
    return [
        f"gcloud iam workload-identity-pools create {pool} {where}",
        f"gcloud iam workload-identity-pools providers create-oidc github {where} "
        f"--workload-identity-pool={pool} --issuer-uri={trust.issuer} "
        f'--attribute-mapping="google.subject={SUBJECT}" '
        f'--attribute-condition="{condition(trust, role)}"',
        *(
            f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={member} "
            f"--role={right}"
            for right in RIGHTS[role]
        ),
    ]


def condition(trust: Trust, role: str) -> str:
    """Whom a role's provider admits, in CEL. A subject holds the ids of owner and repository."""
    subjects = ", ".join(f"'{subject}'" for subject in trust.subjects(role))
    queue = f" || assertion.sub.startsWith('{trust.queue()}')" if role == "reader" else ""
    return f"assertion.sub in [{subjects}]{queue}"
