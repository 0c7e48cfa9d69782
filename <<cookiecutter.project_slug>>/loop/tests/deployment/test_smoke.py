"""`smoke` against a real server on loopback: it passes a true one and fails every false one."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mlops_loop import errors
from mlops_loop.deployment import smoke
from mlops_loop.model import bundle, contract

ROWS = [{"x": 1.0, "y": None}, {"x": 2.5, "y": "a"}]
COLUMNS = (contract.Column("x", "number"), contract.Column("y", "category", True))
TRUE_SCORES = {"classification": [[0.9, 0.1], [0.25, 0.75]], "regression": [12.5, 40_000.0]}


class Endpoint:
    """Answers as an endpoint does; a test changes an attribute to make it a false one."""

    def __init__(self, made, scores):
        self.contract = made.contract
        self.bundle_id = made.id
        self.scores = list(scores)
        self.batch_scores = list(scores)
        self.unready_answers = 0
        self.refuses = True
        self.status = 200

    def get(self, path):
        if path == "/ready" and self.unready_answers:
            self.unready_answers -= 1
            return 503, {"detail": "The model is not loaded yet."}
        return 200, {
            "/ready": {"status": "ready"},
            "/version": {"bundle": self.bundle_id, "model_version": "v1"},
        }[path]

    def post(self, rows):
        if isinstance(rows, list):
            return 200, {"predictions": [self.answer(score) for score in self.batch_scores]}
        if smoke.UNKNOWN_COLUMN in rows and self.refuses:
            return 422, {"detail": f"{smoke.UNKNOWN_COLUMN} is no column"}
        number = next(i for i, row in enumerate(ROWS) if row["x"] == rows["x"])
        return self.status, self.answer(self.scores[number])

    def answer(self, score):
        if self.contract.task == "regression":
            return {"prediction": score}
        return {"probabilities": dict(zip(self.contract.classes, score, strict=True))}


def handler_of(endpoint):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.reply(*endpoint.get(self.path))

        def do_POST(self):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(*endpoint.post(json.loads(content)))

        def reply(self, status, content):
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@contextmanager
def running(endpoint):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(endpoint))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_bundle(folder, task):
    classes = ("no", "yes") if task == "classification" else ()
    contract.Contract(task, "target", COLUMNS, classes).save(folder / "contract.json")
    lines = [
        json.dumps({"row": row, "score": score})
        for row, score in zip(ROWS, TRUE_SCORES[task], strict=True)
    ]
    (folder / "golden.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for name in ("reference.json", "metrics.json", "model_card.md", "model.onnx"):
        (folder / name).write_text("{}", encoding="utf-8")
    bundle.write_manifest(folder, {})
    return bundle.load(folder)


@pytest.fixture(params=["classification", "regression"])
def made(request, tmp_path):
    return make_bundle(tmp_path, request.param)


@pytest.fixture
def endpoint(made):
    return Endpoint(made, TRUE_SCORES[made.contract.task])


def ask(endpoint, made, timeout_s=5.0):
    with running(endpoint) as url:
        return smoke.smoke(url, made, timeout_s)


def test_true_endpoint(endpoint, made):
    """An endpoint with the scores of the gate passes; the result says what was asked."""
    result = ask(endpoint, made)
    assert (result.model_version, result.bundle_id) == ("v1", made.id)
    assert (result.n_golden_rows, result.largest_difference) == (2, 0)


def test_waits_until_ready(endpoint, made):
    """An endpoint that is still loading is waited for."""
    endpoint.unready_answers = 2
    assert ask(endpoint, made).n_golden_rows == 2
    assert endpoint.unready_answers == 0


def shifted(score, by):
    return [score[0] + by, score[1] - by] if isinstance(score, list) else score * (1 + by)


def test_rounding_passes(endpoint, made):
    """Differences of float32 are no failure."""
    endpoint.scores = [shifted(score, 2e-6) for score in endpoint.scores]
    assert ask(endpoint, made).largest_difference == pytest.approx(2e-6, rel=0.01)


def other_score(endpoint):
    endpoint.scores[1] = shifted(endpoint.scores[1], 5e-5)


def other_score_in_batch(endpoint):
    endpoint.batch_scores[1] = shifted(endpoint.batch_scores[1], 5e-5)


def short_batch(endpoint):
    endpoint.batch_scores.pop()


def nan_score(endpoint):
    nan = float("nan")
    endpoint.scores[0] = [nan, nan] if isinstance(endpoint.scores[0], list) else nan


def other_bundle(endpoint):
    endpoint.bundle_id = "0123456789ab"


def takes_anything(endpoint):
    endpoint.refuses = False


def server_error(endpoint):
    endpoint.status = 500


def never_ready(endpoint):
    endpoint.unready_answers = 10**6


FALSE_ENDPOINTS = {
    other_score: "golden row 1 with .* the gate saw .*allowed difference 1e-05",
    other_score_in_batch: "golden row 1 with",
    short_batch: "1 predictions for 2 rows",
    nan_score: "golden row 0 with .*nan",
    other_bundle: "reports bundle 0123456789ab, expected",
    takes_anything: "'no such column' with 200 .* expected 422",
    server_error: "/predict answers 500 instead of 200",
    never_ready: "not ready within 0.5 s: .* 503 .*not loaded yet",
}


@pytest.mark.parametrize(
    ("lie", "message"), FALSE_ENDPOINTS.items(), ids=[lie.__name__ for lie in FALSE_ENDPOINTS]
)
def test_false_endpoint(endpoint, made, lie, message):
    """A false endpoint fails with the place, what was expected and what it answered."""
    lie(endpoint)
    with pytest.raises(errors.SmokeFailed, match=message):
        ask(endpoint, made, timeout_s=0.5)


def test_no_endpoint(made):
    """Where nobody answers, the address is in the message."""
    with pytest.raises(errors.SmokeFailed, match=r"127.0.0.1:9 was not ready within 0.1 s"):
        smoke.smoke("http://127.0.0.1:9", made, timeout_s=0.1)


def test_no_url(made):
    """Text that is no address is a failure with that text, not a traceback."""
    with pytest.raises(errors.SmokeFailed, match="nowhere"):
        smoke.smoke("nowhere", made, timeout_s=0.1)
