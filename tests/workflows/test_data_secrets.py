"""The secret DATA_SECRETS: it reaches what reads a source, and nothing else, and no log."""

import pytest
from postgres import PASSWORD, WRITTEN

from .rig import Run
from .test_ci import (
    CODE,
    GATED,
    LOOP_TESTS,
    PUSHED,
    REFUSED,
    STORE,
    comment,
    failed_steps,
    gated,
)
from .world import World

# What a person commits who edits the query and runs `loop fingerprint`.
NEWER = {
    "rows.sql": "SELECT * FROM flights WHERE distance::float > 100\n",
    "data/source.json": lambda text: text.replace('"sha256": "', '"sha256": "0'),
}
# The project's own tests run for real, those that need no model.
REAL = {"RIG_STANDS_IN": f"lint\n{LOOP_TESTS}", "PYTEST_ADDOPTS": "tests/test_1_before_training.py"}
SHOWN = (PASSWORD, WRITTEN, "pa55")


@pytest.fixture
def here(world, postgres) -> World:
    """Return a repository whose source is a database, and which has the secret."""
    found = world("queried")
    found.secrets["DATA_SECRETS"] = f"# of the warehouse\nDATABASE_URL={postgres.url()}\n"
    return found


def silent(run: Run, here: World) -> bool:
    """Return whether the password is in no log, artifact, summary or comment."""
    # Not act's own records, which name what was masked, as GitHub's runner knows it.
    said = [text for job in run.jobs.values() for text in (job.log, job.summary)]
    said += [row["body"] for row in here.github.rows("comments")]
    files = [path.read_bytes() for path in run.artifacts.rglob("*") if path.is_file()]
    return not any(word in text for word in SHOWN for text in said) and not any(
        word.encode() in content for word in SHOWN for content in files
    )


def test_the_password_of_a_database_reaches_what_reads_it(here, postgres):
    """A query changes whose database has a password; the project's own tests need none."""
    statements = postgres.log.read_text()
    pull = here.pull_request("newer", NEWER)
    run = gated(here, pull, **REAL)
    log = run.jobs["experiment"].log
    assert run.results | GATED == run.results, log[-4000:]
    assert "Running stage 'ingest'" in log and "passed" in log
    read = postgres.log.read_text().removeprefix(statements)
    assert read.count("DECLARE") == 1 and "distance::float" in read  # not by the tests
    assert silent(run, here)
    assert "PROMOTE" in comment(here, pull) or "Nothing changed" in comment(here, pull)


def test_main_is_tested_with_rows_that_were_read(here, postgres):
    """Code is pushed to main, and its source is a database."""
    run = gated(here, here.push(CODE), **REAL)
    assert run.results | PUSHED == run.results, run.jobs["code"].log[-4000:]
    assert "Running stage" not in run.jobs["code"].log and silent(run, here)
    assert set(here.github.unused_grants("ci/code")) <= {"packages: read"}  # the rig's store


def test_without_secrets_rows_come_from_the_store(here):
    """A fork changes code, and the source is a database."""
    run = gated(here, here.pull_request("code", CODE, fork="ada/flight-delays"))
    assert run.results | GATED == run.results
    assert "Running stage" not in run.jobs["experiment"].log


@pytest.mark.parametrize("who", ["fork", "dependabot"])
def test_a_run_without_secrets_says_what_is_missing(here, who):
    """A fork or Dependabot changes what is read from a database."""
    more = {"fork": "ada/flight-delays"} if who == "fork" else {"login": "dependabot[bot]"}
    run = gated(here, here.pull_request("rows", NEWER, **more))
    log = run.jobs["experiment"].log
    assert run.results | REFUSED == run.results
    assert failed_steps(run) == {"uv run --frozen dvc repro ingest"}
    assert "This run has no secret DATA_SECRETS" in log and "Traceback" not in log
    assert "DATA_SECRETS" in run.jobs["experiment"].summary


def test_a_secret_that_is_no_list_of_variables_stops_the_first_step(here):
    """Somebody pastes a line that is none, and one that would change the job."""
    pull = here.pull_request("newer", NEWER)
    for line, reason in (("pa55 w/rd@%", "no NAME=value"), ("PATH=/pa55", "PATH, which would")):
        here.secrets["DATA_SECRETS"] = f"A=value\n{line}\n"
        run = gated(here, pull)
        assert run.results | REFUSED == run.results
        assert failed_steps(run) == {STORE}
        assert f"The secret DATA_SECRETS has in line 2 {reason}" in run.jobs["experiment"].log
        assert silent(run, here)


def test_a_changed_database_is_retrained(here, postgres):
    """Sunday: rows are gone from a database."""
    url = postgres.url().replace("/postgres", "/postgres?options=-csearch_path%3Dnewer,public")
    here.secrets["DATA_SECRETS"] = f"DATABASE_URL={url}\n"
    postgres.run(
        "CREATE SCHEMA newer",
        "CREATE TABLE newer.flights AS SELECT * FROM flights WHERE distance::float > 100",
    )
    run = here.run("retrain", here.schedule("17 3 * * 0"), "gate")
    assert run.results["gate"] == "success", run.log[-4000:]
    assert "rows.sql changed" in run.jobs["train"].log and silent(run, here)
