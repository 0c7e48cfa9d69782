"""The workflow `monitor`: schedules kept on, and a stale model that is trained anew."""

import tarfile
from dataclasses import replace

import httpx

from . import scenes
from .world import MAIN, REPOSITORY, World

DAILY = "41 2 * * *"
STALE = {"monitor.yaml": lambda text: text.replace("stale_days: 30", "stale_days: 0.00001")}


SITE = "github-pages-1"  # the first attempt's artifact


def switch_on_pages(world: World) -> None:
    """Let the owner ask for the dashboard on Pages, in a repository that has them."""
    world.variables["DASHBOARD_PAGES"] = "true"
    token = world.github.person()
    headers, body = {"Authorization": f"Bearer {token}"}, {"build_type": "workflow"}
    url = f"{world.github.api_url}/repos/{REPOSITORY}/pages"
    assert httpx.post(url, headers=headers, json=body).status_code == 201


def issues(world: World, state: str = "open") -> list[dict]:
    """Return the issues, the oldest first."""
    return [row for row in world.github.rows("issues") if row["state"] == state]


def states(world: World) -> dict[str, str]:
    """Return what GitHub says of each workflow, by file."""
    rows = world.github.store.all("workflows")
    return {row["path"].rpartition("/")[2]: row["state"] for row in rows}


def switch_off(world: World, name: str, state: str) -> None:
    """Let a workflow be in another state than active."""
    from .double.routes.actions import workflows

    workflows(world.github.store)
    world.github.store.get("workflows", name)["state"] = state


def test_a_fresh_model_is_left_alone_and_schedules_are_kept_on(world):
    """The model is fresh; GitHub has switched a schedule off, and a person another one."""
    here = world()
    switch_off(here, "retrain.yml", "disabled_inactivity")
    switch_off(here, "security.yml", "disabled_manually")
    run = here.run("monitor", here.schedule(DAILY))
    done = dict.fromkeys(("evaluate", "act", "keep-alive"), "success")
    assert run.results == done | {"publish": "skipped"}  # nobody asked for it
    assert not [call for call in here.github.calls if "/pages" in call.path]
    assert (states(here)["retrain.yml"], states(here)["security.yml"]) == (
        "active",
        "disabled_manually",
    )
    assert here.github.rows("dispatches") == [] and here.github.rows("issues") == []
    assert here.github.unused_grants("monitor/keep-alive") == []
    # The store is not GitHub's here, a replay asks no endpoint, and nobody wants a page.
    unused = set(here.github.unused_grants("monitor/evaluate"))
    assert unused <= {"packages: write", "id-token: write", "pages: read"}


def test_another_system_asks_for_a_look(world):
    """A system asks for the monitor, whose page would go to Pages, where these are switched off."""
    here = world()
    here.variables["DASHBOARD_PAGES"] = "true"
    event = here.repository_dispatch("monitor", reason="prices\n::error::changed $(touch pwned)")
    run = here.run("monitor", event)
    assert run.ok and "Started with the reason: 'prices ::error::changed" in run.log
    assert not list(here.folder.rglob("pwned"))
    assert run.results["publish"] == "skipped" and not (run.artifacts / SITE).exists()
    assert "Not published: Pages are switched off" in run.jobs["evaluate"].log
    elsewhere = replace(event, ref="refs/heads/trial")
    run = here.run("monitor", elsewhere, "evaluate")
    assert run.results["evaluate"] == "skipped"


def test_a_stale_model_is_trained_anew_with_one_issue(world):
    """The model is stale for two days, and then no more; Pages refuse the page of that day."""
    here = world()
    here.push(STALE)
    for _ in range(2):
        run = here.run("monitor", here.schedule(DAILY))
        assert run.ok and "staleness: alarm" in run.jobs["evaluate"].log
    sent = here.github.rows("dispatches")
    assert [row["workflow"] for row in sent] == ["retrain.yml"] * 2
    assert sent[0]["inputs"] == {"reason": "monitor: staleness"}
    (issue,) = issues(here)
    assert issue["labels"][0]["name"] == "monitor" and issue["comments"] == 0
    assert here.github.unused_grants("monitor/act") == []
    here.push({"monitor.yaml": lambda text: text.replace("stale_days: 0.00001", "stale_days: 30")})
    switch_on_pages(here)
    here.github.fail("POST", r".*/pages/deployments", 503)
    run = here.run("monitor", here.dispatch("monitor"))
    done = dict.fromkeys(("evaluate", "act", "keep-alive"), "success")
    assert run.results == done | {"publish": "failure"}
    assert "Failed to create deployment (status: 503)" in run.jobs["publish"].log
    assert issues(here) == [] and len(issues(here, "closed")) == 1
    assert len(here.github.rows("dispatches")) == 2


def without_pressure(text: str) -> str:
    """Return flights of which the sensor of pressure says nothing."""
    head, *rows = text.splitlines()
    place = head.split(",").index("pressure")
    cells = [row.split(",") for row in rows]
    blank = [",".join([*row[:place], "", *row[place + 1 :]]) for row in cells]
    return "\n".join([head, *blank]) + "\n"


def test_broken_data_are_one_issue_and_block_retraining(world):
    """A sensor is silent: looked at twice; the schedule wants to retrain; a person accepts it."""
    here = world()
    months = [path.name for path in (here.laptop / "data" / "later").glob("*.csv")]
    here.push({f"data/later/{name}": without_pressure for name in months})
    for _ in range(2):
        run = here.run("monitor", here.schedule(DAILY))
        assert run.ok and "model: alarm: v1.0.0 is broken" in run.jobs["evaluate"].log
    (issue,) = issues(here)
    assert issue["title"].startswith("Broken data since") and "missing:pressure" in issue["title"]
    assert "A replay, no traffic" in issue["body"] and issue["comments"] == 0
    assert (run.artifacts / "monitor" / "dashboard.html").exists()
    guard = here.run("retrain", here.schedule("17 3 * * 0"), "guard").jobs["guard"]
    assert f"allowed=false\nreason=Data are broken, see {issue['html_url']}" in guard.log
    here.github.store.get("issues", issue["number"])["labels"].append(
        here.github.label("accepted", description="Of a person")
    )
    guard = here.run("retrain", here.schedule("17 3 * * 0"), "guard").jobs["guard"]
    assert "allowed=true" in guard.log


def test_the_dashboard_is_published(world):
    """The owner asked for the page, and the repository has Pages."""
    here = world()
    switch_on_pages(here)
    run = here.run("monitor", here.schedule(DAILY), "publish")
    assert (run.results["evaluate"], run.results["publish"]) == ("success", "success")
    with tarfile.open(run.artifacts / SITE / "pages.tar") as site:
        assert [member.name for member in site if member.isfile()] == ["./index.html"]
        page = site.extractfile("./index.html").read()
    assert page == (run.artifacts / "monitor" / "dashboard.html").read_bytes()
    (deployment,) = here.github.rows("pages deployments")
    claims = deployment["claims"]
    assert (claims["environment"], claims["ref"]) == ("github-pages", MAIN)
    assert claims["workflow"] == "monitor"
    assert "https://octo-org.github.io/flight-delays/" in run.jobs["publish"].log
    assert here.github.unused_grants("monitor/publish") == []
    assert "pages: read" not in here.github.unused_grants("monitor/evaluate")


def test_a_model_that_is_held_is_not_trained_anew(world):
    """The model is stale, and production is held."""
    here = world()
    here.push(STALE)
    scenes.hold(here)
    run = here.run("monitor", here.schedule(DAILY))
    assert run.ok and "is held in production" in run.jobs["act"].log
    assert here.github.rows("dispatches") == [] and len(issues(here)) == 1


def test_before_the_first_model_the_monitor_cannot_tell_and_is_green(world):
    """Nothing is in production yet."""
    here = world("begun")
    run = here.run("monitor", here.schedule(DAILY))
    assert run.ok and "staleness: unknown" in run.jobs["evaluate"].log
    assert here.github.rows("issues") == []


def test_a_github_that_is_down_fails_the_monitor(world):
    """GitHub refuses to list issues, and to say whether there are Pages."""
    here = world()
    here.push(STALE)
    switch_on_pages(here)
    here.github.fail("GET", r".*/pages", 403, times=9)
    here.github.fail("GET", r".*/issues", 403, times=9)
    run = here.run("monitor", here.schedule(DAILY))
    assert run.results["evaluate"] == "success"
    assert run.results["publish"] == "failure" and here.github.rows("pages deployments") == []
    assert 'No artifacts named "github-pages-1" were found' in run.jobs["publish"].log
    assert run.results["act"] == "failure" and "GitHubRefused" in run.jobs["act"].log
    assert here.github.rows("dispatches") == []
