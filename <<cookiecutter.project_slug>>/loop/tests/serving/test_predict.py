"""`/predict`: the same answers as the trained pipeline, for one row and for many."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient

from mlops_loop.inference import model, rows
from mlops_loop.inference.errors import RowsRefused
from mlops_loop.inference.predict import LARGE_AT_ONCE, LARGE_BYTES
from mlops_loop.model import bundle
from mlops_loop.serving import app


def golden(folder):
    return bundle.load(folder).golden()


def scores_of(prediction):
    return list(prediction.get("probabilities", {"": prediction["prediction"]}).values())


@pytest.mark.parametrize("kind", ["binary", "many", "regression", "skops"])
def test_golden_rows_one_by_one(start, bundles, kind):
    """Every golden row gets the score of the pipeline, missing values and all."""
    client = start(bundles[kind])
    for line in golden(bundles[kind]):
        answer = client.post("/predict", json=line["row"]).json()
        expected = line["score"] if isinstance(line["score"], list) else [line["score"]]
        assert scores_of(answer) == pytest.approx(expected, abs=1e-5, rel=1e-6)


@pytest.mark.parametrize("kind", ["binary", "many", "regression", "skops"])
def test_many_rows_answer_like_one(start, bundles, kind):
    """A batch gives each row what it gets alone."""
    client = start(bundles[kind])
    many = [line["row"] for line in golden(bundles[kind])]
    batch = client.post("/predict", json=many).json()["predictions"]
    for row, answer in zip(many, batch, strict=True):
        alone = client.post("/predict", json=row).json()
        assert scores_of(answer) == pytest.approx(scores_of(alone), abs=1e-5)
        assert alone["prediction"] == pytest.approx(answer["prediction"], abs=1e-5)


def test_binary_answer(client, bundles):
    """Two classes: the probability is that of the positive one, decided at the threshold."""
    answers = [
        client.post("/predict", json=line["row"]).json() for line in golden(bundles["binary"])
    ]
    for answer in answers:
        assert list(answer) == ["prediction", "probability", "probabilities", "model_version"]
        assert answer["probability"] == answer["probabilities"]["late"]
        assert answer["prediction"] == ("late" if answer["probability"] >= 0.4 else "on time")
        assert answer["model_version"] == "v1.4.0"
    assert {answer["prediction"] for answer in answers} == {"late", "on time"}


def test_many_classes_answer(start, bundles, row):
    """Three classes: the most probable one, with its own probability."""
    answer = start(bundles["many"]).post("/predict", json=row).json()
    assert answer["probability"] == max(answer["probabilities"].values())
    assert answer["probabilities"][answer["prediction"]] == answer["probability"]


def test_regression_answer(start, bundles, row):
    """A number with its unit, and no probabilities."""
    answer = start(bundles["regression"]).post("/predict", json=row).json()
    assert isinstance(answer.pop("prediction"), float)
    assert answer == {"unit": "min", "model_version": "unregistered"}


def test_absent_is_missing(client, row):
    """A nullable column may be left out or be null; both mean missing."""
    absent = {key: value for key, value in row.items() if key != "air temp"}
    answers = [client.post("/predict", json=each) for each in (absent, row | {"air temp": None})]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json() != client.post("/predict", json=row).json()


def test_unseen_category_of_an_open_column(client, row):
    """An open column takes a category that training never had."""
    answer = client.post("/predict", json=row | {"dest": "XYZ"})
    assert answer.status_code == 200


def test_whole_floats_are_integers(client, row):
    """5.0 is an integer, as in JSON Schema: many clients write whole numbers so."""
    one = client.post("/predict", json=row | {"weekday": 5})
    other = client.post("/predict", content=json.dumps(row | {"weekday": 5.0}))
    assert one.json() == other.json()


def test_space_before_an_array(client, row):
    """White space before the body changes nothing."""
    answer = client.post("/predict", content=b" \n\t" + json.dumps([row]).encode())
    assert len(answer.json()["predictions"]) == 1


def test_large_batches_do_not_hold_up_others(client, row, monkeypatch):
    """A row is answered at once; the work of a large body is done in another thread."""
    threads, predict = [], model.Model.predict

    def noted(self, rows_):
        threads.append(threading.current_thread())
        return predict(self, rows_)

    monkeypatch.setattr(model.Model, "predict", noted)
    client.post("/predict", json=row)
    client.post("/predict", json=row)
    many = [row] * (LARGE_BYTES // 50)
    assert len(client.post("/predict", json=many).json()["predictions"]) == len(many)
    assert threads[0] is threads[1] is not threads[2]


def test_large_bodies_take_turns(start, bundles, row, monkeypatch):
    """Two at once, so that memory is bounded; small ones do not stand in that line."""
    at_once, most, lock, read = [0], [0], threading.Lock(), rows.RowReader.read

    def noted(self, body):
        if len(body) < LARGE_BYTES:
            return read(self, body)
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        try:
            threading.Event().wait(0.05)
            return read(self, body)
        finally:
            with lock:
                at_once[0] -= 1

    client, many = start(bundles["binary"]), [row] * (LARGE_BYTES // 50)
    monkeypatch.setattr(rows.RowReader, "read", noted)
    with ThreadPoolExecutor(8) as pool:
        large = [pool.submit(client.post, "/predict", json=many) for _ in range(6)]
        assert client.post("/predict", json=row).status_code == 200
        assert [each.result().status_code for each in large] == [200] * 6
    assert most == [LARGE_AT_ONCE]


def test_mounted_into_another_app(start, bundles, row):
    """The path has another beginning there: the route answers in the place of the shortcut."""
    client = start(bundles["binary"])
    outer = FastAPI()
    outer.mount("/model", client.app)
    with TestClient(outer) as other:
        answers = [other.post("/model/predict", json=each) for each in (row, [row], {})]
    assert [answer.status_code for answer in answers] == [200, 200, 422]
    assert answers[0].json() == client.post("/predict", json=row).json()
    assert answers[2].json() == client.post("/predict", json={}).json()


def test_middleware_is_around_the_shortcut(start, bundles, row):
    """One that a user adds sees every request."""
    made, seen = app.create_app(start(bundles["binary"]).app.state.settings), []

    @made.middleware("http")
    async def _note(request, call_next):
        seen.append(request.url.path)
        return await call_next(request)

    with TestClient(made) as client:
        assert client.post("/predict", json=row).status_code == 200
    assert seen == ["/predict"]


def test_a_users_handler_is_asked(start, bundles, row):
    """Errors of the shortcut go to the app's handlers, as on any other route."""
    made = app.create_app(start(bundles["binary"]).app.state.settings)

    @made.exception_handler(RowsRefused)
    def _teapot(_request, error):
        return JSONResponse({"mine": error.total}, 418)

    with TestClient(made) as client:
        answer = client.post("/predict", json=row | {"weekday": 9})
    assert (answer.status_code, answer.json()) == (418, {"mine": 1})


def test_only_post(client):
    """Another method is refused as on any other route of the framework."""
    answer = client.get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
