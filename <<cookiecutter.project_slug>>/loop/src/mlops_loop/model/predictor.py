"""The model of a bundle, ready to answer: encoded rows in, scores out.

`model.onnx` runs on ONNX Runtime. `model.skops` is the explicit alternative for pipelines that
ONNX cannot express; it needs scikit-learn, and loads only the types in `TRUSTED` and those that the
project names: `trusted` and `library` of its estimators, and `extensions.TRUSTED_TYPES`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mlops_loop import project
from mlops_loop.errors import NoValidBundle, ProjectError

# Types beyond those that skops itself trusts. Each was read: it runs no code when it is loaded.
TRUSTED = (
    "functools.partial",  # of a function that is trusted by its own name
    "numpy.dtype",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfGammaLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfPoissonLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss.loss.PinballLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",  # a dict
)


class Predictor(Protocol):
    """Scores of encoded rows."""

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        """float32 (n_rows, n_columns) -> (n_rows,), or (n_rows, n_scores) for more than one."""


class OnnxPredictor:
    """ONNX Runtime on one thread: a row takes microseconds, and replicas scale by process."""

    def __init__(self, path: Path) -> None:
        # Read while the library is imported; its own function comes too late for the device id.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised, and reported in one sentence
        with _readable(path):
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[-1].name

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        scores = self._session.run([self._output], {self._input: matrix})[0]
        return scores[:, 0] if scores.shape[1] == 1 else scores


class SkopsPredictor:
    """The scikit-learn pipeline itself, loaded without pickle."""

    def __init__(self, path: Path) -> None:
        self.pipeline = load_skops(path)

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        return raw_scores(self.pipeline, matrix)


@np.errstate(all="ignore")  # the caller checks for scores that are not finite
def raw_scores(pipeline: Any, matrix: np.ndarray) -> np.ndarray:
    """Scores of a fitted scikit-learn pipeline, in the shape of `Predictor.scores`.

    These are probabilities where it has them, distances where it finds groups, else predictions:
    what skl2onnx gives as last output. No row has no score, which scikit-learn refuses to say.
    """
    if not len(matrix):
        return raw_scores(pipeline, np.zeros((1, matrix.shape[1]), matrix.dtype))[:0]
    if hasattr(pipeline, "predict_proba"):
        return pipeline.predict_proba(matrix)
    if hasattr(pipeline, "fit_predict") and hasattr(pipeline, "transform"):  # as KMeans
        return pipeline.transform(matrix)
    return np.asarray(pipeline.predict(matrix), dtype=float)


def load_skops(path: Path) -> Any:
    """A scikit-learn pipeline from a skops file.

    Raises NoValidBundle where the file is damaged, needs a library that is not installed, or holds
    a type that is trusted neither here nor by the project.
    """
    import skops.io

    with _readable(path):
        unknown = set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED)
    trusted = {*TRUSTED, *_trusted_by_project(unknown)}
    if foreign := sorted(unknown - trusted):
        raise NoValidBundle(
            f"{path.name} holds types that are not trusted: {', '.join(foreign)}. Next: read their "
            "code, then add them to trusted= of the estimator in estimators.py of the project; or, "
            "for a model that no estimator makes any more, to TRUSTED_TYPES in extensions.py"
        )
    with _readable(path):
        return skops.io.load(path, trusted=sorted(trusted))


def _trusted_by_project(unknown: set[str]) -> set[str]:
    """Types that the project names. Its code is imported only while some of `unknown` are left."""
    found: set[str] = set()
    for module, types in (
        ("extensions", project.trusted_types),
        ("estimators", project.types_of_estimators),
    ):
        if unknown - found:
            found |= _named(types, module)
    return found


def _named(types: Callable[[], tuple[str, ...]], module: str) -> set[str]:
    try:
        return set(types())
    except ModuleNotFoundError as error:
        or_name = " Or name the types of this model in TRUSTED_TYPES of extensions.py."
        raise NoValidBundle(
            f"{module}.py of the project imports {error.name!r}, which is not installed here: "
            "import it inside the functions that use it, or add it to dependencies in pyproject."
            f"{or_name if module == 'estimators' else ''}"
        ) from error
    except ProjectError as error:
        raise NoValidBundle(f"The project's trusted types cannot be read: {error}") from error


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Any error of a library about a damaged file, in one sentence."""
    try:
        yield
    except Exception as error:
        reason = (str(error).splitlines() or [repr(error)])[0].rstrip(".")
        raise NoValidBundle(f"{path} cannot be read: {reason}. Next: make pipeline") from error


PREDICTORS: dict[str, Callable[[Path], Predictor]] = {
    "model.onnx": OnnxPredictor,
    "model.skops": SkopsPredictor,
}


def load_predictor(folder: Path) -> Predictor:
    """The predictor for the model file in a bundle; raises NoValidBundle without one."""
    for name, predictor in PREDICTORS.items():
        if (folder / name).exists():
            return predictor(folder / name)
    raise NoValidBundle(f"No {' or '.join(PREDICTORS)} in {folder}. Next: make pipeline")
