#!/usr/bin/env bash
# ONNX's reference evaluator: a set of a tree that holds category 0 holds nothing.
#
# A node of TreeEnsemble (ai.onnx.ml, opset 5) may ask whether a value is in a set, as splits of LightGBM on
# categories do, whose codes begin at 0. onnx.reference.ReferenceEvaluator answers such a node with false for
# every member as soon as 0 is one of them. The checker accepts the model, and ONNX Runtime answers as the
# specification says. So a model that is tested against the reference is "wrong" exactly where it is right.
#
# Seen with onnx 1.23.2 and 1.19.1 (onnxruntime 1.32.0): sets {1, 3} and {0, 3} asked for 0, 1, 2 and 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 'protobuf<7'
"$folder/env/bin/python" -W ignore - <<'END'
import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper
from onnx.reference import ReferenceEvaluator

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
    return model


x = np.arange(4, dtype=np.float32).reshape(-1, 1)
for members, reference in ({1, 3}, [0, 1, 0, 1]), ({0, 3}, [0, 0, 0, 0]):
    model = is_in(sorted(members))
    (said,) = ReferenceEvaluator(model).run(None, {"x": x})
    (ran,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})
    print(f"in {members}: reference {said.ravel()}, ONNX Runtime {ran.ravel()}")
    assert ran.ravel().tolist() == [value in members for value in range(4)]
    assert said.ravel().tolist() == reference
END
