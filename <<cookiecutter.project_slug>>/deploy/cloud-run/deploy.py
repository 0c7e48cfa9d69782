"""Bring an image to Cloud Run by its digest, and give it traffic only after its golden rows.

    uv run --with google-cloud-run==0.16.2 deploy/cloud-run/deploy.py deploy IMAGE@sha256:DIGEST
    uv run --with google-cloud-run==0.16.2 deploy/cloud-run/deploy.py rollback REVISION

Not run against Google by the template's tests: the service is validated by Google's own types, and
the order of calls by a stand-in for Google's client. GOOGLE_CLOUD_PROJECT and CLOUD_RUN_REGION say
where; the login is that of `gcloud auth application-default login`.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from google.api_core.exceptions import NotFound
from google.cloud import run_v2

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NAME = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["name"]
TAG = "candidate"
BY_REVISION = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
DIGESTED = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
SERVICE = Path(__file__).with_name("service.json")


def wanted(image):
    """Return the service of an image, strictly read; its revision is named after the digest."""
    digest = image.partition("@")[2]
    text = SERVICE.read_text(encoding="utf-8")
    service = run_v2.Service.from_json(text.replace("@IMAGE@", image).replace("@DIGEST@", digest))
    service.template.revision = f"{NAME}-{digest[7:19]}"
    return service


def target(revision, percent, tag=""):
    """Return a share of the traffic."""
    return run_v2.TrafficTarget(type_=BY_REVISION, revision=revision, percent=percent, tag=tag)


def shares(service):
    """Return what has traffic now, by revision: a share of the latest would move to a new one."""
    latest = service.latest_ready_revision.rpartition("/")[2]
    now = [(t.revision or latest, t.percent) for t in service.traffic if t.percent]
    return [target(revision, percent) for revision, percent in now or [(latest, 100)]]


def deploy(client, parent, image, check):
    """Start a revision without traffic, check it at its own address, then give it all traffic."""
    service, before = wanted(image), []
    revision, name = service.template.revision, f"{parent}/services/{NAME}"
    try:
        live = client.get_service(name=name)
    except NotFound:
        request = {"parent": parent, "service": service, "service_id": NAME}
        live = client.create_service(request=request).result()
    else:
        before = shares(live)
        service.name, service.etag = name, live.etag
        service.traffic = [*before, target(revision, 0, TAG)]
        live = client.update_service(service=service).result()
    urls = [status.uri for status in live.traffic_statuses if status.tag == TAG]
    try:
        check((urls or [live.uri])[0])
    except subprocess.CalledProcessError as error:
        move(client, live, before)
        kept = ", ".join(f"{t.revision} {t.percent} %" for t in before) or "nothing ran before"
        said = f"{image} answers wrongly and gets no traffic; it stays: {kept}."
        raise SystemExit(said) from error
    move(client, live, [target(revision, 100)])
    return revision


def move(client, live, traffic):
    """Give the traffic to revisions; without any, all stays as it is."""
    if traffic:
        live.traffic = traffic
        client.update_service(service=live).result()


def rollback(client, parent, revision):
    """Give all traffic to a revision that ran before; nothing is built or started anew."""
    live = client.get_service(name=f"{parent}/services/{NAME}")
    move(client, live, [target(revision, 100)])
    return revision


def smoke(url):
    """Ask the golden rows of models/bundle, which must be those of the image."""
    subprocess.run(["loop", "smoke", url], check=True)


def main(arguments):
    """Read the call; exits with 64 where it is wrong."""
    where = [os.environ.get(name) for name in ("GOOGLE_CLOUD_PROJECT", "CLOUD_RUN_REGION")]
    match arguments:
        case ["deploy", image] if DIGESTED.fullmatch(image) and all(where):
            done = deploy(*connect(*where), image, smoke)
        case ["rollback", revision] if all(where):
            done = rollback(*connect(*where), revision)
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    print(f"{done} has all traffic")
    return 0


def connect(project, region):
    """Return Google's client and where services live."""
    return run_v2.ServicesClient(), f"projects/{project}/locations/{region}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
