"""Event files, read back by TensorBoard itself in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mlops_loop import paths
from mlops_loop.errors import UsageError
from mlops_loop.trackers import facts, tensorboard_events

READ = """
import json, sys
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import plugin_data_pb2
found = EventMultiplexer(size_guidance={"scalars": 0}).AddRunsFromDirectory(sys.argv[1])
found.Reload()
read = {}
for run, tags in found.Runs().items():
    read[run] = {t: [[e.step, e.value] for e in found.Scalars(run, t)] for t in tags["scalars"]}
    for tag in tags["tensors"]:
        read[run][tag] = found.Tensors(run, tag)[0].tensor_proto.string_val[0].decode()
    for tag, content in found.GetAccumulator(run)._plugin_to_tag_to_content["hparams"].items():
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        values = data.session_start_info.hparams
        if values:
            read[run]["hparams"] = {k: v.string_value or v.number_value for k, v in values.items()}
        if data.experiment.metric_infos:
            read[run]["shown"] = [m.name.tag for m in data.experiment.metric_infos]
print(json.dumps(read))
"""


@pytest.fixture
def read(tracker_python):
    """`read(folder)`: by run and tag, what TensorBoard shows."""

    def run(folder):
        command = [tracker_python, "-c", READ, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env={})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_what_tensorboard_shows(trained, tracker_extras, read):
    """Metrics, the curves over [0, 1] by thousandths, the model card, and each candidate."""
    told = facts.read() if trained() else None
    odd = {"values": {"depth": 5, "loss": "log"}, "score": 0.7, "spread": 0.02, "rung": 1}
    told = replace(told, candidates=(*told.candidates, odd))
    made = tensorboard_events.write(Path("runs"), told)
    assert (made.folder, made.is_new) == (Path("runs") / told.bundle_id, True)
    shown = read("runs")
    model = shown[told.bundle_id]
    assert model["holdout/roc_auc.low"] == [[0, pytest.approx(0.85)]]
    assert model["search/roc_auc"] == [[0, pytest.approx(0.8)]]
    assert model["training/loss"] == [[0, pytest.approx(0.7)], [1, pytest.approx(0.5)]]
    assert model["roc/true_positive_rate"] == [[0, 0], [250, pytest.approx(0.8)], [1000, 1]]
    steps = {k: [step for step, _ in model[k]] for k in model if k.startswith(("prec", "calib"))}
    assert steps == {
        "precision_recall/precision": [0, 500, 1000],
        "calibration/observed": [100, 500, 900],
    }
    assert not [tag for tag in model if tag.startswith(("confusion", "importance"))]
    assert model["model_card/text_summary"] == "# Model a\n"
    candidate = shown[f"{told.bundle_id}/candidate-01"]
    # Where one candidate has a value that is no number, all values of that name are texts.
    assert candidate["hparams"] == {"depth": "3", "loss": "log"}
    assert candidate["shown"] == ["search.roc_auc", "search.spread"]
    assert candidate["search.roc_auc"] == [[2, pytest.approx(0.8)]]
    assert "search.roc_auc" not in shown[f"{told.bundle_id}/candidate-02"]


def test_the_metric_of_hyperparameters_is_found_by_its_name(trained, tracker_extras, read):
    """Of a name with a blank the writer changes the scalar alone."""
    told = replace(facts.read() if trained() else None, scoring="cost in EUR")
    tensorboard_events.write(Path("runs"), told)
    candidate = read("runs")[f"{told.bundle_id}/candidate-01"]
    assert set(candidate["shown"]) <= candidate.keys()


def test_a_second_time_changes_nothing(trained, tracker_extras):
    """Another model comes beside it."""
    trained("a")
    tensorboard_events.write(Path("runs"), facts.read())
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    assert not tensorboard_events.write(Path("runs"), facts.read()).is_new
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before
    other = trained("b")
    assert tensorboard_events.write(Path("runs"), facts.read()).is_new
    assert {path.name for path in Path("runs").iterdir()} > {other.id}
    assert before.keys() < set(Path("runs").rglob("*"))


def test_a_folder_that_cannot_be_written(trained, tracker_extras):
    trained()
    Path("runs").write_text("a file")
    with pytest.raises(UsageError, match=r"runs cannot be written: File exists\."):
        tensorboard_events.write(Path("runs"), facts.read())


def test_a_table_that_is_no_curve_is_left_out(trained):
    """Numbers beyond [0, 1], or in no order."""
    trained()
    for name, text in {"residuals": "r,n\n-2.0,1.5\n0.0,3.0\n2.0,1.0\n",
                       "predicted": "p,a\n0.5,0.1\n0.1,0.4\n0.9,0.3\n"}.items():  # fmt: skip
        (paths.PLOTS / f"{name}.csv").write_text(text)
    names = [name for name, _ in tensorboard_events.curves(facts.read().files["plots"])]
    assert names == ["calibration/observed", "precision_recall/precision", "roc/true_positive_rate"]
