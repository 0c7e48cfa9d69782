#!/usr/bin/env bash
# ONNX Runtime: whether 1.5 is in a tree's set that holds 1 depends on the set's other members.
#
# A node of TreeEnsemble (ai.onnx.ml, opset 5) may ask whether a value is in a set. For some sets ONNX Runtime cuts
# the asked value to an integer before it looks, for others it does not. With {1, 2} the value 1.5 is no member;
# with {1, 40} it is one, and with {0, 40} so are 0.5 and -0.5. The reference evaluator of onnx compares values, as
# the specification says. It hurts where a number is used as a category, or a code was averaged or scaled.
#
# Seen with onnxruntime 1.32.0 and 1.24.1 (onnx 1.23.2).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper

MEMBER = 6


def is_in(members):
    """A tree of one node: 1 for a member, else 0."""
    floats = lambda name, values: helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, tree_roots=[0],
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [1], [MEMBER]),
        nodes_featureids=[0], nodes_splits=floats("splits", [0.0]),
        membership_values=floats("members", [*members, np.nan]),
        nodes_truenodeids=[0], nodes_trueleafs=[1], nodes_falsenodeids=[1], nodes_falseleafs=[1],
        leaf_targetids=[0, 0], leaf_weights=floats("weights", [1.0, 0.0]),
    )
    column = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1])
    graph = helper.make_graph([node], "tree", [column("x")], [column("y")])
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=10)
    checker.check_model(model, full_check=True)
    return onnxruntime.InferenceSession(model.SerializeToString())


asked = [-0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 40.0, 40.5]
x = np.array(asked, dtype=np.float32).reshape(-1, 1)
for members, wrong in ([1, 2], []), ([1, 40], [1.5, 40.5]), ([0, 40], [-0.5, 0.5, 40.5]):
    (said,) = is_in(members).run(None, {"x": x})
    found = [value for value, answer in zip(asked, said.ravel(), strict=True) if answer]
    print(f"members {members}: found {found}")
    assert found == sorted([*members, *wrong])
END
