"""PyTorch as the trainer of a network: the network of scikit-learn, row by row and byte by byte.

Without PyTorch these tests are skipped; the template runs them with it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_loop import errors, files
from mlops_loop.model.predictor import TRUSTED, raw_scores
from mlops_loop.pipeline import learners, networks, search
from mlops_loop.pipeline.networks import NetworkClassifier, NetworkRegressor

if not find_spec("torch"):
    reason = "torch is not installed: uv run --with torch pytest loop/tests/pipeline"
    pytest.skip(reason, allow_module_level=True)

import torch

from mlops_loop.pipeline import torch_learner

KINDS = ("binary", "multi-class", "regression")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
# Trains one network, and prints a hash of its file.
PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
import test_torch_learner as t
x, y = t.rows("multi-class")
print(t.file_hash(t.network("multi-class", hidden_layer_sizes=(300, 40)).fit(x, y).network_))
"""


def rows(kind: str, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Five inputs, and classes or numbers that depend on two of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    number = x[:, 0] - x[:, 1] ** 2 + rng.normal(0, 0.3, n)
    if kind == "regression":
        return x, 40 * number + 1000
    return x, np.searchsorted([-1, 1] if kind == "multi-class" else [-0.5], number)


def network(kind: str, backend: str = "torch", **options):
    """A network with a seed, that is not fitted."""
    made = NetworkRegressor if kind == "regression" else NetworkClassifier
    return made(**{"random_state": 3, "backend": backend, **options})


def file_hash(fitted) -> str:
    """A hash of the file that stage train would write."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.skops")
        files.write_skops(fitted, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_learns_what_scikit_learn_learns(kind, activation):
    """The same network to the digits of float32, epoch by epoch, weights of rows included."""
    x, y = rows(kind)
    options = {"activation": activation, "hidden_layer_sizes": (9, 4), "max_iter": 8}
    if kind != "regression":
        options["class_weight"] = "balanced"
    one, other = (network(kind, backend, **options).fit(x, y) for backend in ("torch", "sklearn"))
    np.testing.assert_allclose(one.network_.loss_curve_, other.network_.loss_curve_, rtol=1e-4)
    found, expected = (learners.outputs(each.network_, x) for each in (one, other))
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(KINDS),
    activation=st.sampled_from(ACTIVATIONS),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    unit=st.sampled_from([1e-6, 1.0, 1e6]),
    missing=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_network_is_handed_over_as_it_was_trained(kind, activation, sizes, unit, missing, seed):
    """To scikit-learn, which answers every row as PyTorch does; a missing number is the mean."""
    x, y = rows(kind, 150, seed)
    x = np.where(np.random.default_rng(seed).random(x.shape) < 0.1, np.nan, x) if missing else x
    y = y * unit if kind == "regression" else y
    blank = network(kind, activation=activation, hidden_layer_sizes=sizes, max_iter=3)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "_check_same", lambda *given: seen.append(given))
        pipeline = search.fit(make_pipeline(SimpleImputer(), StandardScaler(), blank), {}, x, y)
    [(_, learner, inner)] = seen
    trained, found = learner.outputs(inner), raw_scores(pipeline, x)
    if kind == "regression":
        trained = trained * np.std(y) + np.mean(y)
    np.testing.assert_allclose(found, trained, atol=1e-6 * max(1, np.abs(trained).max()))
    assert set(skops.io.get_untrusted_types(data=skops.io.dumps(pipeline))) <= set(TRUSTED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_bytes(kind):
    """And another seed others."""
    x, y = rows(kind)
    hashes = [file_hash(network(kind, random_state=s).fit(x, y).network_) for s in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_number_of_cores_changes_no_byte():
    """Nor another process."""
    program = PROGRAM.format(folder=os.path.dirname(__file__))
    env = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
    x, y = rows("multi-class")
    torch.set_num_threads(4)
    here = network("multi-class", hidden_layer_sizes=(300, 40)).fit(x, y)
    assert printed.splitlines()[-1] == file_hash(here.network_)
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_by_the_rows_of_the_split_and_keeps_the_best_epoch(kind):
    """As the other trainer does."""
    (x, y), (other, target) = rows(kind), rows(kind, 200, 1)
    blank = network(kind, max_iter=400, alpha=0, learning_rate_init=0.03, early_stopping=True)
    blank.set_params(tol=0, n_iter_no_change=5)
    found, expected = (
        clone(blank).set_params(backend=backend).fit(x, y, X_val=other, y_val=target).network_
        for backend in ("torch", "sklearn")
    )
    assert found.n_iter_ < 400
    assert found.loss_curve_.index(min(found.loss_curve_)) == found.n_iter_ - 6
    assert min(found.loss_curve_) == pytest.approx(min(expected.loss_curve_), rel=0.02)


def test_a_wrong_hand_over_stops(monkeypatch):
    """It is seen on the rows, and is no error of the grid."""
    right = torch_learner.TorchLearner.layers

    def wrong(self):
        layers = right(self)
        layers.coefs[0][0, 0] += 0.01
        return layers

    monkeypatch.setattr(torch_learner.TorchLearner, "layers", wrong)
    x, y = rows("binary")
    with pytest.raises(errors.ExportDisagrees, match=r"differs from the one that was trained by"):
        search.fit(make_pipeline(StandardScaler(), network("binary")), {}, x, y)


def test_a_loss_without_end_is_refused():
    """With what to lower."""
    x, y = rows("regression")
    blank = make_pipeline(StandardScaler(), network("regression"))
    with pytest.raises(errors.UsageError, match="grows without end: lower learning_rate_init"):
        search.fit(blank, {"learning_rate_init": 1e30}, x, y)


def test_version_and_device_are_said_once(monkeypatch, capsys):
    """And are a part of what the scores of a search depend on."""
    torch_learner._device.cache_clear()
    x, y = rows("binary", 60)
    for _ in range(2):
        network("binary").fit(x, y)
    assert capsys.readouterr().out == f"train: PyTorch {torch.__version__} on the CPU\n"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert networks.runtime(network("binary")).endswith(" on NVIDIA H200")
    assert networks.runtime(network("binary", "sklearn")) == ""
