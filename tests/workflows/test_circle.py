"""The circle of monitoring: production is looked at, and what follows is done, up to a new model.

Production is a replay: what the files of `data/later` hold is what came since the registration.
"""

import csv
import io
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from conftest import check

from . import scenes
from .test_monitor import DAILY, issues, without_pressure
from .test_release import DEPLOYED, ledger
from .test_retrain import SUCCESS, WEEKLY, branches, months, noise
from .world import Event, World


def look(world: World):
    """Let the monitor look at production, and act."""
    run = world.run("monitor", world.schedule(DAILY), "act")
    assert run.ok
    return run


def later(world: World, change: Callable[[str], str]) -> None:
    """Let production be another one."""
    world.push({f"data/later/{path.name}": change for path in months(world)})


def registered_days_ago(world: World, version: str, days: int) -> None:
    """Let a version be registered earlier."""
    tag = f"model@{version}"
    note = world.git("tag", "--list", "--format=%(contents)", tag)
    when = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    check(
        "git", "tag", "--force", "--annotate", "--message", note, tag, f"{tag}^{{}}",
        cwd=world.laptop, env=os.environ | {"GIT_COMMITTER_DATE": when},
    )  # fmt: skip
    world.git("push", "--quiet", "--force", "origin", tag)


def quiet_for(world: World, number: int, days: int) -> None:
    """Let the cause of an issue be seen so many days earlier than it was."""
    issue = world.github.store.get("issues", number)
    mark, *rest = issue["body"].split("\n")
    *head, seen, effect, checks, end = mark.split()
    before = date.fromisoformat(seen) - timedelta(days=days)
    issue["body"] = "\n".join([" ".join([*head, str(before), effect, checks, end]), *rest])


Row = dict[str, str]


def edited(text: str, change: Callable[[Row], Row]) -> str:
    """Return a table with each row changed."""
    table = csv.DictReader(text.splitlines())
    changed = io.StringIO()
    writer = csv.DictWriter(changed, table.fieldnames, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row | change(row) for row in table)
    return changed.getvalue()


def damp(text: str) -> str:
    """Return flights in air that is damp all summer."""
    return edited(
        text, lambda row: {"humid": row["humid"] and f"{70 + 0.3 * float(row['humid']):.2f}"}
    )


def delayed(row: Row) -> Row:
    """Return the delay with two minutes more for each hour of the day."""
    more = 2 * (int(row["sched_dep_time"]) // 100 - 3)
    return {"arr_delay": row["arr_delay"] and f"{float(row['arr_delay']) + more:g}"}


def later_in_the_day(text: str) -> str:
    """Return flights whose outcomes are others: delays grow over the day."""
    return edited(text, delayed)


def mended(text: str) -> str:
    """Return flights of which the sensor of pressure says nothing before the 21st of July."""
    return edited(text, lambda row: {"pressure": ""} if row["time_hour"] < "2013-07-21" else {})


def merged(world: World, branch: str) -> Event:
    """Let a person open the pull request of a branch and merge it; ci is test_ci's."""
    world.git("fetch", "--quiet", "origin", f"{branch}:{branch}")
    world.pulls[branch] = world.github.pull(branch, "ada", title="Retrain")["number"]
    return world.merge(branch)


def test_a_look_that_cannot_tell_drift_and_a_sensor_that_is_mended(world):
    """The store is away for days; then data drift; then a sensor is silent until it is mended."""
    here = world()
    registered_days_ago(here, "v1.0.0", 10)
    here.github.fail("GET", "/v2/.*", "cut", times=1_000_000)
    assert "can-tell=false" in look(here).jobs["evaluate"].log
    (blind,) = issues(here)
    assert blind["title"] == "Alarm: no verdict"
    for part in ("For 10 days no look could tell", "The model of v1.0.0 is", "loop store pull"):
        assert part in blind["body"]
    here.registry.up()

    later(here, damp)
    run = look(here)
    assert "model: ok: v1.0.0 is drifted: drifted since" in run.jobs["evaluate"].log
    page = (run.artifacts / "monitor" / "dashboard.html").read_text()
    assert "<title>Flight Delays: drifted</title>" in page
    assert issues(here) == [] and [i["number"] for i in issues(here, "closed")] == [blind["number"]]
    assert here.github.rows("dispatches") == []

    here.git("checkout", "--quiet", "main")
    here.git("revert", "--no-edit", "HEAD")
    later(here, without_pressure)
    look(here)
    (broken,) = issues(here)
    assert broken["title"].startswith("Broken data since")
    here.git("revert", "--no-edit", "HEAD")
    later(here, mended)
    quiet_for(here, broken["number"], days=7)
    assert "v1.0.0 is ok" in look(here).jobs["evaluate"].log
    said = here.github.comments(broken["number"])[-1]["body"]
    assert issues(here) == [] and said.startswith("Quiet since")
    assert here.github.rows("dispatches") == []


def test_harm_leads_to_a_new_model(world):
    """Outcomes change: harm is proven, a bad model is refused, a good one is released."""
    here = world("retrained")
    here.push({"monitor.yaml": lambda text: text.replace("refusals: 3", "refusals: 1")})
    later(here, later_in_the_day)
    look(here)
    (harm,) = issues(here)
    assert harm["title"].startswith("Harm since") and "loss" in harm["title"]
    (sent,) = here.github.rows("dispatches")
    assert (sent["workflow"], sent["inputs"]) == ("retrain.yml", {"reason": "monitor: harm"})

    # The month arrives, with outcomes that nobody can learn.
    scenes.arrive(here.folder / "source", months(here)[0], noise)
    run = here.run("retrain", here.dispatch("retrain", **sent["inputs"]))
    assert run.results == SUCCESS | {"gate": "failure"}
    refused = next(issue for issue in issues(here) if issue["number"] != harm["number"])
    assert refused["title"] == "Retrained models are refused" and "REJECT" in refused["body"]
    assert "Not retrained: 1 retrained models in a row were refused" in look(here).jobs["act"].log
    assert len(here.github.rows("dispatches")) == 1 and len(issues(here)) == 2
    assert branches(here) == [] and ledger(here)[-1]["version"] == "v1.1.0"

    # A person repairs the source: the outcomes of all rows are as production has them now.
    here.github.store.get("issues", refused["number"])["state"] = "closed"
    source = here.folder / "source"
    scenes.arrive(source, months(here)[0])  # changed by the push
    for path in sorted(source.glob("*.csv"))[:-1]:
        path.write_text(later_in_the_day(path.read_text()))
    assert here.run("retrain", here.schedule(WEEKLY)).results == SUCCESS
    (branch,) = branches(here)
    proposed = issues(here)[-1]
    assert branch in proposed["body"] and "PROMOTE" in proposed["body"]
    assert here.run("release", merged(here, branch)).results == dict.fromkeys(DEPLOYED, "success")
    assert ledger(here)[-1]["version"] == "v1.2.0"
    assert "v1.2.0 is ok" in look(here).jobs["evaluate"].log
    said = here.github.comments(harm["number"])[-1]["body"]
    assert said.startswith("Another model is in production now")
    assert harm["number"] in [issue["number"] for issue in issues(here, "closed")]
    assert len(here.github.rows("dispatches")) == 1
