"""Events hold to GitHub's own schemas, and say what a scenario's pull request is."""

import json

import pytest
from jsonschema import Draft7Validator

from .double import Double, events, npm

SHA, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def github():
    """Return a double with pull requests of a colleague (7), a fork (8) and Dependabot (9)."""
    with Double("octo-org/flight-delays", private=True) as double:
        shas = {"sha": SHA, "base_sha": OTHER}
        double.pull("better", login="ada", number=7, labels=["gate-override"], **shas)
        double.pull("better", login="eve", number=8, fork="eve/flight-delays", **shas)
        double.pull("bump", login=events.DEPENDABOT, number=9, **shas)
        yield double


def errors(definition: str, payload: events.Payload) -> list[str]:
    """Return where a payload does not hold to GitHub's schema of an event."""
    path = npm.modules() / "@octokit/webhooks-schemas/schema.json"
    schema = json.loads(path.read_text())
    schema.pop("oneOf")
    found = Draft7Validator(schema | {"$ref": f"#/definitions/{definition}"}).iter_errors(payload)
    return [f"{error.json_path}: {error.message[-200:]}" for error in found]


CASES = {
    "pull_request$opened": lambda github: events.pull_request(github, 7),
    "pull_request$opened by a fork": lambda github: events.pull_request(github, 8),
    "pull_request$opened by Dependabot": lambda github: events.pull_request(github, 9),
    "pull_request$synchronize": lambda github: events.pull_request(github, 7, "synchronize"),
    "pull_request$labeled": lambda github: events.pull_request(
        github, 7, "labeled", "ada", label="gate-override"
    ),
    "merge_group$checks_requested": lambda github: events.merge_group(github, SHA, OTHER),
    "push$event": lambda github: events.push(github, OTHER, SHA),
    "workflow_dispatch$event": lambda github: events.workflow_dispatch(
        github, "retrain.yml", {"reason": "drift"}
    ),
    # The schema is of a webhook: a workflow's event has no installation.
    "repository_dispatch$event": lambda github: (
        events.repository_dispatch(github, "retrain", {"reason": "drift"})
        | {"installation": {"id": 1, "node_id": "MDA="}}
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_event_holds_to_its_schema(github: Double, name: str):
    """A payload is what GitHub describes, for this repository; a wrong one would be seen."""
    payload, definition = CASES[name](github), name.split()[0]
    assert errors(definition, payload) == []
    assert payload["repository"]["full_name"] == github.repository
    assert errors(definition, payload | {"repository": None})


@pytest.mark.parametrize(
    ("number", "login", "repository", "fork"),
    [
        (7, "ada", "octo-org/flight-delays", False),
        (8, "eve", "eve/flight-delays", True),
        (9, events.DEPENDABOT, "octo-org/flight-delays", False),
    ],
    ids=["colleague", "fork", "Dependabot"],
)
def test_event_says_whose_pull_request_it_is(github, number, login, repository, fork):
    """Workflows tell forks by the head's repository, and Dependabot by its login."""
    payload = events.pull_request(github, number)
    pull = payload["pull_request"]
    assert (pull["number"], pull["user"]["login"]) == (number, login) == (payload["number"], login)
    assert payload["sender"]["login"] == login
    assert pull["head"]["repo"]["full_name"] == repository
    assert pull["head"]["repo"]["fork"] is fork
    assert pull["base"]["repo"]["full_name"] == "octo-org/flight-delays"
    assert (pull["head"]["sha"], pull["base"]["sha"]) == (SHA, OTHER)


def test_schedule(github: Double):
    """A schedule tells its time and the repository."""
    payload = events.schedule(github, "17 5 * * 1")
    assert payload["schedule"] == "17 5 * * 1"
    assert payload["repository"]["private"] is True
