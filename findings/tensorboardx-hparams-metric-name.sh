#!/usr/bin/env bash
# A metric of add_hparams whose name has a blank has no value in TensorBoard's HParams.
#
# tensorboardX writes the scalar of such a metric under a cleaned tag (cost_in_EUR), but declares the
# metric under the name that was given (cost in EUR). TensorBoard looks for a scalar of exactly the
# declared name, finds none, and leaves the column empty. Nothing is said; a name of letters, digits
# and _-./ works.
#
# Seen with tensorboardX 2.6.5 and TensorBoard 2.21.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check tensorboardx==2.6.5 tensorboard==2.21.0 'setuptools<81'
cd "$folder"
"$folder/env/bin/python" - 2>"$folder/log" <<'END'
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboardX import SummaryWriter

with SummaryWriter("runs") as writer:
    writer.add_hparams({"depth": 3}, {"cost in EUR": 7.5, "accuracy": 0.9}, name="one")
found = EventMultiplexer().AddRunsFromDirectory("runs")
found.Reload()
content = found.GetAccumulator("one")._plugin_to_tag_to_content["hparams"]
declared = HParamsPluginData.FromString(content["_hparams_/experiment"]).experiment.metric_infos
declared = {metric.name.tag for metric in declared}
written = set(found.Runs()["one"]["scalars"])
print(f"declared: {sorted(declared)}; written: {sorted(written)}")
assert declared - written == {"cost in EUR"}, declared
assert written - declared == {"cost_in_EUR"}, written
END
