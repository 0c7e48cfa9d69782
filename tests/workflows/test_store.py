"""The store under the workflows: whatever happens to the registry meanwhile, nothing is lost."""

from concurrent.futures import ThreadPoolExecutor

from .world import boosted

SECONDS = 0.02  # that each request of a slow registry waits


def test_two_runs_store_at_once_in_a_slow_registry_that_is_cut(world):
    """Two merges are trained at once; the registry is slow, and cut in the middle of a push."""
    here = world()
    merges = []
    for name, edit in (("one", boosted(max_iter=20)), ("two", boosted(max_iter=30))):
        here.pull_request(name, {"params.yaml": edit})
        merges.append(here.merge(name))
    here.registry.slow(SECONDS)
    here.registry.cut_after(20_000)

    def train(event):
        return here.run("release", event, "train").jobs["train"]

    with ThreadPoolExecutor(len(merges)) as at_once:
        jobs = list(at_once.map(train, merges))
    assert [job.result for job in jobs] == ["success", "success"] and here.registry.cuts == 1
    assert all("Running stage 'train'" in job.log for job in jobs)
    here.registry.up()
    for event in merges:
        again = train(event)
        assert again.result == "success" and "Running stage" not in again.log
        assert "Pushed: 0" in again.log


def test_a_push_that_fails_loses_nothing(world):
    """The registry is down when the model was trained; the next run stores what it trains."""
    here = world()
    here.pull_request("better", {"params.yaml": boosted(max_iter=20)})
    event = here.merge("better")
    here.github.fail("POST", "/v2/.*", "cut", times=1_000_000)
    job = here.run("release", event, "train").jobs["train"]
    assert job.result == "failure" and "Running stage 'evaluate'" in job.log
    assert "StoreUnreachable" in job.log and "Nothing is lost" in job.log
    here.registry.up()
    assert here.run("release", event, "train").ok
    assert "Running stage" not in here.run("release", event, "train").jobs["train"].log


def test_no_room_for_an_artifact(world):
    """The account's storage is full: the model is stored all the same; later there is room."""
    here = world()
    here.pull_request("better", {"params.yaml": boosted(max_iter=20)})
    event = here.merge("better")
    here.artifacts.quota = 1_000
    here.artifacts.upload(900, retention_days=14)
    job = here.run("release", event, "train").jobs["train"]
    assert job.result == "failure" and "Running stage 'train'" in job.log
    assert "Artifact storage quota has been hit. Unable to upload" in job.log
    here.artifacts.day, here.artifacts.quota = 14, 500_000_000
    again = here.run("release", event, "train").jobs["train"]
    assert again.result == "success" and "Running stage" not in again.log
    assert 0 < here.artifacts.used() < 50_000_000
    here.artifacts.day += 14
    assert here.artifacts.used() == 0
