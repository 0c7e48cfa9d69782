"""Run deploy.py against a stand-in for Google's client: `scenarios.py DEPLOY_PY SCENARIO`.

Prints as JSON the traffic after each call, what was checked, and how it ended. The types are
Google's own.
"""

import importlib.util
import json
import subprocess
import sys
from types import SimpleNamespace

from google.api_core.exceptions import NotFound
from google.cloud import run_v2

LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
IMAGE = f"europe-docker.pkg.dev/p/r/flight-delays@sha256:{'d' * 64}"
NEW = f"flight-delays-{'d' * 12}"


class Client:
    """Keeps one service, as Cloud Run does."""

    def __init__(self, live=None):
        """Start with a service, or none."""
        self.live, self.calls = live, []

    def get_service(self, *, name):
        """Return the service."""
        if self.live is None:
            raise NotFound(name)
        return run_v2.Service(self.live)

    def create_service(self, *, request):
        """Keep the first one."""
        return self.keep(request["service"])

    def update_service(self, *, service):
        """Keep a changed one, which must be the one that was read."""
        assert service.etag == self.live.etag
        return self.keep(service)

    def keep(self, service):
        """Give it addresses."""
        assert not service.traffic or sum(t.percent for t in service.traffic) == 100
        made = run_v2.Service(service)
        made.uri = "https://service"
        made.traffic_statuses = [
            run_v2.TrafficTargetStatus(tag=t.tag, revision=t.revision, uri=f"https://{t.tag}")
            for t in service.traffic
        ]
        self.live = made
        self.calls.append([[t.revision, t.percent, t.tag] for t in service.traffic])
        return SimpleNamespace(result=lambda: made)


def running(latest=False):
    """Return a service with one revision, named or the latest."""
    old = "flight-delays-old"
    share = {"type_": LATEST} if latest else {"revision": old}
    return run_v2.Service(
        name="projects/p/locations/r/services/flight-delays",
        etag="1",
        latest_ready_revision=f"projects/p/locations/r/services/flight-delays/revisions/{old}",
        traffic=[run_v2.TrafficTarget(percent=100, **share)],
    )


def main(path, scenario):
    """Load deploy.py and run a scenario."""
    spec = importlib.util.spec_from_file_location("deploy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checked, client = [], Client(None if scenario == "first" else running(scenario == "latest"))

    def check(url):
        checked.append([url, len(client.calls)])
        if scenario == "wrong":
            raise subprocess.CalledProcessError(5, "loop smoke")

    end = ""
    try:
        if scenario == "strict":
            text = module.SERVICE.read_text().replace("containerPort", "containerport")
            module.SERVICE = SimpleNamespace(read_text=lambda encoding: text)
        if scenario == "rollback":
            module.rollback(client, "projects/p/locations/r", "flight-delays-old")
        else:
            module.deploy(client, "projects/p/locations/r", IMAGE, check)
    except SystemExit as error:
        end = str(error)
    except Exception as error:  # what Google's types refuse
        end = f"{type(error).__name__}: {error}"
    service = run_v2.Service.to_json(client.live) if client.live else "{}"
    facts = {"calls": client.calls, "checked": checked, "end": end, "service": json.loads(service)}
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
