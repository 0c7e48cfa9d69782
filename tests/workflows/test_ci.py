"""The workflow `ci`: a pull request is an experiment."""

from .world import boosted

DOCUMENTS = {"README.md": lambda text: text + "\nA line.\n"}


def test_a_change_of_documents_trains_nothing(world):
    """Only the first job runs, says so, and the required check is green."""
    here = world()
    run = here.run("ci", here.pull_request("words", DOCUMENTS))
    assert run.results == dict.fromkeys(run.jobs, "skipped") | {
        "changes": "success",
        "ci-ok": "success",
    }
    assert "Only documents changed" in run.jobs["changes"].summary


def test_a_better_model_is_reported_and_passes(world):
    """Trained from what the store holds, compared with the champion, told in one comment."""
    here = world()
    pull = here.pull_request("better", {"params.yaml": boosted()})
    run = here.run("ci", pull, "gate")
    assert run.results["gate"] == "success"
    assert "PROMOTE" in run.jobs["gate"].log
    assert "Stage 'prepare' is cached" in run.jobs["train"].log
