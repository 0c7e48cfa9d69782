"""Networks as scikit-learn trains them: its own result, epoch by epoch, and by the split."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlops_loop import errors
from mlops_loop.model.contract import Column, Contract
from mlops_loop.model.predictor import TRUSTED, load_predictor
from mlops_loop.pipeline import export, networks, parity, preflight, search
from mlops_loop.pipeline.model_pipeline import Estimator
from mlops_loop.pipeline.networks import NetworkClassifier, NetworkRegressor

KINDS = ("binary", "multi-class", "regression")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def rows(kind: str, n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Five inputs, and classes or numbers that depend on two of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    number = x[:, 0] - x[:, 1] ** 2 + rng.normal(0, 0.3, n)
    if kind == "regression":
        return x, 40 * number + 1000
    return x, np.searchsorted([-1, 1] if kind == "multi-class" else [-0.5], number)


def network(kind: str, **options):
    """A network with a seed, that is not fitted."""
    made = NetworkRegressor if kind == "regression" else NetworkClassifier
    return made(**{"random_state": 3, **options})


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["binary", "multi-class"])
def test_an_epoch_is_one_of_scikit_learn(kind, activation):
    """The same first weights, order of rows and loss, with a batch larger than the rows too."""
    x, y = rows(kind)
    options = {"hidden_layer_sizes": (7, 4), "activation": activation, "alpha": 0.1}
    for batch in (50, "auto", 999):
        options |= {"max_iter": 1, "random_state": 3, "batch_size": batch}
        with pytest.warns(UserWarning, match="Maximum iterations|batch_size"):
            expected = MLPClassifier(**options).fit(x, y)
        found = network(kind, **options).fit(x, y).network_
        for one, other in zip(found.coefs_, expected.coefs_, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
        np.testing.assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-5)


def test_the_order_of_rows_is_another_in_every_epoch():
    """`partial_fit` of a network with a number as seed repeats one order from the second on."""
    x, y = rows("binary")
    same = MLPClassifier((7,), random_state=3)
    for _ in range(2):
        same.partial_fit(x, y, classes=[0, 1])
    options = {"hidden_layer_sizes": (7,), "alpha": same.alpha}
    first, second = (network("binary", **options, max_iter=n).fit(x, y).network_ for n in (1, 2))
    assert first.loss_ == pytest.approx(same.loss_curve_[0], rel=1e-6)
    assert np.abs(second.coefs_[0] - same.coefs_[0]).max() > 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_the_pipeline_keeps_a_network_of_scikit_learn(kind):
    """With all that a fitted one has, and nothing that only training needs."""
    x, y = rows(kind)
    fitted = search.fit(
        make_pipeline(StandardScaler(), network(kind)), {"hidden_layer_sizes": [6, 3]}, x, y
    )[-1]
    assert type(fitted) is (MLPRegressor if kind == "regression" else MLPClassifier)
    assert (fitted.n_layers_, fitted.n_features_in_, fitted.n_iter_) == (4, 5, 50)
    assert (len(fitted.loss_curve_), fitted.random_state) == (50, 3)
    assert not hasattr(fitted, "_optimizer")
    assert set(skops.io.get_untrusted_types(data=skops.io.dumps(fitted))) <= set(TRUSTED)


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_by_the_rows_of_the_split_and_keeps_the_best_epoch(kind):
    """Its loss on them is the lowest of all epochs, and it was not trained on them."""
    (x, y), (other, target) = rows(kind), rows(kind, 200, 1)
    blank = network(kind, max_iter=400, alpha=0, learning_rate_init=0.03, early_stopping=True)
    blank.set_params(tol=0, n_iter_no_change=5)
    fitted = clone(blank).fit(x, y, X_val=other, y_val=target).network_
    assert fitted.n_iter_ < 400
    curve = fitted.loss_curve_
    assert curve.index(min(curve)) < len(curve) - 1
    assert loss(fitted, other, target, y) == pytest.approx(min(curve), rel=1e-4)
    chance = np.random.default_rng(0).permutation(target)
    assert clone(blank).fit(x, y, X_val=other, y_val=chance).network_.n_iter_ < fitted.n_iter_


def loss(fitted, x, y, training) -> float:
    """Log loss, or half the squared error of targets that are scaled as those of training."""
    if isinstance(fitted, MLPRegressor):
        return float(np.mean(((fitted.predict(x) - y) / np.std(training)) ** 2) / 2)
    return float(-np.log(fitted.predict_proba(x)[np.arange(len(y)), y]).mean())


def test_the_unit_of_the_target_changes_nothing_else():
    """Minutes or milliseconds since any day: the same network with another last layer."""
    x, y = rows("regression")
    one = network("regression").fit(x, y)
    other = network("regression").fit(x, y * 60_000 + 1e7)
    assert one.network_.n_iter_ == other.network_.n_iter_
    np.testing.assert_allclose(other.predict(x), one.predict(x) * 60_000 + 1e7, rtol=1e-5)
    assert np.corrcoef(one.predict(x), y)[0, 1] > 0.8


@pytest.mark.parametrize("target", [0.0, 5.0])
def test_a_target_of_one_value_is_learned(target):
    """Nothing is divided by its standard deviation."""
    x, _ = rows("regression", 50)
    found = network("regression", max_iter=300, alpha=0).fit(x, np.full(50, target)).predict(x)
    np.testing.assert_allclose(found, target, atol=0.3)


@pytest.mark.parametrize(
    ("options", "missing", "reason"),
    [
        ({}, True, r'no missing value: set numbers="scaled"'),
        ({"learning_rate_init": 1e30}, False, "non-finite parameter weights"),
        ({"backend": "jax"}, False, "'backend' parameter of NetworkRegressor must be a str among"),
        ({"hidden_layer_sizes": (0,)}, False, "hidden_layer_sizes must be > 0"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_cannot_be_learned_is_refused(options, missing, reason):
    """By what to set instead, as an error of the grid."""
    x, y = rows("regression")
    x[0, 0] = np.nan if missing else 0
    with pytest.raises(errors.UsageError, match=f"train.grid: a model with .*{reason}"):
        search.fit(make_pipeline(StandardScaler(), network("regression")), options, x, y)


def test_a_network_that_differs_from_what_was_trained_stops(monkeypatch):
    """On any row: it is no error of the grid."""
    kept = networks._fitted

    def other(*given):
        fitted = kept(*given)
        fitted.intercepts_[-1] = fitted.intercepts_[-1] + 1e-3
        return fitted

    monkeypatch.setattr(networks, "_fitted", other)
    x, y = rows("binary")
    with pytest.raises(errors.ExportDisagrees, match=r"differs .* on one of 400 rows \(allowed"):
        search.fit(make_pipeline(StandardScaler(), network("binary")), {}, x, y)


@pytest.fixture
def without_torch(monkeypatch):
    """A machine that has no PyTorch."""
    monkeypatch.setattr(networks, "find_spec", lambda name: None)


def test_pytorch_is_missed_before_a_row_is_read(without_torch, monkeypatch, make_params, inputs):
    """With the command that brings it, in an environment and in CI alike."""
    entry = Estimator(lambda **given: NetworkClassifier(backend="torch", **given))
    monkeypatch.setattr(preflight.project, "estimators", lambda: {"torch_mlp": entry})
    monkeypatch.setattr(preflight.project, "raw_rows", lambda: inputs)
    monkeypatch.setattr(preflight.project, "model_input", lambda: inputs)
    with pytest.raises(errors.UsageError, match=r"Next: uv add --group pipeline 'mlops-loop\[t"):
        preflight.check(make_params("binary", {"train.estimator": "torch_mlp"}))
    monkeypatch.setattr(networks, "find_spec", lambda name: "there")
    preflight.check(make_params("binary", {"train.estimator": "torch_mlp"}))


def test_pytorch_is_missed_by_a_fit(without_torch):
    """As where the grid asks for it."""
    x, y = rows("binary")
    with pytest.raises(errors.UsageError, match="needs PyTorch, which is not installed"):
        search.fit(make_pipeline(StandardScaler(), network("binary")), {"backend": "torch"}, x, y)


def test_other_models_need_none(without_torch):
    """And stay what they are."""
    model = Ridge()
    networks.check_installed(model)
    assert networks.plain(model) is model
    assert networks.runtime(model) == networks.runtime(NetworkClassifier()) == ""


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from(KINDS),
    activation=st.sampled_from(ACTIVATIONS),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    unit=st.sampled_from([1e-6, 1.0, 1e6]),
    seed=st.integers(0, 99),
)
def test_every_network_is_exported(kind, activation, sizes, unit, seed):
    """Of any depth, activation and target, with the answers of the pipeline on all rows."""
    x, y = rows(kind, 200, seed)
    y = y * unit if kind == "regression" else y
    blank = network(kind, activation=activation, hidden_layer_sizes=sizes, max_iter=5)
    pipeline = search.fit(make_pipeline(StandardScaler(), blank), {}, x, y)
    task = "regression" if kind == "regression" else "classification"
    classes = {"binary": ("no", "yes"), "multi-class": ("low", "mid", "high")}.get(kind, ())
    contract = Contract(task, "outcome", tuple(Column(n, "number") for n in "abcde"), classes)
    with tempfile.TemporaryDirectory() as name:
        export.write_onnx(pipeline, contract, Path(name))
        parity.check_parity(pipeline, load_predictor(Path(name)), x, contract, 1e-5)
