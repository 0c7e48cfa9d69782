"""The workflow `retrain`: new data lead to a proposal, and nothing else does."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import check

from . import scenes
from .test_monitor import issues
from .world import World

WEEKLY = "17 3 * * 0"
JOBS = ("guard", "train", "gate", "propose")
SUCCESS = dict.fromkeys(JOBS, "success")
SKIPPED = {"guard": "success", "train": "skipped", "gate": "skipped", "propose": "skipped"}
NO_PAUSE = {"monitor.yaml": lambda text: text.replace("days: 7", "days: 0").replace(": 30", ": 9")}


def months(world: World) -> list:
    """Return the months of data that may arrive, the oldest first."""
    return sorted((world.laptop / "data" / "later").glob("*.csv"))


def noise(table: str) -> str:
    """Return a month in which every second flight is three hours late, whatever the reason."""
    head, *rows = table.splitlines()
    at = head.split(",").index("arr_delay")
    cells = [row.split(",") for row in rows]
    for number, row in enumerate(cells):
        row[at] = str(180.0 if number % 2 else -20.0)
    return "\n".join([head, *map(",".join, cells), ""])


def branches(world: World) -> list[str]:
    """Return the branches of proposals."""
    names = check("git", "branch", "--list", "--format=%(refname:short)", cwd=world.origin)
    return [name for name in names.split() if name != "main"]


def test_new_data_are_proposed_once(world):
    """A month of data arrives, and two runs meet it."""
    here = world("retrained")
    here.push(NO_PAUSE)
    scenes.arrive(here.folder / "source", months(here)[0])
    main = check("git", "rev-parse", "main", cwd=here.origin)
    run = here.run("retrain", here.schedule(WEEKLY))
    assert run.results == SUCCESS
    (branch,) = branches(here)
    assert branch.startswith(f"retrain/{datetime.now(UTC):%Y-%m-%d}-")
    changed = check("git", "diff", "--name-only", f"main...{branch}", cwd=here.origin).split()
    assert changed == ["data/source.json", "dvc.lock"]
    assert check("git", "rev-parse", "main", cwd=here.origin) == main
    (issue,) = issues(here)
    (link,) = [word for word in issue["body"].split("(") if "/compare/" in word]
    found = urlsplit(link.partition(")")[0])
    assert found.path == f"/octo-org/flight-delays/compare/main...{branch}"
    assert parse_qs(found.query)["body"] == [f"Closes #{issue['number']}"]
    for job in JOBS:
        assert here.github.unused_grants(f"retrain/{job}") == [], job
    before = check("git", "for-each-ref", cwd=here.origin)
    again = here.run("retrain", here.dispatch("retrain", reason="again"))
    assert again.results == SUCCESS and "Stage 'train' is cached" in again.jobs["train"].log
    assert check("git", "for-each-ref", cwd=here.origin) == before
    assert issues(here) == [issue] and here.github.comments(issue["number"]) == []


def test_nothing_new(world):
    """The source is as it was."""
    here = world("retrained")
    run = here.run("retrain", here.schedule(WEEKLY))
    skipped = {"guard": "success", "train": "success", "gate": "skipped", "propose": "skipped"}
    assert run.results == skipped
    assert "Nothing new" in run.jobs["train"].log
    assert branches(here) == here.github.rows("issues") == []


def test_another_system_asks_with_a_reason(world):
    """A system asks for retraining with a hostile reason, and with a payload that is refused."""
    here = world("retrained")
    hostile = (
        '"; touch pwned; $(touch pwned) `touch pwned` <img src=x> @all\n::set-output name=a::b'
    )
    run = here.run("retrain", here.repository_dispatch("retrain", reason=hostile), "guard")
    assert run.ok and "A model may be trained" in run.log
    assert "Started with the reason: " in run.log
    assert not list(here.folder.rglob("pwned"))
    event = here.repository_dispatch("retrain", reason="new prices", branch="evil")
    run = here.run("retrain", event)
    assert run.results == SKIPPED | {"guard": "failure"}
    assert "client_payload has 'branch'. Allowed is one key, reason" in run.jobs["guard"].log


def test_models_that_are_refused_stop_retraining(world):
    """Two months of noise arrive, one after the other; then a person closes the issue."""
    here = world("retrained")
    here.push({"monitor.yaml": lambda text: text.replace("refusals: 3", "refusals: 2")})
    for number, month in enumerate(months(here)[:2]):
        scenes.arrive(here.folder / "source", month, noise)
        run = here.run("retrain", here.schedule(WEEKLY))
        assert run.results == SUCCESS | {"gate": "failure"}
        (issue,) = issues(here)
        assert len(here.github.comments(issue["number"])) == number
    assert "REJECT" in issue["body"] and branches(here) == []
    run = here.run("retrain", here.schedule(WEEKLY))
    assert run.results == SKIPPED
    assert "2 retrained models in a row were refused" in run.jobs["guard"].log
    here.github.store.get("issues", issue["number"])["state"] = "closed"
    assert "A model may be trained" in here.run("retrain", here.schedule(WEEKLY), "guard").log


@pytest.mark.parametrize("by", ["branch", "issue"])
def test_a_young_proposal_is_waited_for(world, by):
    """A model was proposed two days ago, and its branch may be gone."""
    here = world("retrained")
    day = datetime.now(UTC) - timedelta(days=2)
    if by == "branch":
        check("git", "branch", f"retrain/{day:%Y-%m-%d}-0123456789ab", "main", cwd=here.origin)
    else:
        body = "<!-- retrained-0123456789ab: x -->\nA model"
        facts = {"body": body, "labels": ["retrain"], "state": "closed"}
        made = here.github.issue("A model", "github-actions[bot]", **facts)
        made["created_at"] = f"{day:%Y-%m-%dT%H:%M:%SZ}"
    run = here.run("retrain", here.dispatch("retrain", reason="$(touch pwned)"))
    assert run.results == SKIPPED and "the cool-down lasts until" in run.jobs["guard"].log
    assert not list(here.folder.rglob("pwned"))


def test_while_production_is_held_nothing_is_trained(world):
    """Production was rolled back and is held."""
    here = world("retrained")
    scenes.hold(here)
    run = here.run("retrain", here.schedule(WEEKLY))
    assert run.results == SKIPPED
    assert "v1.0.0 is held in production by A tester: 'bad'" in run.jobs["guard"].log


def test_a_proposal_whose_issue_failed_is_completed(world):
    """GitHub refuses the issue after the branch was pushed, and the next run goes on."""
    here = world("retrained")
    here.push(NO_PAUSE)
    scenes.arrive(here.folder / "source", months(here)[0])
    here.github.fail("POST", r".*/issues", 403, times=9)
    run = here.run("retrain", here.schedule(WEEKLY))
    assert run.results == SUCCESS | {"propose": "failure"}
    (branch,) = branches(here)
    here.github.heal(r".*/issues")
    assert here.run("retrain", here.schedule(WEEKLY)).ok
    assert branches(here) == [branch] and branch in issues(here)[0]["body"]


def test_a_source_that_is_gone_fails_with_what_to_do(world):
    """The source is not there."""
    here = world("retrained")
    (here.folder / "source").rename(here.folder / "elsewhere")
    run = here.run("retrain", here.schedule(WEEKLY))
    assert (run.results["train"], run.results["propose"]) == ("failure", "skipped")
    assert "matches no file" in run.jobs["train"].log
