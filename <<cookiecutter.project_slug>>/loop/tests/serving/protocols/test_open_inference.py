"""The Open Inference Protocol, asked by NVIDIA's client on loopback."""

import json

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from mlops_loop import project
from mlops_loop.model import bundle

NAME = project.model_name()
DTYPES = {"FP64": float, "INT64": np.int64, "BOOL": bool, "BYTES": object}
RAW = "<script>alert(1)</script>"


@pytest.fixture
def client_of(live):
    """A client of NVIDIA's library, which KServe and Triton users have."""
    clients = []

    def connect(kind):
        host, port = live(kind=kind)
        clients.append(triton.InferenceServerClient(f"{host}:{port}"))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


def tensors(columns, names, rows, binary=False):
    """Columns as numpy arrays; what numpy cannot leave out is NaN or an empty text."""
    made = []
    for column in columns:
        if column["name"] not in names:
            continue
        kind = column["datatype"]
        absent = {"FP64": float("nan"), "BYTES": ""}.get(kind)
        values = [row.get(column["name"]) for row in rows]
        values = [absent if value is None else value for value in values]
        made.append(triton.InferInput(column["name"], [len(rows)], kind))
        array = np.array(values, dtype=DTYPES[kind])
        made[-1].set_data_from_numpy(array, binary_data=binary)
    return made


def test_client_asks_what_there_is(client_of):
    """Live, ready, and which inputs and outputs there are."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)
    assert (client.is_server_live(), client.is_server_ready()) == (True, True)
    assert (client.is_model_ready(NAME), client.is_model_ready("other")) == (True, False)
    assert client.get_server_metadata()["name"] == NAME
    kinds = {each["name"]: each["datatype"] for each in about["inputs"]}
    assert kinds == {
        "air temp": "FP64", "weekday": "INT64", "origin": "BYTES",
        "dest": "BYTES", "holiday": "BOOL", RAW: "FP64",
    }  # fmt: skip
    assert about["outputs"][2] == {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2]}
    assert about["classes"] == ["on time", "late"]


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "bytes"])
@pytest.mark.parametrize("kind", ["binary", "many", "regression"])
def test_client_predicts(client_of, start, bundles, kind, binary):
    """The client's arrays get what `/predict` gives the same rows, missing numbers too."""
    client, plain = client_of(kind), start(bundles[kind])
    rows = [line["row"] for line in bundle.load(bundles[kind]).golden()]
    names = {"air temp", "weekday", "origin", "dest", RAW}
    given = tensors(client.get_model_metadata(NAME)["inputs"], names, rows, binary)
    # The client asks for bytes where it is not told which outputs it should ask for.
    wanted = None if binary else outputs_of(client)
    answer = client.infer(NAME, given, request_id="mine", outputs=wanted)
    known = [{name: row.get(name) for name in names} for row in rows]
    expected = plain.post("/predict", json=known).json()["predictions"]
    found = answer.as_numpy("prediction").tolist()
    found = [each.decode() if isinstance(each, bytes) else each for each in found]
    assert answer.get_response()["id"] == "mine"
    assert found == pytest.approx([each["prediction"] for each in expected])
    if kind != "regression":
        shares = [list(each["probabilities"].values()) for each in expected]
        assert answer.as_numpy("probabilities") == pytest.approx(np.array(shares))


def outputs_of(client):
    """All outputs, as JSON."""
    about = client.get_model_metadata(NAME)["outputs"]
    return [triton.InferRequestedOutput(each["name"], binary_data=False) for each in about]


@pytest.mark.parametrize("binary", [False, True], ids=["JSON", "bytes"])
def test_client_names_its_outputs(client_of, row, binary):
    """Only what was asked for comes back."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)["inputs"]
    wanted = [triton.InferRequestedOutput("probability", binary_data=binary)]
    answer = client.infer(NAME, tensors(about, set(row), [row]), outputs=wanted)
    assert [each["name"] for each in answer.get_response()["outputs"]] == ["probability"]
    assert 0 < answer.as_numpy("probability")[0] < 1


def test_client_sees_refusals(client_of, row):
    """A refusal reaches the client as a sentence: contract, unknown model, classification."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)["inputs"]
    given = tensors(about, set(row), [row])
    with pytest.raises(InferenceServerException, match="There is no model 'other'"):
        client.infer("other", given)
    classes = [triton.InferRequestedOutput("prediction", class_count=2)]
    with pytest.raises(InferenceServerException, match="classification is not offered"):
        client.infer(NAME, given, outputs=classes)
    wrong = tensors(about, set(row), [row | {"weekday": 9}], binary=True)
    with pytest.raises(InferenceServerException, match=r"column weekday: 9.* is too large"):
        client.infer(NAME, wrong)


def test_client_names_a_version(client_of, row):
    """The version that serves answers, any other is refused; so do ready and metadata."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)
    (version,) = about["versions"]
    assert client.get_model_metadata(NAME, version) == about
    assert client.is_model_ready(NAME, version)
    assert not client.is_model_ready(NAME, "99")
    given = tensors(about["inputs"], set(row), [row])
    answer = client.infer(NAME, given, model_version=version).get_response()
    assert (answer["model_name"], answer["model_version"]) == (NAME, version)
    with pytest.raises(InferenceServerException, match="There is no version '99'"):
        client.infer(NAME, given, model_version="99")


def test_client_asks_for_the_configuration(client_of):
    """Triton's names of types; a batch is the first dimension, so no size is a maximum."""
    found = client_of("binary").get_model_config(NAME)
    first = {"name": "air temp", "data_type": "TYPE_FP64", "dims": [-1]}
    assert (found["max_batch_size"], found["input"][0]) == (0, first)
    assert found["output"][0] == {"name": "prediction", "data_type": "TYPE_STRING", "dims": [-1]}
    assert found["output"][2]["dims"] == [-1, 2]


def test_client_asks_for_statistics(client_of, row):
    """Of answered and of refused requests, since the model was loaded."""
    client = client_of("binary")
    about = client.get_model_metadata(NAME)["inputs"]
    before = client.get_inference_statistics(NAME)["model_stats"][0]
    client.infer(NAME, tensors(about, set(row), [row, row]))
    with pytest.raises(InferenceServerException):
        client.infer(NAME, tensors(about, set(row), [row | {"weekday": 9}]))
    (now,) = client.get_inference_statistics()["model_stats"]
    grown = [now[name] - before[name] for name in ("inference_count", "execution_count")]
    kinds = [now["inference_stats"][name] for name in ("success", "compute_infer", "fail")]
    assert (grown, now["name"], now["last_inference"] > 0) == ([2, 1], NAME, True)
    assert [kind["count"] for kind in kinds] == [1, 1, 1]
    assert kinds[0]["ns"] == kinds[1]["ns"] > 0


def test_client_asks_for_the_models(client_of):
    """There is one."""
    (found,) = client_of("binary").get_model_repository_index()
    assert (found["name"], found["state"]) == (NAME, "READY")
    assert set(client_of("binary").get_server_metadata()["extensions"]) >= {"binary_tensor_data"}


def infer(client, *changes, **more):
    """Ask for one row by JSON: three columns, and what a test adds."""
    columns = {"weekday": [4], "origin": ["JFK"], "dest": ["BOS"]}
    given = [
        {"name": name, "shape": [len(data)], "datatype": "FP64", "data": data}
        for name, data in columns.items()
    ]
    body = json.dumps({"inputs": [*given, *changes], **more})
    return client.post(f"/v2/models/{NAME}/infer", content=body)


MISSING = {
    "null": [None],
    "NaN": [float("nan")],
    "empty text": [""],
    "nested null": [[None]],
}


@pytest.mark.parametrize("data", MISSING.values(), ids=MISSING)
def test_missing_values(client, data):
    """Each way to say missing predicts as the column left out does."""
    shape = [1, 1] if isinstance(data[0], list) else [1]
    tensor = {"name": "air temp", "shape": shape, "datatype": "FP64", "data": data}
    assert infer(client, tensor).json() == infer(client).json()
    other = infer(client, tensor | {"data": [12.5], "shape": [1]}).json()
    assert other != infer(client).json()


def tensor(**changed):
    return {"name": "air temp", "shape": [1], "datatype": "FP64", "data": [1.5]} | changed


REFUSED = {
    "infinity": (tensor(data=[float("inf")]), 422, "is not a finite number"),
    "unknown column": (tensor(name="air tmp"), 422, "did you mean air temp"),
    "shape": (tensor(shape=[2]), 400, "has 1 values, and the shape [2]"),
    "wide": (tensor(shape=[1, 2]), 400, "Allowed: [n] or [n, 1]"),
    "huge shape": (tensor(shape=[10**18]), 400, "has 1 values"),
    "another length": (tensor(shape=[2], data=[1, 2]), 400, "has another length"),
    "twice": (tensor(name="weekday", data=[3]), 400, "comes twice"),
    "datatype": (tensor(datatype="FP65"), 400, "inputs.3.datatype"),
    "no tensor": ("air temp", 400, "inputs.3"),
    "text": (tensor(data=["1.5"]), 422, "is not a number"),
    "nested": (tensor(data=[[1.5, 2]]), 422, "is not a number"),
}


@pytest.mark.parametrize(("given", "status", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_tensors(client, given, status, words):
    """What is no column of the contract is refused with a sentence under `error`."""
    answer = infer(client, given)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


def test_refused_requests(client):
    """An unknown output, and no JSON."""
    assert "no output 'x'. Allowed: prediction" in infer(client, outputs=[{"name": "x"}]).text
    assert client.post(f"/v2/models/{NAME}/infer", content=b"{").status_code == 400


def packed(**changed):
    """A binary tensor of one number."""
    tensor = {"name": "air temp", "shape": [1], "datatype": "FP64"}
    return tensor | {"parameters": {"binary_data_size": 8}} | changed


def infer_bytes(client, tensor, binary, length=None):
    """Ask for one row whose last tensor lies behind the JSON."""
    columns = {"weekday": [4], "origin": ["JFK"], "dest": ["BOS"]}
    given = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": data}
        for name, data in columns.items()
    ]
    header = json.dumps({"inputs": [*given, tensor]}).encode()
    headers = {"inference-header-content-length": length or str(len(header))}
    return client.post(f"/v2/models/{NAME}/infer", content=header + binary, headers=headers)


EIGHT = np.array([12.5]).tobytes()
UNREADABLE = {
    "too few bytes": (packed(), EIGHT[:4], None, "binary_data_size is 8, and 4 bytes are left"),
    "too many bytes": (packed(), EIGHT + b"x", None, "1 bytes after the JSON belong to no input"),
    "half a number": (
        packed(parameters={"binary_data_size": 5}),
        b"12345",
        None,
        "no whole number",
    ),
    "another shape": (packed(shape=[2]), EIGHT, None, "has 1 values, and the shape [2]"),
    "negative size": (packed(parameters={"binary_data_size": -8}), EIGHT, None, "is -8"),
    "true as size": (packed(parameters={"binary_data_size": True}), EIGHT, None, "is True"),
    "data twice": (packed(data=[1.5]), EIGHT, None, "needs either data or"),
    "no data": (packed(parameters={}), EIGHT, None, "needs either data or"),
    "shared memory": (packed(parameters={"shared_memory_region": "a"}), b"", None, "is not read"),
    "length of no number": (packed(), EIGHT, "-1", "is not the length of the JSON"),
    "length beyond the body": (packed(), EIGHT, "99999", "is not the length of the JSON"),
    "a text cut": (packed(datatype="BYTES"), b"\x05\0\0\0abc\0", None, "ends within a text"),
    "a length cut": (packed(datatype="BYTES"), b"\x02\0\0\0abcd", None, "within the length"),
    "no UTF-8": (packed(datatype="BYTES"), b"\x04\0\0\0\xff\xff\xff\xff", None, "is not UTF-8"),
}


@pytest.mark.parametrize(
    ("given", "binary", "length", "words"), UNREADABLE.values(), ids=UNREADABLE
)
def test_unreadable_bytes(client, given, binary, length, words):
    """What does not fit together is 400, and the sentence says where."""
    answer = infer_bytes(client, given, binary, length)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text


def test_bytes_are_as_values(client):
    """A number as bytes predicts as the same number in JSON."""
    outputs = infer(client, tensor(data=[12.5])).json()["outputs"]
    assert infer_bytes(client, packed(), EIGHT).json()["outputs"] == outputs
