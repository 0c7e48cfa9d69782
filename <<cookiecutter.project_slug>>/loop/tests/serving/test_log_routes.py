"""Predictions are kept; outcomes come back; operators read them."""

import http.client
import json
import signal
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest
from endpoint import write_bundle

from mlops_loop import settings
from mlops_loop.errors import UsageError
from mlops_loop.prediction_log import database, log, records
from mlops_loop.serving import app


def exported(client, n_rows, **query):
    """The lines of `/logs/export`, as soon as there are that many."""
    for _ in range(100):
        answer = client.get("/logs/export", params=query)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        if len(lines) >= n_rows:
            return lines
        time.sleep(0.05)
    pytest.fail(f"{len(lines)} lines instead of {n_rows}: {answer.text[:200]}")


@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_what_was_answered_is_logged(logging_client, row, kind):
    """Inputs as they were sent, outputs as they were answered, under the id that the client got."""
    client = logging_client(kind, model_version="v1.4.0", image_digest="sha256:12")
    one = client.post("/predict", json=row).json()
    many = client.post("/predict", json=[row, row | {"weekday": 0}]).json()
    lines = exported(client, 3)
    assert [line["prediction_id"] for line in lines] == [
        one["prediction_id"], *[many["prediction_id"]] * 2
    ]  # fmt: skip
    assert [line["inputs"]["weekday"] for line in lines] == [4, 4, 0]
    assert {**lines[0]["output"], **one} == one
    assert [line["output"] for line in lines[1:]] == many["predictions"]
    assert (lines[2]["model_version"], lines[2]["image_digest"]) == ("v1.4.0", "sha256:12")


def test_a_form_is_logged_too(logging_client, row):
    """The page's predictions are predictions; its examples are not."""
    client = logging_client()
    client.get("/")
    client.post("/", data=row | {"holiday": "false"})
    assert len(exported(client, 1)) == 1


def test_refused_rows_are_not_logged(logging_client, row):
    client = logging_client()
    client.post("/predict", json=row | {"weekday": 9})
    client.post("/predict", json=row)
    assert len(exported(client, 1)) == 1


def test_a_subject_from_its_header(logging_client, row):
    """Stored as a hash, by which `log forget` finds it."""
    client = logging_client(log_subject_key="k")
    client.post("/predict", json=row, headers={"X-Subject-Id": "ann"})
    (line,) = exported(client, 1)
    assert line["subject"] == log.hashed(b"ann", "k")


def test_without_a_log(client, row):
    """No id is promised, and the routes say what is missing."""
    assert "prediction_id" not in client.post("/predict", json=row).json()
    for answer in (client.get("/logs/export"), client.post("/feedback", json={})):
        assert (answer.status_code, "LOG_URL" in answer.text) == (404, True)


def test_closed_without_a_key(start, bundles, tmp_path):
    """Nobody reads the log, reports outcomes or reloads without the endpoint's key."""
    url = f"sqlite:///{tmp_path}/log.db"
    client = start(bundles["binary"], log_url=url, auth="api-key")
    answers = [client.get("/logs/export"), client.post("/feedback"), client.post("/reload")]
    answers.append(client.get("/logs/problems", params={"day": "2026-01-01"}))
    assert [answer.status_code for answer in answers] == [401] * 4


def test_export_of_a_span(logging_client, row):
    """`since` and `until` are moments, with their zone."""
    client = logging_client()
    client.post("/predict", json=row)
    exported(client, 1)
    later = datetime.now(UTC) + timedelta(hours=1)
    for query in ({"since": later}, {"until": "2020-01-01T00:00:00Z"}):
        assert client.get("/logs/export", params=query).text == ""
    assert len(exported(client, 1, since="2020-01-01T00:00:00Z", until=later)) == 1
    assert client.get("/logs/export", params={"since": "2020-01-01T00:00:00"}).status_code == 422


TRUE = [("binary", "late"), ("many", "early"), ("regression", -3), ("regression", 2.5)]


@pytest.mark.parametrize(("kind", "outcome"), TRUE)
def test_feedback(logging_client, row, kind, outcome):
    """An outcome stands at its row in the export."""
    client = logging_client(kind)
    id_ = client.post("/predict", json=[row, row]).json()["prediction_id"]
    exported(client, 2)
    feedback = {"prediction_id": id_, "row": 1, "outcome": outcome}
    assert client.post("/feedback", json=[feedback, feedback]).json() == {"stored": 2}
    assert [line["outcome"] for line in exported(client, 2)] == [None, outcome]


@pytest.mark.parametrize("outcome", [1, 1.0, "1", "1.0"], ids=repr)
def test_a_class_is_stored_as_the_model_names_it(start, tmp_path, row, outcome):
    """However the client writes it."""
    folder = write_bundle(tmp_path / "numbers", classes=("0", "1"))
    client = start(folder, log_url=f"sqlite:///{tmp_path}/log.db")
    id_ = client.post("/predict", json=row).json()["prediction_id"]
    exported(client, 1)
    body = {"prediction_id": id_, "outcome": outcome}
    assert client.post("/feedback", json=body).json() == {"stored": 1}
    assert exported(client, 1)[0]["outcome"] == "1"


WRONG = {
    "no class": ("binary", {"outcome": "cancelled"}, 422, "on time or late"),
    "a number for a class": ("binary", {"outcome": 1}, 422, "on time or late"),
    "a class for a number": ("regression", {"outcome": "late"}, 422, "a finite number"),
    "true": ("regression", {"outcome": True}, 422, "outcome"),
    "true for a class": ("binary", {"outcome": True}, 422, "on time or late"),
    "a huge number": ("regression", {"outcome": 10**400}, 422, "a finite number"),
    "infinity": ("regression", {"outcome": float("inf")}, 422, "a finite number"),
    "an unknown id": ("binary", {"prediction_id": "x" * 36}, 404, "holds no prediction_id"),
    "an unknown row": ("binary", {"row": 1}, 404, "row 1"),
    "a negative row": ("binary", {"row": -1}, 422, "greater than or equal to 0"),
    "another field": ("binary", {"comment": "!"}, 422, "comment"),
}


@pytest.mark.parametrize(("kind", "change", "status", "words"), WRONG.values(), ids=WRONG)
def test_refused_feedback(logging_client, row, kind, change, status, words):
    """Refused with what is allowed, and nothing of the request is stored."""
    client = logging_client(kind)
    id_ = client.post("/predict", json=row).json()["prediction_id"]
    exported(client, 1)
    right = {"prediction_id": id_, "outcome": 2.5 if kind == "regression" else "late"}
    answer = client.post("/feedback", content=json.dumps([right, right | change]))
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
    assert exported(client, 1)[0]["outcome"] is None


def test_a_log_that_cannot_be_written(start, bundles, tmp_path, row):
    """Not ready, and no prediction that nobody keeps: 503, and when to ask again."""
    (tmp_path / "file").write_text("")
    client = start(bundles["binary"], log_url=f"sqlite:///{tmp_path}/file/log.db")
    for answer in (client.get("/ready"), client.post("/predict", json=row)):
        assert answer.status_code == 503
        assert "prediction log cannot be used" in answer.json()["detail"]
        assert answer.headers["Retry-After"] == "1"
    assert client.get("/health").status_code == 200
    assert "prediction_log_up 0.0" in client.get("/metrics").text


MISTAKES = [({"log_url": "mysql://x"}, "sqlite:///FILE"), ({"log_columns": "dets"}, "'dets'")]


@pytest.mark.parametrize(("given", "words"), MISTAKES)
def test_wrong_settings(bundles, given, words):
    """A process that cannot keep the log that it is configured for does not start."""
    given = {"log_url": "sqlite:///log.db"} | given
    with pytest.raises(UsageError, match=words):
        app.create_app(settings.Settings(bundle_dir=bundles["binary"], **given))


def test_no_secret_is_shown():
    """The address holds a password, and the key makes guessing possible."""
    made = settings.Settings(log_url="postgresql://me:pa55@host/db", log_subject_key="k3y")
    assert not {"pa55", "k3y"} & set(repr(made).replace("@", ":").replace("'", ":").split(":"))


def ask_for(address, row, acknowledged, until):
    """Post the row again and again; note of each answer: asked when, came when, id."""
    body = json.dumps(row).encode()
    while time.monotonic() < until:
        asked = time.monotonic()
        try:
            with urllib.request.urlopen(f"{address}/predict", body, timeout=5) as answer:
                id_ = json.load(answer)["prediction_id"]
            acknowledged.append((asked, time.monotonic(), id_))
        except (OSError, http.client.HTTPException):
            return


def older(acknowledged, seconds):
    """The ids that came so long before another was asked for that was acknowledged too."""
    last = max((asked for asked, _, _ in acknowledged), default=0)
    return {id_ for _, came, id_ in list(acknowledged) if came < last - seconds}


@pytest.mark.parametrize(
    ("how", "wait"), [(signal.SIGKILL, ""), (signal.SIGKILL, "true"), (signal.SIGTERM, "")]
)
def test_what_was_acknowledged_survives(bundles, row, tmp_path, serve_process, how, wait):
    """Killed under load, it loses nothing that is older than the window.

    Where answers wait, and where it is stopped, it loses nothing at all.
    """
    url, acknowledged = f"sqlite:///{tmp_path}/log.db", []
    env = {"BUNDLE_DIR": str(bundles["binary"]), "PORT": "0", "LOG_URL": url, "LOG_WAIT": wait}
    with serve_process(env, text=True) as server:
        address = server.stdout.readline().split()[1].rstrip("/")
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{address}/ready", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        until = time.monotonic() + 60
        loads = [
            threading.Thread(target=ask_for, args=(address, row, acknowledged, until))
            for _ in range(4)
        ]
        for load in loads:
            load.start()
        while len(older(acknowledged, log.WINDOW_S)) < 100 and time.monotonic() < until:
            time.sleep(0.05)
        server.send_signal(how)
        for load in loads:
            load.join()
    span = records.FIRST, datetime.now(UTC) + timedelta(days=1)
    written = {each.id for page, _ in database.Database(url).pages(*span) for each in page}
    may_lose = how == signal.SIGKILL and not wait
    due = older(acknowledged, log.WINDOW_S if may_lose else -60)
    assert len(due) >= 100
    assert due <= written
